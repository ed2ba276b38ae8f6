//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/run/catalog"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search"
	"tocsin/internal/search/planner"
	"tocsin/internal/testkit/conformance"
	"tocsin/internal/testkit/sigmagen"
)

// sigmaNearChunk is how many rules read the events of each other, sigmaNearSample which of the chunks are tried;
// TOCSIN_SIGMA_ALL tries all of them.
const (
	sigmaNearChunk  = 100
	sigmaNearSample = 8
)

// TestSigmaNearOnNode: every rule of SigmaHQ finds the same of the events near it and near others by a search of its own, on
// a node, as in one read of files for all of them, under one mapping after the other. No search is refused.
func TestSigmaNearOnNode(t *testing.T) {
	const corpus = "../../shared/corpus/sigma/rules"
	var paths []string
	err := filepath.WalkDir(corpus, func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".yml" {
			paths = append(paths, path)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the corpus is not here: %v", err)
	}
	must(t, err)
	node := newNode(t)
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	mappings := []conformance.SigmaMapping{conformance.Inferred, conformance.Plain, conformance.Normalized, conformance.Caseless}
	rules, found, exact := 0, 0, 0
	turn, tried := 0, 0
	for chunk := range slices.Chunk(paths, sigmaNearChunk) {
		if turn++; os.Getenv("TOCSIN_SIGMA_ALL") == "" && turn%sigmaNearSample != 1 {
			continue
		}
		tried++
		n := nearChunk{node: node, client: client, index: node.Name(fmt.Sprintf("sigma-near-%d", turn)), usual: mappings[tried%len(mappings)]}
		n.write(t, chunk)
		n.plan(t, chunk)
		files := n.files(t)
		for _, plan := range n.plans {
			rules++
			ids, all := n.search(t, plan)
			if all {
				exact++
			}
			if len(ids) > 0 {
				found++
			}
			if want := files[plan.Rule().ID]; !slices.Equal(ids, want) {
				t.Errorf("%s, %s: %s", n.usual, plan.Rule().Path, n.difference(ids, want))
			}
		}
		node.Must(t, "DELETE", "/"+n.index, nil)
	}
	t.Logf("%d rules, %d of which find events, %d by the search alone", rules, found, exact)
	if found < rules*9/10 {
		t.Error("too few rules find events")
	}
}

// nearChunk are rules that share an index of the events near them.
type nearChunk struct {
	node   *Node
	client *elastic.Client
	index  string
	usual  conformance.SigmaMapping
	docs   map[string][]byte
	plans  []query.Plan
}

// write makes the index.
func (n *nearChunk) write(t *testing.T, paths []string) {
	t.Helper()
	lower := object{"type": "keyword", "normalizer": "lowercase"}
	settings := object{"settings": object{"number_of_replicas": 0, "number_of_shards": 1}}
	properties := object{"@timestamp": object{"type": "date"}}
	texts := map[conformance.SigmaMapping]object{
		conformance.Plain: {"type": "keyword", "ignore_above": 1024}, conformance.Normalized: lower,
		conformance.Caseless: {"type": "keyword", "fields": object{"caseless": lower}},
	}[n.usual]
	mappings := object{"properties": properties}
	if texts != nil {
		mappings["dynamic_templates"] = []object{{"texts": object{"match_mapping_type": "string", "mapping": texts}}}
	}
	settings["mappings"] = mappings
	n.node.Must(t, "PUT", "/"+n.index, settings)
	n.docs = map[string][]byte{}
	var bulk bytes.Buffer
	for k, path := range paths {
		text, err := os.ReadFile(path)
		must(t, err)
		rule, err := sigmagen.Parse(string(text))
		must(t, err)
		for i, e := range rule.Events(uint64(k), 2) {
			doc := object{"@timestamp": sigmaRowSlot.Add(-time.Minute).Format(time.RFC3339)}
			for name, values := range e {
				doc[name] = values
				if len(values) == 1 {
					doc[name] = values[0]
				}
			}
			source, err := json.Marshal(doc)
			must(t, err)
			id := fmt.Sprintf("%s#%d", filepath.Base(path), i)
			n.docs[id] = source
			must(t, json.NewEncoder(&bulk).Encode(object{"create": object{"_index": n.index, "_id": id}}))
			bulk.Write(append(source, '\n'))
		}
	}
	for _, item := range n.node.Lines(t, "/_bulk", bulk.String()).At("items").List() {
		if !item.At("create", "error").Missing() { // a field of one rule is an object of another
			delete(n.docs, item.At("create", "_id").String())
		}
	}
	n.node.Refresh(t, n.index)
	if len(n.docs) < 10*len(paths) {
		t.Fatalf("%d events of %d rules were taken", len(n.docs), len(paths))
	}
}

// plan plans the rules that can run.
func (n *nearChunk) plan(t *testing.T, paths []string) {
	t.Helper()
	c, _, err := catalog.Load(t.Context(), catalog.Options{Sigma: catalog.Sigma{Index: []string{n.index}, RunUnmapped: true}}, paths...)
	must(t, err)
	for _, r := range c.Rules() {
		if plan, _ := c.Plan(r); plan != nil {
			n.plans = append(n.plans, plan)
		}
	}
}

// files are the ids of what rules find in files, by rule, in one read.
func (n *nearChunk) files(t *testing.T) map[string][]string {
	t.Helper()
	var lines bytes.Buffer
	for id, source := range n.docs {
		must(t, json.NewEncoder(&lines).Encode(object{"_index": n.index, "_id": id, "_source": json.RawMessage(source)}))
	}
	text, err := json.Marshal(n.node.Must(t, "GET", "/"+n.index+"/_mapping", nil).Any())
	must(t, err)
	fields, err := mapping.ParseIndices(text)
	must(t, err)
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: &lines, Mapping: fields})
	must(t, err)
	must(t, diags.Err())
	defer func() { _ = events.Close() }()
	var jobs []pipeline.Job
	for _, plan := range n.plans {
		jobs = append(jobs, pipeline.Job{Plan: plan, Slot: sigmaRowSlot, Window: plan.Rule().Window(sigmaRowSlot), MaxAlerts: len(n.docs)})
	}
	alerts := store.NewMemory()
	round := &pipeline.Round{
		Pipeline: &pipeline.Pipeline{Events: search.Events(events), Alerts: alerts, Instances: alerts, Now: func() time.Time { return sigmaRowSlot }},
		Planner:  &planner.Planner{Pin: planner.Scan},
	}
	for _, x := range round.RunAll(t.Context(), jobs, nil) {
		if problem := x.Problem(); problem != "" {
			t.Errorf("files: %s: %s", x.RuleID, problem)
		}
	}
	found := map[string][]string{}
	must(t, alerts.List(t.Context(), alert.Filter{}, func(a alert.Document) (bool, error) {
		id := fmt.Sprint(a.Source["kibana.alert.rule.rule_id"])
		for _, of := range (JSON{a.Source["kibana.alert.ancestors"]}).List() {
			found[id] = append(found[id], of.At("id").String())
		}
		return true, nil
	}))
	for _, ids := range found {
		slices.Sort(ids)
	}
	return found
}

