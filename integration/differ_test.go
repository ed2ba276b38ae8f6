//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/planner"
	"tocsin/internal/testkit/indexgen"
)

// differ is a world on the node and in a file.
type differ struct {
	node   *Node
	client *elastic.Client
	kind   indexgen.Kind
	world  *indexgen.World
	// file has the documents that the node accepted, seen is the number of them in the window.
	file string
	seen int
	// rules are the chosen candidates, with their plans.
	rules []differRule
}

type differRule struct {
	indexgen.Rule
	plan query.Plan
	// diags say why there is no plan.
	diags diag.List
	// refused reports that Elasticsearch refuses the queries of the rule.
	refused bool
}

// newDiffer writes a world to the node and chooses rules of each type.
func newDiffer(t *testing.T, node *Node, client *elastic.Client, w *indexgen.World, kind indexgen.Kind, types []string, each int) *differ {
	t.Helper()
	d := &differ{node: node, client: client, kind: kind, world: w}
	d.create(t)
	d.fill(t)
	d.choose(t, types, each)
	return d
}

func (d *differ) create(t *testing.T) {
	t.Helper()
	for _, index := range d.world.Indices {
		d.node.Must(t, "PUT", "/"+index.Name, object{"settings": index.Settings, "mappings": index.Mapping})
	}
}

// remove deletes the indices: a run creates some hundreds.
func (d *differ) remove(t *testing.T) {
	t.Helper()
	for _, index := range d.world.Indices {
		d.node.Must(t, "DELETE", "/"+index.Name, nil)
	}
}

// fill writes the documents. Documents that the node refuses are not in the file either.
func (d *differ) fill(t *testing.T) {
	t.Helper()
	var bulk strings.Builder
	lines := make([][]byte, len(d.world.Documents))
	for i, doc := range d.world.Documents {
		source, err := json.Marshal(doc.Source)
		must(t, err)
		fmt.Fprintf(&bulk, "{\"create\":{\"_index\":%q,\"_id\":%q}}\n%s\n", doc.Index, doc.ID, source)
		lines[i], err = json.Marshal(object{"_index": doc.Index, "_id": doc.ID, "_source": json.RawMessage(source)})
		must(t, err)
	}
	items := d.node.Lines(t, "/_bulk?refresh=true", bulk.String()).At("items").List()
	var kept [][]byte
	var documents []indexgen.Document
	for i, item := range items {
		if refusal := item.At("create", "error"); !refusal.Missing() {
			t.Logf("%s: refused: %s", lines[i], refusal.At("reason"))
			continue
		}
		kept, documents = append(kept, lines[i]), append(documents, d.world.Documents[i])
		if d.world.Documents[i].Seen {
			d.seen++
		}
	}
	if len(kept) < len(lines)*9/10 {
		t.Errorf("%s: the node takes %d of %d documents", d.world.Kind, len(kept), len(lines))
	}
	d.world.Documents = documents
	d.file = filepath.Join(t.TempDir(), "events.ndjson")
	must(t, os.WriteFile(d.file, bytes.Join(kept, []byte("\n")), 0o600))
}

// within restricts a query of a rule to the window.
func (d *differ) within(asked object) object {
	return object{"bool": object{"filter": []any{asked, object{"range": object{"@timestamp": object{
		"gte": search.FormatTime(d.world.Slot.Add(-d.world.Window)), "lt": search.FormatTime(d.world.Slot), "format": "strict_date_optional_time",
	}}}}}}
}

