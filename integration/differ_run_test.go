//go:build integration

package integration

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/testkit/indexgen"
)

// The size of TestIndicesDiffer. The default is a sample; `make full` runs everything.
var (
	differWorlds    = flag.Int("differ.worlds", 1, "worlds of each kind in which indices differ")
	differDocuments = flag.Int("differ.documents", 60, "events in the window of each world")
	differRules     = flag.Int("differ.rules", 1, "rules of each type in each world")
	differSeed      = flag.Uint64("differ.seed", 1, "seed of the first world")
	differKind      = flag.String("differ.kind", "", "only the kinds whose names begin so")
	differWay       = flag.String("differ.mode", "", "only this way, beside the first")
	differType      = flag.String("differ.type", "", "only rules of the types whose names begin so")
	differShrunk    = flag.Int("differ.shrunk", 3, "disagreements to make small")
	differShown     = flag.Int("differ.shown", 1, "disagreements to show of each kind, type of rule and way")
)

// The requirements for every cell of the table in a full run.
const (
	differPairs = 1000
	differAll   = 1_000_000
	// differMore is the maximum number of worlds that are added for rule types without enough pairs.
	differMore = 8
)

// differTypes are the rule types to compare.
func differTypes() []string {
	return slices.DeleteFunc(slices.Clone(indexgen.Types), func(typ string) bool { return !strings.HasPrefix(typ, *differType) })
}

// TestIndicesDiffer: however the indices of a pattern differ, a rule of any type makes the same alerts by search,
// by the shared read, by the planner's choice, and over files. Rules on single events alert on the documents that
// Elasticsearch's own query of the language finds.
func TestIndicesDiffer(t *testing.T) {
	node := newNode(t)
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	table := differTable{}
	for _, kind := range indexgen.Kinds {
		if !strings.HasPrefix(kind.Name, *differKind) {
			continue
		}
		start := time.Now()
		whole := *differDocuments**differRules**differWorlds >= differPairs
		for i := 0; i < *differWorlds || whole && i < *differWorlds+differMore; i++ {
			types := differTypes()
			if i >= *differWorlds { // more worlds for rule types that were rarely chosen
				types = slices.DeleteFunc(types, func(typ string) bool { return !table.thin(kind, typ) })
			}
			if len(types) == 0 {
				break
			}
			seed := *differSeed + uint64(i)
			w := indexgen.New(kind, seed, indexgen.Options{
				Prefix: fmt.Sprintf("%s-%d-", node.Name(kind.Name), seed), Documents: *differDocuments, Candidates: 6**differRules + 12,
			})
			d := newDiffer(t, node, client, w, kind, types, *differRules)
			d.compare(t, table)
			d.remove(t)
		}
		t.Logf("%s: %s", kind.Name, time.Since(start).Round(time.Millisecond))
	}
	t.Logf("\n%s", table)
	if *differDocuments**differRules**differWorlds >= differPairs {
		table.judge(t)
		if total := table.pairs(); *differKind+*differType == "" && total < differAll {
			t.Errorf("%d pairs in all: too little is compared", total)
		}
	}
}

// compare runs all rules in all modes and reports differences.
func (d *differ) compare(t *testing.T, table differTable) {
	t.Helper()
	var first map[string]answer
	for _, m := range differModes {
		if first != nil && *differWay != "" && *differWay != m.name {
			continue
		}
		rules := d.rules
		if m.embedded && d.kind.Sourceless {
			rules = slices.DeleteFunc(slices.Clone(rules), func(r differRule) bool { return indexgen.ReadsEach(r.Type) })
		}
		got := d.run(t, m, d.place(t, m), rules)
		if first == nil {
			first = got
			d.compareAsked(t, table, got)
		}
		for _, r := range rules {
			cell := table.cell(d.kind, r.Type, m.name)
			cell.rules++
			if d.refuses(m, r, got[r.ID]) {
				cell.exempt = true
				continue
			}
			diff := d.difference(r, m, first[r.ID], got[r.ID])
			switch {
			case diff != "":
				if cell.differ++; cell.differ <= *differShown {
					t.Errorf("%s [%s]: %s\n%s", r.ID, m.name, diff, d.shown(t, r, m, first[r.ID], got[r.ID]))
				}
			case got[r.ID].problem != "":
				if cell.failed++; !r.refused && !d.kind.Refuses(r.Type) && m.name == differModes[0].name && cell.failed <= *differShown {
					t.Errorf("%s [%s]: fails in every way: %s\n%s", r.ID, m.name, got[r.ID].problem, ruleBodies([]differRule{r}))
				}
			case !r.refused:
				cell.pairs += d.seen
				cell.matched += d.matched(got[r.ID])
			}
		}
	}
}

