//go:build integration

package elastic_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// TestRealScratch: scratch indices have the mapping of an index, of a data stream's or alias's last index, or of a template;
// events that do not fit are refused; patterns find what those of the names find; nothing is left.
func TestRealScratch(t *testing.T) {
	c, do := realClient(t)
	ns := namespaceOf(t)
	known, made := ns+"-logs-known", ns+"-logs-made"
	do("PUT", "/"+known, `{"aliases":{"`+ns+`-alias":{}},"mappings":{"properties":{"@timestamp":{"type":"date"},"n":{"type":"long"},"kind":{"type":"keyword"}}}}`)
	do("PUT", "/_index_template/"+ns, `{"index_patterns":["`+ns+`-logs-made*"],"priority":900,"template":{"mappings":{"properties":{"@timestamp":{"type":"date"},"kind":{"type":"ip"}}}}}`)
	t.Cleanup(func() {
		do("DELETE", "/"+known, "")
		do("DELETE", "/_index_template/"+ns, "")
	})
	prefix := "tocsin-test-" + ns + "-"
	s := c.NewScratch(prefix)
	at := func(index, id, source string) event.Event {
		return event.Event{Index: index, ID: id, Source: json.RawMessage(source)}
	}
	refused, err := s.Fill(t.Context(), []event.Event{
		at(known, "1", `{"@timestamp":"2026-01-15T14:00:00Z","n":1,"kind":"x"}`),
		at(known, "2", "{\"@timestamp\":\"2026-01-15T14:00:00Z\",\n\"n\":\"no number\"}"),
		at(made, "3", `{"@timestamp":"2026-01-15T14:00:00Z","kind":"10.0.0.1"}`),
		at(made, "4", `{"@timestamp":"2026-01-15T14:00:00Z","kind":"x"}`),
		at(ns+"-alias", "5", `{"@timestamp":"2026-01-15T14:00:00Z","n":"x"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(refused) != 3 || refused["2"] == "" || refused["4"] == "" || refused["5"] == "" {
		t.Errorf("refused: %v", refused)
	}
	found := map[string]string{}
	patterns := s.Patterns([]string{ns + "-logs-*, remote:" + ns + "-none", "-" + ns + "-logs-x*"})
	target, err := c.Resolve(t.Context(), patterns, []string{"@timestamp", "kind"})
	if err != nil {
		t.Fatal(err)
	}
	r := search.Request{Patterns: patterns, Where: condition.Const(true), FieldTypes: target.Fields}
	_, err = c.Search(t.Context(), r, func(page []event.Event) (bool, error) {
		for _, e := range page {
			kind, _ := mapping.OfIndex(target.Fields, e.Index).Field("kind")
			found[e.ID] = strings.TrimPrefix(e.Index, prefix) + " " + string(kind.Type)
		}
		return true, nil
	})
	want := map[string]string{"1": known + " keyword", "3": made + " ip"}
	if diff := cmp.Diff(want, found); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := do("GET", "/_cat/indices/"+prefix+"*?h=index&expand_wildcards=all", ""); strings.Contains(left, ns) {
		t.Errorf("left: %s", left)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Errorf("the second time: %v", err)
	}
}
