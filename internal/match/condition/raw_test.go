package condition_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/condition"
)

func TestRaw(t *testing.T) {
	tests := []struct{ name, clause, want string }{
		{"keys in order", `{"fuzzy": {"k": {"value": "a", "fuzziness": 1}}}`, `{"fuzzy":{"k":{"fuzziness":1,"value":"a"}}}`},
		{"no escapes for HTML", `{"term": {"k": "<a&b>"}}`, `{"term":{"k":"<a&b>"}}`},
		{"large numbers", `{"term": {"n": 9007199254740993}}`, `{"term":{"n":9007199254740993}}`},
		{"fractions as written", `{"term": {"n": 1.0}}`, `{"term":{"n":1.0}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dec := json.NewDecoder(strings.NewReader(tt.clause))
			dec.UseNumber()
			var clause condition.Query
			if err := dec.Decode(&clause); err != nil {
				t.Fatal(err)
			}
			r, err := condition.NewRaw(clause)
			if err != nil {
				t.Fatal(err)
			}
			if want := "(raw " + tt.want + ")"; r.String() != want {
				t.Errorf("got %s, want %s", r, want)
			}
			if diff := cmp.Diff(clause, condition.DSL(r)); diff != "" {
				t.Errorf("Query DSL (-want +got):\n%s", diff)
			}
		})
	}
}

// Only the search knows the meaning of a clause: it is pushed down as a whole, even below a Not,
// and never matched.
func TestRawIsForSearches(t *testing.T) {
	clause := raw(`{"fuzzy":{"k":"a"}}`)
	cidr := condition.CIDR{Field: "k", Networks: []string{"10.0.0.0/8"}}
	superset, exact := condition.Pushdown(condition.And{condition.Not{X: clause}, cidr}, fields)
	if want := `(not (raw {"fuzzy":{"k":"a"}}))`; superset.String() != want || exact {
		t.Errorf("pushed down %s, %t", superset, exact)
	}
	_, err := condition.Compile(condition.Or{condition.Exists{Field: "k"}, clause}, fields)
	if !errors.Is(err, condition.ErrSearchOnly) || !strings.Contains(err.Error(), `{"fuzzy":{"k":"a"}}`) {
		t.Errorf("compiled: %v", err)
	}
	twice := condition.And{clause, condition.Exists{Field: "n"}, raw(`{"fuzzy":{"k":"a"}}`), raw(`{"fuzzy":{"k":"b"}}`)}
	want := `(and (raw {"fuzzy":{"k":"a"}}) (exists n) (raw {"fuzzy":{"k":"b"}}))`
	if got := condition.Simplify(twice).String(); got != want {
		t.Errorf("simplified to %s, want %s", got, want)
	}
	if _, err := condition.NewRaw(condition.Query{"f": func() {}}); err == nil {
		t.Error("a function is JSON")
	}
	none, err := json.Marshal(condition.DSL(condition.Raw{}))
	if err != nil || string(none) != `{"match_none":{}}` {
		t.Errorf("the zero Raw is %s, %v", none, err)
	}
}