// compareAsked compares the alerts of rules on single events with the results of Elasticsearch.
func (d *differ) compareAsked(t *testing.T, table differTable, got map[string]answer) {
	t.Helper()
	var asked []object
	var rules []differRule
	for _, r := range d.rules {
		if r.Exact && !r.refused && got[r.ID].problem == "" {
			asked, rules = append(asked, r.Asked[0]), append(rules, r)
		}
	}
	for i, a := range d.ask(t, asked, len(d.world.Documents)) {
		var ids []string
		for _, hit := range a.At("hits", "hits").List() {
			ids = append(ids, hit.At("_id").String())
		}
		slices.Sort(ids)
		r := rules[i]
		cell := table.cell(d.kind, r.Type, "_search")
		cell.rules++
		cell.pairs += d.seen
		cell.matched += len(ids)
		if have := found(got[r.ID]); !slices.Equal(ids, have) {
			if cell.differ++; cell.differ <= *differShown {
				query, _ := json.Marshal(r.Asked[0])
				t.Errorf("%s: Elasticsearch finds by %s\n%s", r.ID, query, d.explain(ids, have, ruleBodies([]differRule{r})))
			}
		}
	}
}

// refuses reports whether a rule fails by what files refuse of such indices; what is matched in memory in
// every way is refused in every way.
func (d *differ) refuses(m differMode, r differRule, a answer) bool {
	inMemory := m.embedded || strings.HasPrefix(r.Type, "sequence") || strings.HasPrefix(r.Type, "sample")
	return inMemory && d.kind.FilesRefuse != "" && strings.Contains(a.problem, d.kind.FilesRefuse)
}

// difference says how two answers differ, "" when they do not.
func (d *differ) difference(r differRule, m differMode, want, got answer) string {
	switch {
	case (want.problem == "") != (got.problem == ""):
		return fmt.Sprintf("%s says %q, %s %q", differModes[0].name, want.problem, m.name, got.problem)
	case r.refused: // some indices have answered, which of them is of no account
		return ""
	case len(want.alerts) != len(got.alerts):
		return fmt.Sprintf("%d alerts by %s, %d by %s", len(want.alerts), differModes[0].name, len(got.alerts), m.name)
	}
	for _, id := range slices.Sorted(maps.Keys(want.alerts)) {
		other, has := got.alerts[id]
		if !has {
			return "one alert has not the same identity"
		}
		a, b := want.alerts[id], other
		if m.embedded && d.kind.Unsourced {
			a, b = ownFields(a), ownFields(b)
		}
		for _, name := range slices.Sorted(maps.Keys(maps.Collect(namesOf(a, b)))) {
			x, _ := json.Marshal(a[name])
			y, _ := json.Marshal(b[name])
			if string(x) != string(y) {
				return fmt.Sprintf("%s is %s by %s, %s by %s", name, x, differModes[0].name, y, m.name)
			}
		}
	}
	return ""
}

// namesOf are the names of two objects.
func namesOf(a, b object) func(func(string, bool) bool) {
	return func(yield func(string, bool) bool) {
		for _, o := range []object{a, b} {
			for name := range o {
				if !yield(name, true) {
					return
				}
			}
		}
	}
}

// ownFields are those that are not copied of events, nor speak of what is.
func ownFields(source object) object {
	out := object{}
	for name, value := range source {
		copied := name == "kibana.alert.reason" || strings.HasPrefix(name, "kibana.alert.original_event.")
		if strings.HasPrefix(name, "kibana.") && !copied {
			out[name] = value
		}
	}
	return out
}

// shown is what a person needs to see a disagreement again; the first few are made small.
func (d *differ) shown(t *testing.T, r differRule, m differMode, want, got answer) string {
	t.Helper()
	if *differShrunk > 0 {
		*differShrunk--
		return d.shrink(t, r, m)
	}
	return d.explain(found(want), found(got), ruleBodies([]differRule{r})) + "\n  warnings: " + fmt.Sprintf("%q %q", want.warnings, got.warnings)
}

