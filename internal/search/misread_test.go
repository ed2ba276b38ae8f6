package search_test

import (
	"testing"

	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// TestSelectsKeysAsTheyAre: an index that makes another value of a key is not asked for it.
func TestSelectsKeysAsTheyAre(t *testing.T) {
	tables := map[string]mapping.Table{
		"lower": {"k": {Name: "k", Type: mapping.Keyword, Normalizer: "lowercase"}, "n": {Name: "n", Type: mapping.Float}},
		"plain": {"k": {Name: "k", Type: mapping.Keyword}, "n": {Name: "n", Type: mapping.Double}},
	}
	fields := mapping.NewIndexFields(tables, func(string, string) bool { return true })
	for _, row := range []struct{ name, key, want string }{
		{"k", "A", `(and (term k "A") (not (term _index "lower")))`},
		{"k", "a", `(term k "a")`},
		{"n", "16777217", `(and (term n 1.6777217e+07) (not (term _index "lower")))`},
		{"n", "16777216", `(term n 1.6777216e+07)`},
	} {
		f, _ := fields.Field(row.name)
		r := search.GroupRequest{Request: search.Request{FieldTypes: fields}, By: []mapping.Field{f}}
		if got := r.Selects(search.Selection{Key: []string{row.key}}).String(); got != row.want {
			t.Errorf("%s = %s: %s, want %s", row.name, row.key, got, row.want)
		}
	}
}
