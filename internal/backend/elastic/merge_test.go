package elastic

import (
	"encoding/json"
	"testing"

	"tocsin/internal/match/condition"
)

func TestMergeOrder(t *testing.T) {
	const (
		early = `"2026-01-01T00:00:00.000Z"`
		later = `"2026-01-01T00:00:00.000000001Z"` // Sorts before early as text.
	)
	clauses := func(order string) *merger {
		by := []condition.Query{
			{"@timestamp": condition.Query{"order": order}}, {"tie": condition.Query{"order": order}},
		}
		return &merger{pagers: []*pager{{body: condition.Query{"sort": by}}}}
	}
	rows := []struct {
		name, a, b string
		asc, desc  int
	}{
		{"nanoseconds", `[` + early + `,1,7]`, `[` + later + `,1,3]`, -1, 1},
		{"tie", `[` + early + `,1,7]`, `[` + early + `,1,3]`, 0, 0},
		{"tiebreaker", `[` + early + `,9007199254740993,7]`, `[` + early + `,9007199254740992,3]`, 1, -1},
		{"fractions", `[1.5,0,0]`, `[1.25,0,0]`, 1, -1},
		{"text", `[` + early + `,"a",0]`, `[` + early + `,"b",0]`, -1, 1},
		{"text and number", `[` + early + `,"a",0]`, `[` + early + `,1,0]`, -1, 1},
		{"missing is last", `[null,1,0]`, `[` + early + `,1,0]`, 1, 1},
		{"nothing is before missing", `[` + early + `,1,0]`, `[null,1,0]`, -1, -1},
		{"both missing", `[null,1,0]`, `[null,2,0]`, -1, 1},
		{"no sort values", `[]`, `[]`, 0, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var a, b []json.RawMessage
			if err := json.Unmarshal([]byte(row.a), &a); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(row.b), &b); err != nil {
				t.Fatal(err)
			}
			if got := clauses("asc").compare(a, b); got != row.asc {
				t.Errorf("ascending: %d, want %d", got, row.asc)
			}
			if got := clauses("desc").compare(a, b); got != row.desc {
				t.Errorf("descending: %d, want %d", got, row.desc)
			}
		})
	}
}