// explain shows the rule, an event that only one side has, and the mappings.
func (d *differ) explain(want, got []string, rule string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  rule: %s\n", rule)
	shown := 0
	for _, doc := range d.world.Documents {
		a, c := slices.Contains(want, doc.ID), slices.Contains(got, doc.ID)
		if a == c {
			continue
		}
		if shown++; shown <= 3 {
			source, _ := json.Marshal(doc.Source)
			fmt.Fprintf(&b, "  event %s of %s: expected %t, got %t: %s\n", doc.ID, doc.Index, a, c, source)
		}
	}
	for _, index := range d.world.Indices {
		text, _ := json.Marshal(index.Mapping)
		fmt.Fprintf(&b, "  %s: %s\n", index.Name, text)
	}
	return b.String()
}

// ruleBodies writes rules as the loader reads them, without what all of them have.
func ruleBodies(rules []differRule) string {
	var lines []string
	for _, r := range rules {
		body := maps.Clone(r.Body)
		for _, name := range []string{"description", "risk_score", "severity", "enabled", "interval", "max_signals", "name", "rule_id", "to", "from"} {
			delete(body, name)
		}
		text, _ := json.Marshal(body)
		lines = append(lines, string(text))
	}
	return strings.Join(lines, "\n")
}

// differTable counts what was compared, by kind, type of rule and mode.
type differTable map[differKey]*differCell

type differKey struct{ kind, typ, mode string }

type differCell struct {
	rules, pairs, matched, differ, failed int
	// exempt tells that no rule of the type can run over such indices, anywhere.
	exempt bool
}

func (table differTable) cell(kind indexgen.Kind, typ, mode string) *differCell {
	key := differKey{kind.Name, typ, mode}
	if table[key] == nil {
		table[key] = &differCell{exempt: kind.Refuses(typ)}
	}
	return table[key]
}

// String has a row for each kind and type of rule: pairs and share of matches in the mode that has the
// least of them, and in how many rules each mode differs.
func (table differTable) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| kind | type of rule | pairs | matching | differing rules |\n|---|---|---|---|---|\n")
	differ := 0
	for _, kind := range indexgen.Kinds {
		for _, typ := range indexgen.Types {
			var least *differCell
			var differs []string
			for _, m := range differModes {
				c := table[differKey{kind.Name, typ, m.name}]
				if c == nil {
					continue
				}
				if least == nil || c.pairs < least.pairs {
					least = c
				}
				if c.differ > 0 {
					differs = append(differs, fmt.Sprintf("%s %d of %d", m.name, c.differ, c.rules))
				}
				differ += c.differ
			}
			if least == nil {
				continue
			}
			if c := table[differKey{kind.Name, typ, "_search"}]; c != nil && c.differ > 0 {
				differs = append(differs, fmt.Sprintf("_search %d of %d", c.differ, c.rules))
			}
			fmt.Fprintf(&b, "| %s | %s | %d | %.0f %% | %s |\n", kind.Name, typ, least.pairs, least.share(), strings.Join(differs, ", "))
		}
	}
	fmt.Fprintf(&b, "\n%d pairs of a rule and a document in each of %d ways; %d answers differ.\n", table.pairs(), len(differModes), differ)
	return b.String()
}

// pairs is how many pairs every way of running rules has in common: of each kind and type of rule, those
// of the way that has the least.
func (table differTable) pairs() int {
	least := map[differKey]int{}
	for key, c := range table {
		if key.mode == "_search" {
			continue
		}
		of := differKey{key.kind, key.typ, ""}
		if have, ok := least[of]; !ok || c.pairs < have {
			least[of] = c.pairs
		}
	}
	total := 0
	for _, n := range least {
		total += n
	}
	return total
}

// thin tells that some way of running rules of a type has too few pairs yet.
func (table differTable) thin(kind indexgen.Kind, typ string) bool {
	if kind.Refuses(typ) {
		return false
	}
	for i, m := range differModes {
		if i > 0 && *differWay != "" && *differWay != m.name || m.embedded && kind.Sourceless && indexgen.ReadsEach(typ) {
			continue
		}
		if c := table.cell(kind, typ, m.name); !c.exempt && c.pairs < differPairs {
			return true
		}
	}
	return false
}

func (c *differCell) share() float64 { return 100 * float64(c.matched) / float64(max(c.pairs, 1)) }

// judge fails where too little was compared.
func (table differTable) judge(t *testing.T) {
	t.Helper()
	for key, c := range table {
		if c.exempt || key.mode == "_search" {
			continue
		}
		if c.pairs < differPairs || c.share() < 10 || c.share() > 60 {
			t.Errorf("%s, %s [%s]: %d pairs, of which %.1f %% match: too little is compared", key.kind, key.typ, key.mode, c.pairs, c.share())
		}
	}
}
