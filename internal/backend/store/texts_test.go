package store_test

import (
	"fmt"
	"strings"
	"testing"

	"tocsin/internal/backend/store"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// TestTexts: a text that no mapping names is a keyword in a data stream, as Elasticsearch's own templates make it, and
// words elsewhere. A mapping file decides otherwise, and an analyser that is not known here is an error.
func TestTexts(t *testing.T) {
	words := `{"mappings": {"properties": {"note": {"type": "text"}}}}`
	for _, tt := range []struct {
		name, index, given string
		where              condition.Expr
		found              int
		refused            bool
	}{
		{"a word", "audit", "", condition.Match{Field: "note", Value: "SYSTEM"}, 1, false},
		{"words in order", "audit", "", condition.Match{Field: "note", Value: "kube system", Phrase: true}, 1, false},
		{"words in another order", "audit", "", condition.Match{Field: "note", Value: "system kube", Phrase: true}, 0, false},
		{"one of two words", "audit", "", condition.Match{Field: "note", Value: "absent kube"}, 1, false},
		{"no word at all", "audit", "", condition.Match{Field: "note", Value: "-"}, 0, false},
		{"a part of a word", "audit", "", condition.QueryString{Field: "note", Pattern: "SYS*"}, 1, false},
		{"of two words", "audit", "", condition.QueryString{Field: "note", Pattern: "kube-sys*"}, 0, false},
		{"the whole", "audit", "", condition.Term{Field: "note.keyword", Value: "kube-system"}, 1, false},
		{"a word of a data stream", "logs-kubernetes.audit-default", "", condition.Match{Field: "note", Value: "system"}, 0, false},
		{"the whole in a data stream", "logs-kubernetes.audit-default", "", condition.Match{Field: "note", Value: "kube-system"}, 1, false},
		{"in a backing index", ".ds-logs-kubernetes.audit-default-2026.01.15-000001", "", condition.Match{Field: "note", Value: "kube-system"}, 1, false},
		{"its sub-field, as elsewhere", "logs-kubernetes.audit-default", "", condition.Term{Field: "note.keyword", Value: "kube-system"}, 1, false},
		{"no data stream", "logs-kubernetes", "", condition.Match{Field: "note", Value: "system"}, 1, false},
		{"ECS", "logs-kubernetes.audit-default", "", condition.Match{Field: "message", Value: "one"}, 1, false},
		{"a mapping file", "logs-kubernetes.audit-default", words, condition.Match{Field: "note", Value: "system"}, 1, false},
		{"the analyser by name", "audit", strings.Replace(words, `"text"`, `"text", "analyzer": "standard"`, 1), condition.Match{Field: "note", Value: "system"}, 1, false},
		{"another analyser", "audit", strings.Replace(words, `"text"`, `"text", "analyzer": "english"`, 1), condition.Match{Field: "note", Value: "system"}, 0, true},
		{"another analyser of queries", "audit", strings.Replace(words, `"text"`, `"text", "search_analyzer": "english"`, 1), condition.Match{Field: "note", Value: "system"}, 0, true},
		{"no positions", "audit", strings.Replace(words, `"text"`, `"text", "index_options": "docs"`, 1), condition.Match{Field: "note", Value: "system"}, 0, true},
		{"settings", "audit", `{"audit": {"settings": {"index": {"analysis": {"analyzer": {"default": {"type": "english"}}}}}, "mappings": {"properties": {"note": {"type": "text"}}}}}`, condition.Match{Field: "note", Value: "system"}, 0, true},
		{"other settings", "audit", `{"audit": {"settings": {"index": {"number_of_shards": "1"}}, "mappings": {"properties": {"note": {"type": "text"}}}}}`, condition.Match{Field: "note", Value: "system"}, 1, false},
		{"another test", "audit", words, condition.Prefix{Field: "note", Value: "sys"}, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			options := store.EventsOptions{Files: []string{writeFile(t, "f", fmt.Sprintf(`{"_index":%q,"_source":{"@timestamp":"2026-01-15T14:00:00Z","note":"kube-system","message":"one two"}}`, tt.index))}}
			if tt.given != "" {
				given, err := mapping.ParseIndices([]byte(tt.given))
				if err != nil {
					t.Fatal(err)
				}
				options.Mapping = given
			}
			e, _ := openEvents(t, options)
			target, err := e.Resolve(t.Context(), []string{"*"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			_, err = e.Search(t.Context(), search.Request{
				Patterns: []string{"*"}, Where: tt.where, FieldTypes: target.Fields,
			}, func(page []event.Event) (bool, error) { found += len(page); return true, nil })
			if (err != nil) != tt.refused || found != tt.found {
				t.Errorf("%d found, want %d; error %v", found, tt.found, err)
			}
		})
	}
}
