package diag_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/diag"
)

func TestNearest(t *testing.T) {
	known := []string{"index", "interval", "query", "rule_id", "severity", "threat", "to"}
	tests := []struct{ name, in, want string }{
		{"one letter too many", "intervall", "interval"},
		{"one too few", "severty", "severity"},
		{"two swapped", "qurey", "query"},
		{"other separator", "rule-id", "rule_id"},
		{"too far", "colour", ""},
		{"short words are not guessed", "xy", ""},
		{"empty", "", ""},
		{"known", "query", ""},
		{"of equally near ones the first", "thread", "threat"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, diag.Nearest(tt.in, known)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestNearestOrder wants the same word whichever way the known ones are ordered, and no nearer one to be left out.
func TestNearestOrder(t *testing.T) {
	words := rapid.StringOfN(rapid.RuneFrom([]rune("abc")), 1, 9, -1)
	rapid.Check(t, func(rt *rapid.T) {
		word, known := words.Draw(rt, "word"), rapid.SliceOf(words).Draw(rt, "known")
		want := diag.Nearest(word, known)
		if got := diag.Nearest(word, rapid.Permutation(known).Draw(rt, "order")); got != want {
			rt.Errorf("%s in another order, %s before", got, want)
		}
		if want == word || want != "" && !slices.Contains(known, want) {
			rt.Errorf("%s is near to itself, or not known", want)
		}
		for _, k := range known {
			if k != word && want == "" && len(k) == len(word) && len(word) >= 3 && k[1:] == word[1:] {
				rt.Errorf("%s differs in one letter", k)
			}
		}
	})
}
