//go:build integration

package integration

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
)

// What TestSigmaRules reads: neither is part of this repository.
const (
	sigmaCorpus  = "../../shared/corpus/sigma"
	sigmaScripts = "../../shared/bench-rsigma"
)

// sigmaSlot is when the rules run: the events are of the fifty minutes before.
var sigmaSlot = time.Date(2026, time.March, 1, 10, 10, 0, 0, time.UTC)

// sigmaEvents is the number of events that are made up, beside those of the regression sets.
const sigmaEvents = 5000

// TestSigmaRules runs the rules of SigmaHQ, in EQL and in Lucene's language as pySigma writes them, all
// at once: none of them may fail, and those in EQL alert on the events of the regression sets that
// match. TOCSIN_SIGMA_PYTHON names a Python that has pySigma and its backend for Elasticsearch.
func TestSigmaRules(t *testing.T) {
	python := pythonWithSigma()
	if exec.CommandContext(t.Context(), python, "-c", "import sigma.backends.elasticsearch").Run() != nil {
		t.Skipf("%s has no pySigma: TOCSIN_SIGMA_PYTHON names one that has", python)
	}
	for _, dir := range []string{sigmaCorpus, sigmaScripts} {
		if _, err := os.Stat(dir); err != nil {
			t.Skipf("the rules are not here: %v", err)
		}
	}
	s := &sigma{python: python, dir: t.TempDir(), node: newNode(t), refused: map[string]bool{}}
	s.name = s.node.Name("logs-sigma")
	s.convert(t)
	s.events(t)
	failed := sigmaFailures{}
	plans := s.plans(t, failed)
	indexed := s.index(t)
	files := s.run(t, "files", s.open(t), plans, failed)
	able := s.able(plans, failed)
	node := s.run(t, "node", indexed, able, failed)
	failed.judge(t)
	s.compareMatches(t, files)
	s.comparePlaces(t, able, files, node, failed)
}

func pythonWithSigma() string {
	if named := os.Getenv("TOCSIN_SIGMA_PYTHON"); named != "" {
		return named
	}
	return "python3"
}

// sigma is rules of Sigma in two languages, and events for them.
type sigma struct {
	python, dir string
	export      bytes.Buffer
	// paths are the files of rules, by the id of what became of them.
	paths map[string]string
	// unconverted counts rules that pySigma writes nothing for, by language.
	unconverted map[string]int
	// file has the events, node the index of this name.
	file, name string
	node       *Node
	// refused are events that the node does not take.
	refused map[string]bool
	// matches are events of the regression sets by the path of the rule that matches them.
	matches map[string][]string
}

func (s *sigma) command(t *testing.T, args ...string) []byte {
	t.Helper()
	var errors bytes.Buffer
	c := exec.CommandContext(t.Context(), s.python, args...)
	c.Stderr = &errors
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", args[0], err, errors.String())
	}
	return out
}

// jsonLines decodes each line of a text.
func jsonLines(t *testing.T, text []byte, each func(JSON)) {
	t.Helper()
	scanner := bufio.NewScanner(bytes.NewReader(text))
	scanner.Buffer(nil, 64<<20)
	for scanner.Scan() {
		line, err := decode(scanner.Bytes())
		must(t, err)
		each(line)
	}
	must(t, scanner.Err())
}

// convert makes rules of the two conversions.
func (s *sigma) convert(t *testing.T) {
	t.Helper()
	s.paths, s.unconverted = map[string]string{}, map[string]int{}
	s.command(t, filepath.Join(sigmaScripts, "convert.py"), sigmaCorpus, s.dir)
	text, err := os.ReadFile(filepath.Join(s.dir, "rules.jsonl"))
	must(t, err)
	skipped, err := os.ReadFile(filepath.Join(s.dir, "skipped.txt"))
	must(t, err)
	s.unconverted["eql"] = bytes.Count(skipped, []byte("\n"))
	jsonLines(t, text, func(r JSON) { s.add(t, "eql", r.At("path").String(), 0, r.At("query").String()) })
	jsonLines(t, s.command(t, "testdata/sigma_lucene.py", sigmaCorpus), func(r JSON) {
		if !r.At("skipped").Missing() {
			s.unconverted["lucene"]++
			return
		}
		s.add(t, "lucene", r.At("path").String(), int(r.At("number").Int()), r.At("query").String())
	})
}

func (s *sigma) add(t *testing.T, language, path string, number int, text string) {
	t.Helper()
	typ := "query"
	if language == "eql" {
		typ = "eql"
	}
	id := fmt.Sprintf("%s %s %d", language, path, number)
	s.paths[id] = path
	must(t, json.NewEncoder(&s.export).Encode(object{
		"rule_id": id, "name": id, "description": "converted", "risk_score": 21, "severity": "low", "type": typ, "language": language, "query": text,
		"index": []string{s.node.Name("logs-*")}, "from": "now-60m", "interval": "5m", "max_signals": 100000,
	}))
}