// ask sends many searches in one request.
func (d *differ) ask(t *testing.T, asked []object, size int) []JSON {
	t.Helper()
	if len(asked) == 0 {
		return nil
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	for _, q := range asked {
		must(t, encoder.Encode(object{"index": d.world.Pattern}))
		must(t, encoder.Encode(object{"query": d.within(q), "size": size, "_source": false, "track_total_hits": true}))
	}
	return d.node.Lines(t, "/_msearch", body.String()).At("responses").List()
}

// shares are the bounds of the share of documents that the conditions of a rule match, as the node counts: tests
// that are always or never true compare little. For rules that need more than a condition, the bounds only decide
// which rules are tried first, see [differ.tried].
func shares(typ string) (least, most float64) {
	switch base, _, _ := strings.Cut(typ, " "); base {
	case "sequence":
		return 0.12, 0.55
	case "sample":
		return 0.2, 0.7
	case "threshold":
		return 0.3, 0.65
	case "cardinality":
		return 0.25, 0.6
	case "threat_match":
		return 0.3, 0.9
	case "new_terms":
		return 0.25, 0.9
	}
	return 0.1, 0.6
}

// choose takes the wanted number of rules of each type, and one that Elasticsearch refuses.
func (d *differ) choose(t *testing.T, types []string, each int) {
	t.Helper()
	candidates := slices.DeleteFunc(slices.Clone(d.world.Candidates), func(r indexgen.Rule) bool { return !slices.Contains(types, r.Type) })
	var asked []object
	for _, r := range candidates {
		asked = append(asked, r.Asked...)
	}
	answers := d.ask(t, asked, 0)
	taken, refused := map[string]int{}, map[string]int{}
	var chosen, likely, unlikely []differRule
	for _, r := range candidates {
		mine := answers[:len(r.Asked)]
		answers = answers[len(r.Asked):]
		fits, some, refuses := true, true, false
		least, most := shares(r.Type)
		for _, a := range mine {
			share := float64(a.At("hits", "total", "value").Int()) / float64(d.seen)
			fits = fits && share >= least && share <= most
			some = some && share >= 0.1
			refuses = refuses || !a.At("error").Missing() || a.At("_shards", "failed").Int() > 0
		}
		of := differRule{Rule: r, refused: refuses}
		counted := r.Exact || d.kind.Refuses(r.Type) // the result of the rule is known
		switch {
		case refuses && refused[r.Type] == 0:
			refused[r.Type]++
			chosen = append(chosen, of)
		case refuses || !some:
		case counted && fits && taken[r.Type] < each:
			taken[r.Type]++
			chosen = append(chosen, of)
		case !counted && fits:
			likely = append(likely, of)
		case !counted:
			unlikely = append(unlikely, of)
		}
	}
	d.rules = append(d.plan(t, chosen), d.tried(t, append(likely, unlikely...), each)...)
}

// tried runs rules that need more than a condition, by search and over files, until there is the wanted number of
// each type whose alerts stand for neither few nor most events. A rule that fails, or for which the two ways
// differ, is always taken, so that no difference is missed.
func (d *differ) tried(t *testing.T, rules []differRule, each int) []differRule {
	t.Helper()
	first, files := differModes[0], differModes[3]
	taken := map[string]int{}
	var out []differRule
	for range differTries {
		var batch, rest []differRule
		of := map[string]int{}
		for _, r := range rules {
			lacks := each - taken[r.Type]
			if of[r.Type]++; lacks > 0 && of[r.Type] <= lacks+lacks/2 {
				batch = append(batch, r)
			} else if lacks > 0 {
				rest = append(rest, r)
			}
		}
		if rules = rest; len(batch) == 0 {
			break
		}
		batch = d.plan(t, batch)
		want, got := d.run(t, first, d.place(t, first), batch), d.run(t, files, d.place(t, files), batch)
		for _, r := range batch {
			a, b := want[r.ID], got[r.ID]
			known := d.refuses(files, r, b) || d.kind.Sourceless && indexgen.ReadsEach(r.Type)
			share := float64(d.matched(a)) / float64(d.seen)
			switch {
			case !known && d.difference(r, files, a, b) != "":
				out = append(out, r)
			case (a.problem != "" || share >= 0.1 && share <= 0.6) && taken[r.Type] < each:
				taken[r.Type]++
				out = append(out, r)
			}
		}
	}
	return out
}

// differTries is the maximum number of further attempts.
const differTries = 6

// plan loads rules from an export.
func (d *differ) plan(t *testing.T, chosen []differRule) []differRule {
	t.Helper()
	var export bytes.Buffer
	for _, r := range chosen {
		must(t, json.NewEncoder(&export).Encode(r.Body))
	}
	path := filepath.Join(t.TempDir(), "rules.ndjson")
	must(t, os.WriteFile(path, export.Bytes(), 0o600))
	set, diags := rule.Load(path)
	loaded := map[string]*rule.Rule{}
	for _, r := range set.Rules() {
		loaded[r.ID] = r
	}
	for i, r := range chosen {
		if loaded[r.ID] == nil {
			t.Errorf("rule %s cannot be read: %v", r.ID, diags)
			continue
		}
		chosen[i].plan, chosen[i].diags = plans.For(loaded[r.ID])
	}
	return chosen
}

// differMode is a way to run rules.
type differMode struct {
	name     string
	pin      planner.Strategy
	embedded bool
}

// differModes are all ways; the others are compared with the first.
var differModes = []differMode{
	{"search", planner.Search, false},
	{"scan", planner.Scan, false},
	{"auto", planner.Auto, false},
	{"embedded", planner.Auto, true},
	{"embedded search", planner.Search, true},
}

// answer is the result of a rule in a mode.
type answer struct {
	// problem is the error of the rule; "" if it succeeded.
	problem  string
	warnings []string
	// alerts are the alerts by identity, without fields that differ from run to run.
	alerts map[string]object
}

// run runs rules in one mode, all in one round.
func (d *differ) run(t *testing.T, m differMode, events search.Events, rules []differRule) map[string]answer {
	t.Helper()
	alerts := store.NewMemory()
	round := &pipeline.Round{
		Pipeline: &pipeline.Pipeline{Events: events, Alerts: alerts, Instances: alerts, Now: func() time.Time { return d.world.Slot }},
		Planner:  &planner.Planner{Pin: m.pin},
	}
	out := map[string]answer{}
	var jobs []pipeline.Job
	for _, r := range rules {
		if r.plan == nil {
			out[r.ID] = answer{problem: r.diags.Err().Error()}
			continue
		}
		job := pipeline.Job{Plan: r.plan, Slot: d.world.Slot, Window: window.At(d.world.Slot, r.plan.Rule().From.Expr, r.plan.Rule().To.Expr)}
		jobs = append(jobs, job)
	}
	for _, x := range round.RunAll(t.Context(), jobs, nil) {
		out[x.RuleID] = answer{problem: x.Problem(), warnings: x.Warnings, alerts: map[string]object{}}
	}
	must(t, alerts.List(t.Context(), alert.Filter{}, func(a alert.Document) (bool, error) {
		id, _ := a.Source["kibana.alert.rule.rule_id"].(string)
		if out[id].alerts == nil {
			return false, fmt.Errorf("alert of no rule: %v", a.Source)
		}
		out[id].alerts[a.ID] = withoutRun(a.Source)
		return true, nil
	}))
	return out
}

// withoutRun removes the fields of the run from an alert.
func withoutRun(source object) object {
	out := maps.Clone(source)
	for _, name := range []string{"kibana.alert.rule.execution.uuid", "kibana.alert.uuid"} {
		delete(out, name)
	}
	return out
}

// place opens the source of events of a mode.
func (d *differ) place(t *testing.T, m differMode) search.Events {
	t.Helper()
	if !m.embedded {
		return d.client
	}
	return d.open(t, d.mapping(t))
}

// mapping returns the answer of GET _mapping for all indices.
func (d *differ) mapping(t *testing.T) object {
	t.Helper()
	names := make([]string, len(d.world.Indices))
	for i, index := range d.world.Indices {
		names[i] = index.Name
	}
	return d.node.Must(t, "GET", "/"+strings.Join(names, ",")+"/_mapping", nil).Any().(object)
}

// open opens the file with mappings.
func (d *differ) open(t *testing.T, mappings object) search.Events {
	t.Helper()
	text, err := json.Marshal(mappings)
	must(t, err)
	fields, err := mapping.ParseIndices(text)
	must(t, err)
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{d.file}, Mapping: fields})
	must(t, err)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	t.Cleanup(func() { _ = events.Close() })
	return events
}

// matched returns the number of documents in the window for which the alerts of a rule stand.
func (d *differ) matched(a answer) int {
	ids := map[string]bool{}
	more := 0
	for _, source := range a.alerts {
		if source["kibana.alert.building_block_type"] != nil {
			continue
		}
		_, group := source["kibana.alert.group.id"] // of a sequence: suppressed sequences mostly have the same events
		if n, counted := source["kibana.alert.threshold_result.count"]; counted {
			more += int(JSON{n}.Int())
			continue
		}
		if n, folded := source["kibana.alert.suppression.docs_count"]; folded && !group {
			more += int(JSON{n}.Int())
		}
		for _, ancestor := range (JSON{source["kibana.alert.ancestors"]}).List() {
			ids[ancestor.At("id").String()] = true
		}
	}
	return len(ids) + more
}

// found returns the ids of the documents in the alerts of an event rule.
func found(a answer) []string {
	var out []string
	for _, source := range a.alerts {
		for _, ancestor := range (JSON{source["kibana.alert.ancestors"]}).List() {
			out = append(out, ancestor.At("id").String())
		}
	}
	slices.Sort(out)
	return out
}
