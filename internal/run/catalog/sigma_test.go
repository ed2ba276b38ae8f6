package catalog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/fieldmap/winlog"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/run/catalog"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search/planner"
	"tocsin/internal/testkit/conformance"
)

// sigmaRows are the rows of this repository, and those beside it.
var sigmaRows = map[string]string{
	"written": "../../testkit/conformance/testdata/sigma/rows.jsonl", "language": "../../testkit/conformance/testdata/sigma/language.jsonl", "shared": "../../../../shared/conformance/sigma.jsonl",
}

// TestSigmaRows wants of every row that its rule finds the events that it is to find, whatever strings are mapped
// as: by dynamic mapping, as plain keywords, with a normalizer, and with a sub-field that has one.
func TestSigmaRows(t *testing.T) {
	for name, path := range sigmaRows {
		rows, err := conformance.SigmaRows(path)
		if errors.Is(err, fs.ErrNotExist) && name == "shared" {
			t.Logf("%s: not here", path)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, usual := range []conformance.SigmaMapping{conformance.Inferred, conformance.Plain, conformance.Normalized, conformance.Caseless} {
			held := 0
			for _, r := range rows {
				if wrong := sigmaRow(t, r, usual); wrong != "" {
					t.Errorf("%s rows, %s: %s: %s\n%s", name, usual, r.Name, wrong, r.Rule)
					continue
				}
				held++
			}
			t.Logf("%s rows, %s: %d of %d hold", name, usual, held, len(rows))
		}
	}
}

// sigmaRow says what is wrong with a row, "" when it holds.
func sigmaRow(t *testing.T, r conformance.SigmaRow, usual conformance.SigmaMapping) string {
	t.Helper()
	options := catalog.Options{Sigma: catalog.Sigma{Index: []string{"logs-*"}, RunUnmapped: true, Placeholders: r.Placeholders}}
	c, diags, err := catalog.LoadFS(t.Context(), options, fstest.MapFS{"r.yml": {Data: []byte(r.Rule)}}, ".")
	if err != nil {
		t.Fatal(err)
	}
	var plans []query.Plan
	for _, rule := range c.Rules() {
		plan, more := c.Plan(rule)
		if diags = append(diags, more...); plan != nil {
			plans = append(plans, plan)
		}
	}
	if r.Refused() || diags.HasErrors() {
		if r.Refused() && diags.HasErrors() {
			return ""
		}
		return fmt.Sprintf("refused: %v, want %t", diags.Err(), r.Refused())
	}
	return sigmaFinds(t, plans, r, usual)
}

// sigmaFinds says which events rules find that they should not, or the other way round.
func sigmaFinds(t *testing.T, plans []query.Plan, r conformance.SigmaRow, usual conformance.SigmaMapping) string {
	t.Helper()
	var lines strings.Builder
	for i := range r.Events {
		source, err := json.Marshal(r.Event(i, noon.Add(-time.Minute).Format(time.RFC3339)))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&lines, `{"_index": "logs-sigma", "_id": "e%d", "_source": %s}`+"\n", i, source)
	}
	events := store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines.String())}
	if m := r.Mapping(usual); m != nil {
		text, err := json.Marshal(map[string]any{"properties": m})
		if err == nil {
			events.Mapping, err = mapping.ParseIndices(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	opened, diags, err := store.OpenEvents(t.Context(), events)
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	defer func() { _ = opened.Close() }()
	var found []string
	for _, plan := range plans {
		src := query.Source{Events: opened, At: noon, Window: plan.Rule().Window(noon)}
		prepared, diags, err := plan.Prepare(t.Context(), src)
		if prepared == nil || err != nil {
			return fmt.Sprint(diags, err)
		}
		_, err = prepared.Execute(t.Context(), src, src.Window, func(hits []query.Hit) (bool, error) {
			for _, h := range hits {
				found = append(found, h.Event.ID)
			}
			return true, nil
		})
		if err != nil {
			return err.Error()
		}
	}
	want := r.Finds()
	slices.Sort(want)
	slices.Sort(found)
	if diff := cmp.Diff(want, slices.Compact(found)); diff != "" {
		return diff
	}
	return cmp.Diff(want, scanned(t, plans, opened))
}

// scanned are the ids of the events that rules find in one read for all of them.
func scanned(t *testing.T, plans []query.Plan, events *store.Events) []string {
	t.Helper()
	alerts := store.NewMemory()
	round := &pipeline.Round{
		Pipeline: &pipeline.Pipeline{Events: events, Alerts: alerts, Instances: alerts, Now: func() time.Time { return noon }},
		Planner:  &planner.Planner{Pin: planner.Scan},
	}
	var jobs []pipeline.Job
	for _, plan := range plans {
		jobs = append(jobs, pipeline.Job{Plan: plan, Slot: noon, Window: plan.Rule().Window(noon)})
	}
	for _, x := range round.RunAll(t.Context(), jobs, nil) {
		if problem := x.Problem(); problem != "" {
			t.Errorf("%s: %s", x.RuleID, problem)
		}
	}
	var found []string
	err := alerts.List(t.Context(), alert.Filter{}, func(a alert.Document) (bool, error) {
		list, _ := a.Source["kibana.alert.ancestors"].([]any)
		for _, of := range list {
			ancestor, _ := of.(map[string]any)
			found = append(found, fmt.Sprint(ancestor["id"]))
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TestSigmaRegression wants the rules of SigmaHQ to find the events that were published with them, under each
// mapping: under the names of rules, and as Elastic's packages have them.
func TestSigmaRegression(t *testing.T) {
	const corpus = "../../../../shared/corpus/sigma"
	all, err := conformance.SigmaSets(corpus)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the corpus is not here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, usual := range []conformance.SigmaMapping{conformance.Inferred, conformance.Plain, conformance.Normalized, conformance.Caseless} {
		sets, held, packaged := 0, 0, 0
		for _, set := range all {
			sets++
			c, diags, err := catalog.Load(t.Context(), catalog.Options{Sigma: catalog.Sigma{Index: []string{"logs-*"}}}, filepath.Join(corpus, set.Rule))
			if err != nil || diags.HasErrors() || c.Len() != 1 {
				t.Fatalf("%s: %d rules, %v, %v", set.Rule, c.Len(), diags, err)
			}
			plan, diags := c.Plan(c.Rules()[0])
			if plan == nil {
				t.Fatal(diags)
			}
			if wrong := sigmaFinds(t, []query.Plan{plan}, set.Row(), usual); wrong != "" {
				t.Errorf("%s, %s: %s", usual, set.Rule, wrong)
				continue
			}
			held++
			row, ok, err := set.Packaged(winlog.Document)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				continue // A line, which no package of Windows reads.
			}
			if wrong := sigmaFinds(t, []query.Plan{plan}, row, usual); wrong != "" {
				t.Errorf("%s, %s, as packages have it: %s", usual, set.Rule, wrong)
				continue
			}
			packaged++
		}
		t.Logf("%s: %d of %d sets hold, and %d as packages have them", usual, held, sets, packaged)
	}
}
