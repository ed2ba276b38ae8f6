package elastic

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGlob(t *testing.T) {
	rows := []struct {
		pattern, name string
		want          bool
	}{
		{"logs-*", "logs-a", true},
		{"logs-*", "log-a", false},
		{"logs", "logs", true},
		{"logs", "logs-a", false},
		{"*", "x", true},
		{"_all", "x", true},
		{"*-a", "b-a", true},
		{"*-a", "b-a-c", false},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "acb", false},
		{"a*a", "a", false},
		{"eu:logs-*", "eu:logs-a", true},
		{"*:logs-*", "eu:logs-a", true},
		{"logs-*", "eu:logs-a", false},
		{"", "", true},
	}
	for _, row := range rows {
		if got := glob(row.pattern, row.name); got != row.want {
			t.Errorf("glob(%q, %q) = %v", row.pattern, row.name, got)
		}
	}
}

func TestEscape(t *testing.T) {
	got := escape([]string{"logs-*", "<a-{now/d}>", "eu:x", "ü,?#% +"})
	want := []string{"logs-*", "%3Ca-%7Bnow%2Fd%7D%3E", "eu:x", "%C3%BC%2C%3F%23%25%20%2B"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTidy(t *testing.T) {
	got := tidy([]string{" a , b", "a", "", "c"})
	if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPatternChunks(t *testing.T) {
	var plain []string
	for i := range 100 {
		plain = append(plain, fmt.Sprintf("pattern-%02d-*", i))
	}
	mixed := slices.Insert(slices.Clone(plain), 50, "-pattern-1*")
	mixed = append(mixed, "-pattern-2*")
	for name, patterns := range map[string][]string{"plain": plain, "with exclusions": mixed, "few": plain[:3]} {
		t.Run(name, func(t *testing.T) {
			parts := patternChunks(patterns, 200)
			seen := map[string]int{}
			for _, part := range parts {
				if n := len(strings.Join(part, ",")); n > 200 {
					t.Errorf("a part of %d bytes", n)
				}
				at := -1
				for _, p := range part {
					next := slices.Index(patterns, p)
					if next <= at {
						t.Errorf("%s is out of order", p)
					}
					at = next
					seen[p]++
				}
			}
			for _, p := range patterns {
				want := 1
				if isExclusion(p) {
					want = len(parts)
				}
				if seen[p] != want {
					t.Errorf("%s is in %d of %d parts", p, seen[p], len(parts))
				}
			}
		})
	}
	if parts := patternChunks(nil, 200); parts != nil {
		t.Errorf("of nothing: %v", parts)
	}
}