// events writes those of the regression sets, and others.
func (s *sigma) events(t *testing.T) {
	t.Helper()
	s.matches = map[string][]string{}
	made := filepath.Join(s.dir, "made.ndjson")
	s.command(t, filepath.Join(sigmaScripts, "gen_events.py"), strconv.Itoa(sigmaEvents), made)
	text, err := os.ReadFile(filepath.Join(sigmaCorpus, "regression", "regression.ndjson"))
	must(t, err)
	var lines bytes.Buffer
	n := 0
	jsonLines(t, text, func(set JSON) {
		matches := set.At("matches").List()
		for i, fields := range set.At("fields").List() {
			source, _ := fields.Any().(object)
			source["@timestamp"] = stamp(sigmaSlot, time.Duration(1+n%3000)*time.Second)
			id := fmt.Sprintf("regression-%d", n)
			n++
			must(t, json.NewEncoder(&lines).Encode(object{"_index": s.name, "_id": id, "_source": source}))
			if slices.ContainsFunc(matches, func(m JSON) bool { return m.Int() == int64(i) }) {
				path := set.At("rule").String()
				s.matches[path] = append(s.matches[path], id)
			}
		}
	})
	text, err = os.ReadFile(made)
	must(t, err)
	jsonLines(t, text, func(source JSON) {
		must(t, json.NewEncoder(&lines).Encode(object{"_index": s.name, "_id": fmt.Sprintf("made-%d", n), "_source": source.Any()}))
		n++
	})
	s.file = filepath.Join(s.dir, "events.ndjson")
	must(t, os.WriteFile(s.file, lines.Bytes(), 0o600))
}

// plans are those of all rules; what cannot be planned is among those that failed.
func (s *sigma) plans(t *testing.T, failed sigmaFailures) []query.Plan {
	t.Helper()
	path := filepath.Join(s.dir, "rules.ndjson")
	must(t, os.WriteFile(path, s.export.Bytes(), 0o600))
	set, diags := rule.Load(path)
	for _, d := range diags {
		if d.Severity == diag.Error {
			failed.add(d.Error(), "loading")
		}
	}
	var out []query.Plan
	for _, r := range set.Rules() {
		plan, diags := plans.For(r)
		if plan == nil {
			failed.add(diags.Err().Error(), r.ID)
			continue
		}
		out = append(out, plan)
	}
	return out
}

// open opens the files under the mapping of the rules' fields.
func (s *sigma) open(t *testing.T) search.Events {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "mapping.json"))
	must(t, err)
	fields, err := mapping.ParseIndices(text)
	must(t, err)
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{s.file}, Mapping: fields})
	must(t, err)
	must(t, diags.Err())
	t.Cleanup(func() { _ = events.Close() })
	return events
}