// search is what a rule finds on the node, and whether the search alone decides.
func (n *nearChunk) search(t *testing.T, plan query.Plan) (ids []string, exact bool) {
	t.Helper()
	src := query.Source{Events: n.client, At: sigmaRowSlot, Window: plan.Rule().Window(sigmaRowSlot)}
	prepared, diags, err := plan.Prepare(t.Context(), src)
	must(t, err)
	if prepared == nil {
		t.Fatal(plan.Rule().Path, diags)
	}
	result, err := prepared.Execute(t.Context(), src, src.Window, func(hits []query.Hit) (bool, error) {
		for _, h := range hits {
			if h.Event.Index == n.index {
				ids = append(ids, h.Event.ID)
			}
		}
		return true, nil
	})
	if err != nil {
		t.Errorf("%s, %s: %v", n.usual, plan.Rule().Path, err)
	}
	slices.Sort(ids)
	return ids, result.Exact
}

// difference shows an event that one finds and the other does not.
func (n *nearChunk) difference(node, files []string) string {
	var out []string
	for who, lists := range map[string][2][]string{"only the node": {node, files}, "only files": {files, node}} {
		for _, id := range lists[0] {
			if !slices.Contains(lists[1], id) {
				out = append(out, fmt.Sprintf("%s: %s %.700s", who, id, n.docs[id]))
				break
			}
		}
	}
	return strings.Join(out, "\n")
}
