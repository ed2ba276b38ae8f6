package catalog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tocsin/internal/backend/store"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/run/catalog"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/testkit/conformance"
)

// correlationRows are the rows of this repository, and those beside it.
var correlationRows = map[string]string{
	"written": "../../testkit/conformance/testdata/sigma/correlations.jsonl", "shared": "../../../../shared/conformance/sigma_correlation.jsonl",
}

// TestCorrelationRows wants of every row that each group is found at its times, over all of its events, and that rules are silent as it
// says.
func TestCorrelationRows(t *testing.T) {
	for name, path := range correlationRows {
		rows, err := conformance.CorrelationRows(path)
		if errors.Is(err, fs.ErrNotExist) && name == "shared" {
			t.Logf("%s: not here", path)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		held := 0
		for _, r := range rows {
			if wrong := correlationRow(t, r); wrong != "" {
				t.Errorf("%s rows: %s: %s\n%s", name, r.Name, wrong, r.Rules)
				continue
			}
			held++
		}
		t.Logf("%s rows: %d of %d hold", name, held, len(rows))
	}
}

// correlationRow says what is wrong with a row, "" when it holds.
func correlationRow(t *testing.T, r conformance.CorrelationRow) string {
	t.Helper()
	options := catalog.Options{Sigma: catalog.Sigma{Index: []string{"logs-*"}, LongestSpan: 7 * 24 * time.Hour}}
	c, diags, err := catalog.LoadFS(t.Context(), options, fstest.MapFS{"r.yml": {Data: []byte(r.Rules)}}, ".")
	if err != nil {
		t.Fatal(err)
	}
	if r.Refused() || diags.HasErrors() {
		if r.Refused() && diags.HasErrors() {
			return ""
		}
		return fmt.Sprintf("refused: %v, want %t", diags.Err(), r.Refused())
	}
	var lines strings.Builder
	for i := range r.Events {
		source, err := json.Marshal(r.Events[i])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&lines, `{"_index": "logs-sigma", "_id": "e%d", "_source": %s}`+"\n", i, source)
	}
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines.String())})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	defer func() { _ = events.Close() }()
	alerts := map[string]map[string][]string{}
	base := map[string]int{}
	for _, one := range c.Rules() {
		found := correlationHits(t, &c, one, events)
		if one.Type != rule.TypeCorrelation {
			base[one.Name] = len(found)
			continue
		}
		alerts[one.Name] = map[string][]string{}
		for _, h := range found {
			group := conformance.CorrelationGroup(h.Group.Values)
			alerts[one.Name][group] = append(alerts[one.Name][group], h.Group.At.Format(time.RFC3339Nano))
		}
	}
	for name, want := range r.BaseAlerts {
		if base[name] != want {
			return fmt.Sprintf("%s makes %d alerts, want %d", name, base[name], want)
		}
	}
	wrong, err := r.Wrong(alerts)
	if err != nil {
		t.Fatal(err)
	}
	return wrong
}

// correlationHits are the hits of a rule over all times; none of a silent one.
func correlationHits(t *testing.T, c *catalog.Catalog, r *rule.Rule, events *store.Events) []query.Hit {
	t.Helper()
	if r.SilencedBy != "" {
		return nil
	}
	plan, diags := c.Plan(r)
	if plan == nil {
		t.Fatal(diags)
	}
	src := query.Source{Events: events, At: noon, Window: window.Window{From: time.Unix(0, 0).UTC(), To: noon.AddDate(10, 0, 0)}}
	prepared, diags, err := plan.Prepare(t.Context(), src)
	if prepared == nil || err != nil {
		t.Fatal(diags, err)
	}
	var found []query.Hit
	if _, err := prepared.Execute(t.Context(), src, src.Window, func(hits []query.Hit) (bool, error) {
		found = append(found, hits...)
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

// TestSilence tells which rules alert by themselves, by what correlations say and which of them run.
func TestSilence(t *testing.T) {
	rules := "title: A\nname: a\nlevel: low\nlogsource: {product: x}\ndetection: {s: {k: a}, condition: s}\n---\n" +
		"title: B\nname: b\nlevel: low\nlogsource: {product: x}\ndetection: {s: {k: b}, condition: s}\n"
	of := func(name, about, more string) string {
		return fmt.Sprintf("---\ntitle: %s\nname: %s\nlevel: high\ncorrelation: {type: temporal, rules: [%s], timespan: 5m%s}\n", name, name, about, more)
	}
	for _, tt := range []struct {
		more, want string
		levels     []string
	}{
		{"", "", nil},
		{of("c", "a", ""), "A by c", nil},
		{of("c", "a", ", generate: true"), "", nil},
		{of("c", "a", "") + of("d", "a", ", generate: true"), "", nil},
		{of("c", "a", "") + of("d", "c, b", ""), "A by c, B by d, c by d", nil},
		{of("c", "a", "") + of("d", "c, b", ", generate: true"), "A by c", nil},
		{of("c", "a", ", condition: q"), "", nil},                                   // it has an error
		{strings.Replace(of("c", "a", ""), "high", "low", 1), "", []string{"high"}}, // it does not run
		{strings.Replace(of("c", "a", ""), "high", "low", 1) + of("d", "c", ""), "A by c, c by d", []string{"high"}},
		{strings.Replace(of("c", "a", ""), "level: high", "status: deprecated", 1), "", nil},
		{of("c", "a, z", ""), "", nil},
	} {
		c, _, err := catalog.LoadFS(t.Context(), catalog.Options{Sigma: catalog.Sigma{Index: []string{"logs-*"}, Levels: tt.levels}}, fstest.MapFS{"r.yml": {Data: []byte(rules + tt.more)}}, ".")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range c.Rules() {
			if r.SilencedBy != "" {
				got = append(got, r.Name+" by "+r.SilencedBy)
			}
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("%s: silent are %v, want %s", tt.more, got, tt.want)
		}
	}
}
