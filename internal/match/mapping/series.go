package mapping

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// seriesNames are the names of series by the names or patterns of their indices, names before
// patterns and long patterns first.
type seriesNames []seriesName

type seriesName struct{ pattern, series string }

// Series returns the data stream or rollover series of an index, if the mapping file names it:
// "series": "NAME" beside the mappings of an index, or "series": {"INDEX": "NAME"} beside one
// mapping for all. False if it does not.
func (x *Indices) Series(index string) (string, bool) {
	for _, n := range x.series {
		if Glob(n.pattern, index) {
			return n.series, true
		}
	}
	return "", false
}

var errNoName = errors.New("expected a name")

// seriesKey is the key of both forms.
const seriesKey = "series"

// parseSeries parses both forms, and removes the table from top, whose remaining names are indices.
func parseSeries(top map[string]json.RawMessage) (seriesNames, error) {
	var names seriesNames
	var table map[string]string
	if data := top[seriesKey]; data != nil {
		switch err := json.Unmarshal(data, &table); {
		case err == nil:
			delete(top, seriesKey)
		case isMapping(top) || top["mappings"] != nil:
			return nil, fmt.Errorf("series of a mapping: expected an object with the series of each index: %w", err)
		default: // an index with that name
			table = nil
		}
	}
	for pattern, series := range table {
		names = append(names, seriesName{pattern, series})
	}
	if !isMapping(top) && top["mappings"] == nil {
		for _, index := range slices.Sorted(maps.Keys(top)) {
			var one struct {
				Series *string `json:"series"`
			}
			if err := json.Unmarshal(top[index], &one); err != nil {
				return nil, fmt.Errorf("mapping of index [%s]: %w", index, err)
			}
			if one.Series != nil {
				names = append(names, seriesName{index, *one.Series})
			}
		}
	}
	for _, n := range names {
		if n.series == "" {
			return nil, fmt.Errorf("series of index [%s]: %w", n.pattern, errNoName)
		}
	}
	slices.SortFunc(names, func(a, b seriesName) int {
		return cmp.Or(cmp.Compare(wildcards(a.pattern), wildcards(b.pattern)), cmp.Compare(len(b.pattern), len(a.pattern)), cmp.Compare(a.pattern, b.pattern))
	})
	return names, nil
}
