package correlating_test

import (
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/query/correlating"
)

// TestNeedsOfExtended: an extended condition without negation can be met by the rules that can have hits exactly if it holds
// of them.
func TestNeedsOfExtended(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "rules")
		var alternatives [][]int
		for range rapid.IntRange(0, 3).Draw(t, "alternatives") {
			alternatives = append(alternatives, rapid.SliceOfN(rapid.IntRange(0, n-1), 1, 3).Draw(t, "all of"))
		}
		holds := func(matched []bool) bool {
			for _, all := range alternatives {
				met := true
				for _, i := range all {
					met = met && matched[i]
				}
				if met {
					return true
				}
			}
			return false
		}
		can := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "can")
		if got := correlating.PossibleOfExtended(holds, can); got != holds(can) {
			t.Fatalf("%v with %v: %v", alternatives, can, got)
		}
	})
}
