//go:build integration

package integration

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
)

var writeCorpus = flag.Bool("write-corpus", false, "write docs/corpus.md from what TestCorpusRuns finds")

// corpusSlot is the slot that the rules of the corpus stand at.
var corpusSlot = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// TestCorpusRuns runs every rule of the public rules once, over an index for each of their patterns,
// whose fields have the types of ECS or those that the rules compare them with, and that holds events
// made after the rules' own conditions. The rules are not part of this repository.
func TestCorpusRuns(t *testing.T) {
	set, diags := rule.Load("../../shared/corpus/elastic")
	if set.Len() == 0 {
		t.Skip("the corpus is not here")
	}
	for _, d := range diags {
		t.Log(d.Error())
	}
	node := newNode(t)
	c := corpus{node: node, tally: corpusTally{}}
	c.prepare(t, set.Rules())
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	alerts := store.NewMemory()
	c.pipeline = &pipeline.Pipeline{Events: client, Alerts: alerts, Instances: alerts}
	c.esql = esqlCorpus{node: node, pipeline: c.pipeline}
	for _, r := range set.Rules() {
		c.run(t, r)
	}
	text := c.tally.String()
	t.Logf("%d rules with warnings\n%s", c.warned, text)
	if *writeCorpus {
		must(t, os.WriteFile("../docs/corpus.md", []byte(corpusPage+text), 0o600))
	}
}

// corpus is a set of rules at a node.
type corpus struct {
	node     *Node
	pipeline *pipeline.Pipeline
	tally    corpusTally
	types    corpusTypes
	esql     esqlCorpus
	warned   int // rules that ran with a warning
}

// run executes one rule. It may only fail for something that the node is known not to have.
func (c *corpus) run(t *testing.T, r *rule.Rule) {
	t.Helper()
	row := c.tally.row(r.Type)
	row.loaded++
	x, planned := c.execute(t, r)
	if !planned {
		return
	}
	row.valid++
	capability, unable := missingCapability(x)
	switch {
	case x.Err == nil && x.Failed == 0 && !x.Diagnostics.HasErrors(): // max_signals may have left some
		row.ran++
		if len(x.Warnings) > 0 && x.Left == 0 {
			c.warned++
			t.Logf("%s: %q", r.Path, x.Warnings)
		}
		if x.Created > 0 {
			row.hit++
		}
	case unable:
		row.unable[capability]++
	default:
		t.Errorf("%s: %s: %s %q", r.Path, x.Status, x.Problem(), x.Warnings)
	}
}

func (c *corpus) execute(t *testing.T, r *rule.Rule) (pipeline.Execution, bool) {
	t.Helper()
	if r.Type == rule.TypeESQL {
		return c.esql.run(t, r)
	}
	plan, diags := plans.For(c.here(r))
	if plan == nil {
		t.Errorf("%s: %v", r.Path, diags)
		return pipeline.Execution{}, false
	}
	return c.pipeline.Run(t.Context(), pipeline.Job{Plan: plan, Slot: corpusSlot, Window: window.At(corpusSlot, r.From.Expr, r.To.Expr)}), true
}

// here is the rule with the node's indices in place of its own.
func (c *corpus) here(r *rule.Rule) *rule.Rule {
	here := *r
	here.Index = c.patterns(r.Index)
	switch r.Type {
	case rule.TypeMachineLearning:
		here.Index = c.patterns([]string{anomalyPattern})
	case rule.TypeThreatMatch:
		threat := *r.ThreatMatch
		threat.Index = c.patterns(threat.Index)
		here.ThreatMatch = &threat
	default:
	}
	return &here
}

func (c *corpus) patterns(patterns []string) []string {
	var out []string
	for _, p := range patterns {
		if rest, ok := strings.CutPrefix(p, "-"); ok {
			out = append(out, "-"+c.node.Prefix+rest)
			continue
		}
		out = append(out, c.node.Prefix+p)
	}
	return out
}

// indexOf is the index that stands for a pattern.
func (c *corpus) indexOf(pattern string) string {
	return strings.ToLower(c.node.Prefix + strings.ReplaceAll(pattern, "*", "x"))
}

// corpusTally counts what became of rules, by type.
type corpusTally map[rule.Type]*corpusRow

type corpusRow struct {
	loaded, valid, ran, hit int
	// unable are the rules that the node cannot run, by what it does not have.
	unable map[string]int
}

func (c corpusTally) row(typ rule.Type) *corpusRow {
	if c[typ] == nil {
		c[typ] = &corpusRow{unable: map[string]int{}}
	}
	return c[typ]
}

// String writes a table.
func (c corpusTally) String() string {
	var b strings.Builder
	b.WriteString("| type | loaded | valid | ran | with alerts | not run, as the node has no |\n|---|---|---|---|---|---|\n")
	total := corpusRow{unable: map[string]int{}}
	for _, typ := range slices.Sorted(maps.Keys(c)) {
		row := c[typ]
		row.write(&b, string(typ))
		total.loaded, total.valid, total.ran, total.hit = total.loaded+row.loaded, total.valid+row.valid, total.ran+row.ran, total.hit+row.hit
		for name, n := range row.unable {
			total.unable[name] += n
		}
	}
	total.write(&b, "all")
	return b.String()
}

func (r corpusRow) write(b *strings.Builder, name string) {
	var unable []string
	for _, capability := range slices.Sorted(maps.Keys(r.unable)) {
		unable = append(unable, fmt.Sprintf("%s: %d", capability, r.unable[capability]))
	}
	fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %s |\n", name, r.loaded, r.valid, r.ran, r.hit, strings.Join(unable, ", "))
}

// corpusPage is the text before the table of docs/corpus.md.
const corpusPage = `# Elastic's rules on Elasticsearch

See how many of Elastic's rules run, and how many of them alert. The table shows every rule of a part of elastic/detection-rules (not shipped with Tocsin), run once on Elasticsearch 8.19:
over one index for each index pattern. The indices have the fields of the rules, with ECS types or the types that the rules compare
them with, and a few events generated from the rules' conditions. ` + "`ran`" + ` counts executions without an error, ` + "`with alerts`" + `
executions with an alert. Events are generated from the positive tests of a rule only, so a rule without alerts here can still alert
on real events. Each ES|QL rule has its own index, with one empty event. [The README of the test node](../integration/engine/README.md) lists the missing features of the node.

` + "`go test -tags integration -run TestCorpusRuns ./integration -write-corpus`" + ` generates this page.

`
