package ledger_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/ledger"
)

// TestComparePatterns: what is known of the patterns of a rule after any runs. A run that could not read a place says nothing of it:
// without that run the same would be known, and the same patterns would appear.
func TestComparePatterns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b-*", "eu:c"}
		all, decided := []ledger.Pattern(nil), []ledger.Pattern(nil)
		for i := range rapid.IntRange(1, 8).Draw(t, "runs") {
			slot := hour(i)
			var unmet, unread, appeared []string
			for _, name := range names {
				switch rapid.SampledFrom([]string{"met", "unmet", "unread"}).Draw(t, name) {
				case "unmet":
					unmet = append(unmet, name)
				case "unread":
					unread = append(unread, name)
				}
			}
			all, appeared = ledger.ComparePatterns(all, names, unmet, unread, slot)
			readable := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(unread, n) })
			kept := slices.DeleteFunc(slices.Clone(decided), func(p ledger.Pattern) bool { return slices.Contains(readable, p.Name) })
			now, came := ledger.ComparePatterns(decided, readable, unmet, nil, slot)
			if len(readable) == 0 {
				now, came = nil, nil
			}
			if diff := cmp.Diff(came, appeared); diff != "" {
				t.Fatalf("appeared: -without +with the unread\n%s", diff)
			}
			decided = slices.SortedFunc(slices.Values(slices.Concat(kept, now)), func(a, b ledger.Pattern) int { return strings.Compare(a.Name, b.Name) })
			known := slices.DeleteFunc(slices.Clone(all), func(p ledger.Pattern) bool { return p == ledger.Pattern{Name: p.Name} })
			if diff := cmp.Diff(decided, known); diff != "" && len(decided)+len(known) > 0 {
				t.Fatalf("known: -without +with the unread\n%s", diff)
			}
		}
	})
}
