package tally_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tocsin/internal/diag/failure"
	"tocsin/internal/search"
	"tocsin/internal/search/tally"
)

// TestManyCombinations counts events with a thousand million combinations each: they must not be
// enumerated.
func TestManyCombinations(t *testing.T) {
	var numbers, floats, versions []string
	for i := range 1000 {
		numbers = append(numbers, strconv.Itoa(i))
		floats = append(floats, fmt.Sprintf("%d.5", i))
		versions = append(versions, fmt.Sprintf(`"1.0.%d"`, i))
	}
	crowd := fmt.Sprintf(`,"n":[%s],"f":[%s],"v":[%s]`, strings.Join(numbers, ","), strings.Join(floats, ","), strings.Join(versions, ","))
	few := at(2, `,"n":1,"f":1.5,"v":"1.0.1"`)
	sources := []string{few, at(1, crowd), few, at(3, crowd)}
	r := request("n", "f", "v")
	r.NoTimes = true
	r.Only = []search.Selection{{Key: []string{"999", "7.5", "1.0.1"}}, {Key: []string{"1", "1.5", "1.0.1"}}, {Key: []string{"1", "1.5", "9.9.9"}}}
	got, err := counted(t, &stream{sources: sources}, r, tally.Options{})
	if diff := cmp.Diff([]string{"999|7.5|1.0.1: 2", "1|1.5|1.0.1: 4"}, got); diff != "" || err != nil {
		t.Errorf("of some groups: %v (-want +got):\n%s", err, diff)
	}
	r.Only = nil
	got, err = counted(t, &stream{sources: sources}, r, tally.Options{Limit: 100})
	if len(got) != 100 || !slices.Contains(got, "1|1.5|1.0.1: 4") || failure.KindOf(err) != failure.Partial {
		t.Errorf("of all groups: %d, %v", len(got), err)
	}
	for _, line := range got {
		if !strings.HasSuffix(line, ": 2") && line != "1|1.5|1.0.1: 4" {
			t.Errorf("a group that was met has lost an event: %s", line)
		}
	}
}

// TestCombinationsAgainstDefinition: however the combinations of an event are counted, the counted
// groups have all of their events.
func TestCombinationsAgainstDefinition(t *testing.T) {
	type plain struct {
		K []string `json:"k,omitempty"`
		N []int    `json:"n,omitempty"`
	}
	rapid.Check(t, func(rt *rapid.T) {
		all := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) plain {
			return plain{
				rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 5).Draw(rt, "k"),
				rapid.SliceOfN(rapid.IntRange(0, 4), 0, 5).Draw(rt, "n"),
			}
		}), 0, 8).Draw(rt, "events")
		r := request("k", "n")
		r.NoTimes = true
		wanted := map[string]bool{}
		if rapid.Bool().Draw(rt, "some") {
			r.Only = []search.Selection{}
			for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a|0", "a|1", "b|1", "c|2", "d|4", "x|0"}), 1, 4, rapid.ID).Draw(rt, "only") {
				r.Only, wanted[key] = append(r.Only, search.Selection{Key: strings.Split(key, "|")}), true
			}
		}
		s := &stream{}
		want := map[string]int64{}
		for _, p := range all {
			source, err := json.Marshal(p)
			if err != nil {
				rt.Fatal(err)
			}
			s.sources = append(s.sources, string(source))
			mine := map[string]bool{}
			for _, k := range p.K {
				for _, n := range p.N {
					mine[fmt.Sprintf("%s|%d", k, n)] = true
				}
			}
			for key := range mine {
				if r.Only == nil || wanted[key] {
					want[key]++
				}
			}
		}
		limit := rapid.SampledFrom([]int{1, 3, 7, 100}).Draw(rt, "limit")
		got := map[string]int64{}
		_, err := tally.Groups(t.Context(), s, r, tally.Options{Limit: limit}, func(page []search.Group) (bool, error) {
			for _, g := range page {
				got[strings.Join(g.Key, "|")] = g.Count
			}
			return true, nil
		})
		partial := r.Only == nil && len(want) > limit
		if (failure.KindOf(err) == failure.Partial) != partial || err != nil && !partial {
			rt.Fatalf("%d groups, room for %d: %v", len(want), limit, err)
		}
		if partial {
			if len(got) != limit {
				rt.Fatalf("%d groups where there is room for %d", len(got), limit)
			}
			for key := range want {
				if _, met := got[key]; !met {
					delete(want, key)
				}
			}
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("(-want +got):\n%s", diff)
		}
	})
}