// index puts the events into the node under the same mapping.
func (s *sigma) index(t *testing.T) search.Events {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "mapping.json"))
	must(t, err)
	body, err := decode(text)
	must(t, err)
	s.node.Must(t, "PUT", "/"+s.name, object{
		"settings": object{"number_of_replicas": 0, "index.mapping.total_fields.limit": 20000}, "mappings": body.At("mappings").Any(),
	})
	events, err := os.ReadFile(s.file)
	must(t, err)
	refused := 0
	for chunk := range slices.Chunk(bytes.Split(bytes.TrimSpace(events), []byte("\n")), 1000) {
		var bulk bytes.Buffer
		for _, line := range chunk {
			event, err := decode(line)
			must(t, err)
			must(t, json.NewEncoder(&bulk).Encode(object{"create": object{"_index": s.name, "_id": event.At("_id").String()}}))
			must(t, json.NewEncoder(&bulk).Encode(event.At("_source").Any()))
		}
		for _, item := range s.node.Lines(t, "/_bulk", bulk.String()).At("items").List() {
			if e := item.At("create", "error"); !e.Missing() {
				s.refused[item.At("create", "_id").String()] = true
				if refused++; refused <= 3 {
					t.Logf("refused: %s", e)
				}
			}
		}
	}
	s.node.Refresh(t, s.name)
	client, err := elastic.New(elastic.Config{URLs: []string{s.node.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	return client
}

// run runs all rules in one round, and returns the events of their alerts, by rule.
func (s *sigma) run(t *testing.T, place string, events search.Events, plans []query.Plan, failed sigmaFailures) map[string][]string {
	t.Helper()
	jobs := make([]pipeline.Job, len(plans))
	for i, plan := range plans {
		jobs[i] = pipeline.Job{Plan: plan, Slot: sigmaSlot, Window: window.At(sigmaSlot, plan.Rule().From.Expr, plan.Rule().To.Expr)}
	}
	alerts := store.NewMemory()
	round := &pipeline.Round{
		Pipeline: &pipeline.Pipeline{Events: events, Alerts: alerts, Instances: alerts, Now: func() time.Time { return sigmaSlot }},
		Planner:  &planner.Planner{Pin: planner.Scan},
	}
	start := time.Now()
	count := map[string]int{}
	for _, x := range round.RunAll(t.Context(), jobs, nil) {
		language, _, _ := strings.Cut(x.RuleID, " ")
		count[language]++
		if x.Created > 0 {
			count[language+" with alerts"]++
		}
		if problem := x.Problem(); problem != "" {
			count[language+" failed"]++
			failed.add(problem, place+": "+x.RuleID)
		}
	}
	t.Logf("%s: %d rules in %s: %v; not converted: %v", place, len(jobs), time.Since(start).Round(time.Millisecond), count, s.unconverted)
	found := map[string][]string{}
	must(t, alerts.List(t.Context(), alert.Filter{}, func(a alert.Document) (bool, error) {
		id := fmt.Sprint(a.Source["kibana.alert.rule.rule_id"])
		for _, of := range (JSON{a.Source["kibana.alert.ancestors"]}).List() {
			if event := of.At("id").String(); !s.refused[event] {
				found[id] = append(found[id], event)
			}
		}
		return true, nil
	}))
	for _, ids := range found {
		slices.Sort(ids)
	}
	return found
}

// sigmaFailures are rules that failed, by the reason.
type sigmaFailures map[string][]string

func (f sigmaFailures) add(problem, of string) {
	why := reasonQuoted.ReplaceAllString(reasonPlace.ReplaceAllString(problem, ""), "…")
	f[why] = append(f[why], of+": "+problem)
}

var (
	reasonQuoted = regexp.MustCompile(`\[[^\]]*\]|"[^"]*"|\d+|\{.*\}`)
	reasonPlace  = regexp.MustCompile(`^\S+ndjson:\S+ `)
)

// sigmaReasons are why rules may fail, by the beginning of what they say.
var sigmaReasons = map[string]string{
	"search events in …: query DSL …: only a search can match it":                  "words without a field, in files: docs/languages/lucene.md",
	"error: …nd argument of the comparison with … must be …, found value … type …": "a placeholder that nobody has filled in, beside an address",
}

// rules are the ids of those that failed over files.
func (f sigmaFailures) rules() map[string]bool {
	out := map[string]bool{}
	for _, of := range f {
		for _, text := range of {
			if id, _, found := strings.Cut(strings.TrimPrefix(text, "files: "), ": "); found {
				out[id] = true
			}
		}
	}
	return out
}

// judge fails for every rule that failed for another reason than a documented one.
func (f sigmaFailures) judge(t *testing.T) {
	t.Helper()
	for _, why := range slices.Sorted(maps.Keys(f)) {
		documented := ""
		for begins, says := range sigmaReasons {
			if strings.HasPrefix(why, begins) {
				documented = says
			}
		}
		if documented == "" {
			t.Errorf("%d rules fail: %s\n  %.600s", len(f[why]), why, f[why][0])
			continue
		}
		t.Logf("%d rules fail: %s", len(f[why]), documented)
	}
}

// compareMatches wants the alerts of rules in EQL that the regression sets say there are.
func (s *sigma) compareMatches(t *testing.T, found map[string][]string) {
	t.Helper()
	sets, missed := 0, 0
	for path, ids := range s.matches {
		id := "eql " + path + " 0"
		if s.paths[id] == "" {
			continue
		}
		sets++
		for _, event := range ids {
			if !slices.Contains(found[id], event) {
				if missed++; missed <= 10 {
					t.Errorf("%s does not alert on %s", path, event)
				}
			}
		}
	}
	t.Logf("%d of %d regression sets are of rules in EQL; %d of their events have no alert", sets, len(s.matches), missed)
	if sets < 100 {
		t.Errorf("only %d regression sets were compared", sets)
	}
}

// able are the rules that files can answer, and a few others: those look for words in all fields of
// thousands, and each takes a node some seconds.
func (s *sigma) able(plans []query.Plan, failed sigmaFailures) []query.Plan {
	unable := failed.rules()
	few := 3
	return slices.DeleteFunc(slices.Clone(plans), func(p query.Plan) bool {
		if !unable[p.Rule().ID] {
			return false
		}
		few--
		return few < 0
	})
}

// comparePlaces wants the same alerts of the files and of the node.
func (s *sigma) comparePlaces(t *testing.T, plans []query.Plan, files, node map[string][]string, failed sigmaFailures) {
	t.Helper()
	unable := failed.rules()
	differ := 0
	for _, p := range plans {
		id := p.Rule().ID
		if unable[id] {
			continue
		}
		if diff := cmp.Diff(files[id], node[id]); diff != "" {
			if differ++; differ <= 5 {
				t.Errorf("%s (-files +node):\n%s", id, diff)
			}
		}
	}
	t.Logf("%d of %d rules have other alerts on the node than over files", differ, len(plans))
}
