package counting_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/match/event"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/testkit/conformance"
)

// blockOf returns the text of a page's only block of a kind, and what stands behind the kind.
func blockOf(t *testing.T, page conformance.Page, kind string) (info, body string) {
	t.Helper()
	found := 0
	for _, b := range page.Blocks {
		if name, rest, _ := strings.Cut(b.Info, " "); name == kind {
			info, body = rest, b.Text
			found++
		}
	}
	if found != 1 {
		t.Fatalf("the page has %d blocks of %s", found, kind)
	}
	return info, body
}

// TestDocsRuleTypes runs the example of each page: its rule over its events, at the time that stands
// behind the kind of the block, makes alerts with the fields that the page shows.
func TestDocsRuleTypes(t *testing.T) {
	for _, name := range []string{"threshold", "new_terms"} {
		t.Run(name, func(t *testing.T) {
			page, err := conformance.ReadPage("rule-types/" + name + ".md")
			if err != nil {
				t.Fatal(err)
			}
			_, text := blockOf(t, page, "toml")
			at, lines := blockOf(t, page, "ndjson")
			_, shown := blockOf(t, page, "json")
			r, diags := rule.Parse(name+".toml", text)
			if len(diags) > 0 {
				t.Fatal(diags)
			}
			plan, diags := plans.For(r)
			if len(diags) > 0 {
				t.Fatal(diags)
			}
			slot, err := time.Parse(time.RFC3339, at)
			if err != nil {
				t.Fatal(err)
			}
			events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines)})
			if err != nil || len(diags) > 0 {
				t.Fatal(err, diags)
			}
			defer func() { _ = events.Close() }()
			src := query.Source{Events: events, At: slot}
			prepared, diags, err := plan.Prepare(t.Context(), src)
			if err != nil || len(diags) > 0 {
				t.Fatal(err, diags)
			}
			var got []map[string]any
			if _, err = prepared.Execute(t.Context(), src, window.At(slot, r.From.Expr, r.To.Expr), func(hits []query.Hit) (bool, error) {
				for _, h := range hits {
					got = append(got, shownHit(t, h))
				}
				return true, nil
			}); err != nil {
				t.Fatal(err)
			}
			encoded, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(decodedJSON(t, shown), decodedJSON(t, string(encoded))); diff != "" {
				t.Errorf("(-page +got):\n%s", diff)
			}
		})
	}
}

// shownHit is a hit as a page shows it.
func shownHit(t *testing.T, h query.Hit) map[string]any {
	t.Helper()
	out := map[string]any{}
	maps.Copy(out, h.Facts)
	if h.Parents == nil {
		out["id"] = h.Event.ID
		return out
	}
	out["event"] = sourceOf(t, h)
	out["ancestors"] = idsOf(h.Parents)
	return out
}

func idsOf(events []event.Event) []string {
	var ids []string
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

func decodedJSON(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}
