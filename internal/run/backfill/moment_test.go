package backfill_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/backend/store"
	"tocsin/internal/ledger"
	"tocsin/internal/ledger/catchup"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/backfill"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
	"tocsin/internal/search"
	"tocsin/internal/search/indexname"
	"tocsin/internal/search/planner"
)

// owedSlots are consecutive slots of a rule, and the events in their windows.
type owedSlots struct {
	rule   string
	expire time.Time
	except string
	events string
	from   time.Time
	to     time.Time
}

// dates are literals that rules compare dates with.
var dates = []string{
	"now", "now-10m", "now-1h", "now-2h/h", "now/d", "now-1d/d", "now+30m", "now-1d", "2026-01-14||/d", "2026-01-14T21:00:00Z||+1h", "2026-01-15", "2026-01-14T22:30:00Z",
}

var dateFields = []string{"file.created", "my.seen"}

// dateTest draws a test of a date in a language.
func dateTest(t *rapid.T, language string) string {
	field, date := rapid.SampledFrom(dateFields).Draw(t, "field"), rapid.SampledFrom(dates).Draw(t, "date")
	op := rapid.SampledFrom([]string{"<", "<=", ">", ">=", "="}).Draw(t, "op")
	switch language {
	case "kuery":
		if op == "=" {
			return fmt.Sprintf("%s: %q", field, date)
		}
		return fmt.Sprintf("%s %s %q", field, op, date)
	case "lucene":
		switch op {
		case "=":
			return fmt.Sprintf("%s:%q", field, date)
		case "<", "<=":
			return fmt.Sprintf("%s:[* TO %q%s", field, date, map[string]string{"<": "}", "<=": "]"}[op])
		}
		return fmt.Sprintf("%s:%s%q TO *]", field, map[string]string{">": "{", ">=": "["}[op], date)
	}
	if op == "=" {
		op = "=="
	}
	return fmt.Sprintf("%s %s %q", field, op, date)
}

// filterOf draws a filter with date math, of a rule in TOML.
func filterOf(t *rapid.T) string {
	field, date := rapid.SampledFrom(dateFields).Draw(t, "field"), rapid.SampledFrom(dates).Draw(t, "date")
	op := rapid.SampledFrom([]string{"lt", "lte", "gt", "gte"}).Draw(t, "op")
	zone := rapid.SampledFrom([]string{"", ", time_zone = \"+05:00\""}).Draw(t, "zone")
	clause := fmt.Sprintf("range = {%q = {%s = %q%s}}", field, op, date, zone)
	if rapid.IntRange(0, 3).Draw(t, "negated") == 0 {
		return "[[rule.filters]]\nmeta = {negate = true}\nquery = {" + clause + "}\n"
	}
	return "[[rule.filters]]\nquery = {" + clause + "}\n"
}

// owing draws a rule and its slots.
func owing() *rapid.Generator[owedSlots] {
	return rapid.Custom(func(t *rapid.T) owedSlots {
		kind := rapid.SampledFrom([]string{"event", "event", "event", "event", "event", "sequence", "sample", "threshold", "terms", "threat", "suppress"}).Draw(t, "kind")
		language := rapid.SampledFrom([]string{"kuery", "lucene", "eql"}).Draw(t, "language")
		typ, more := "query", ""
		name := map[string]string{"kuery": "process.name: sh", "lucene": "process.name:sh", "eql": `process.name == "sh"`}
		test := func(language string) string {
			parts := []string{name[language]}
			for range max(0, rapid.IntRange(-2, 2).Draw(t, "dates")) {
				parts = append(parts, dateTest(t, language))
			}
			return strings.Join(parts, map[string]string{"kuery": " and ", "lucene": " AND ", "eql": " and "}[language])
		}
		switch kind {
		case "sequence", "sample":
			language = "eql"
		case "threshold":
			typ, more = "threshold", "[rule.threshold]\nfield = \"host.id\"\nvalue = 2\n"
		case "terms":
			typ, more = "new_terms", "new_terms_fields = [\"user.name\"]\nhistory_window_start = \"now-3d\"\n"
		case "threat":
			typ, more = "threat_match", fmt.Sprintf("threat_index = [\"ti-*\"]\nthreat_query = '''threat.feed.name: f and %s'''\nthreat_language = \"kuery\"\n"+
				"[[rule.threat_mapping]]\n[[rule.threat_mapping.entries]]\nfield = \"host.id\"\ntype = \"mapping\"\nvalue = \"threat.indicator.name\"\n", dateTest(t, "kuery"))
		case "suppress":
			more = "[rule.alert_suppression]\ngroup_by = [\"host.id\"]\nduration = {value = 2, unit = \"h\"}\n"
		}
		if language == "eql" && (typ == "threshold" || typ == "new_terms" || typ == "threat_match") {
			language = "kuery"
		}
		if language == "eql" {
			typ = "eql"
		}
		text := test(language)
		switch {
		case kind == "sequence":
			text = fmt.Sprintf("sequence by host.id with maxspan=20m [any where %s] [any where %s]", text, test("eql"))
		case kind == "sample":
			text = fmt.Sprintf("sample by host.id [any where %s] [any where process.name == \"curl\"]", text)
		case language == "eql":
			text = "any where " + text
		}
		index := rapid.SampledFrom([]string{
			`"logs-*"`, `"logs-*"`, `"<logs-day-{now/d}>"`, `"<logs-day-{now/d}>", "logs-x"`, `"logs-*", "-<logs-day-{now-1d/d}>"`, `"<logs-hour-{now{yyyy.MM.dd.HH}}>"`,
			`"<logs-day-{now/d{yyyy.MM.dd|+05:00}}>"`,
		}).Draw(t, "index")
		interval := rapid.SampledFrom([]string{"20m", "30m", "1h"}).Draw(t, "interval")
		back := rapid.SampledFrom([]string{"now-11m", "now-70m", "now-3h", "now/d", "now-90m/h"}).Draw(t, "from")
		out := owedSlots{from: hour(float64(rapid.IntRange(0, 3).Draw(t, "begin"))), except: ""}
		out.to = out.from.Add(time.Duration(rapid.IntRange(2, 3).Draw(t, "hours")) * time.Hour)
		var filters strings.Builder
		for range max(0, rapid.IntRange(-1, 1).Draw(t, "filters")) {
			filters.WriteString(filterOf(t))
		}
		if rapid.IntRange(0, 3).Draw(t, "exception") == 0 {
			out.except = rapid.SampledFrom(append([]string{"2026-01-14||/d", "2026-01-14||/d", "2026-01-14||/d", "2026-01-14T21:30:00Z||/h"}, dates...)).Draw(t, "excepted")
			out.expire = out.from.Add(time.Duration(rapid.IntRange(0, 180).Draw(t, "expires")) * time.Minute)
		}
		out.rule = fmt.Sprintf(`[rule]
rule_id = "r"
name = "R"
description = "A rule of a test."
type = %q
language = %q
index = [%s]
severity = "low"
risk_score = 21
interval = %q
from = %q
max_signals = 100
query = '''%s'''
%s
%s`, typ, language, index, interval, back, text, more, filters.String())
		out.events = eventsOf(t)
		return out
	})
}

// eventsOf draws events in the hours around midnight, in the index of their day and hour or of the
// next.
func eventsOf(t *rapid.T) string {
	var lines strings.Builder
	for i := range rapid.IntRange(10, 50).Draw(t, "events") {
		at := begin.Add(time.Duration(rapid.IntRange(-90, 8*60).Draw(t, "minute")) * time.Minute).Add(time.Duration(rapid.IntRange(0, 59).Draw(t, "second")) * time.Second)
		date := func() string {
			return at.Add(-time.Duration(rapid.SampledFrom([]int{0, 1, 5, 15, 45, 90, 240, 1440, -20}).Draw(t, "age")) * time.Minute).Format(time.RFC3339)
		}
		index := rapid.SampledFrom([]string{
			"logs-x", at.Format("logs-day-2006.01.02"), at.Format("logs-day-2006.01.02"), at.Add(-5 * time.Hour).Format("logs-day-2006.01.02"), at.Add(24 * time.Hour).Format("logs-day-2006.01.02"),
			at.Format("logs-hour-2006.01.02.15"), at.Add(time.Hour).Format("logs-hour-2006.01.02.15"),
		}).Draw(t, "index")
		fmt.Fprintf(&lines, `{"_index":%q,"_id":"%d","_source":{"@timestamp":%q,"event":{"category":"process"},"host":{"id":"h%d"},"user":{"name":"u%d"},"process":{"name":%q},"file":{"created":%q},"my":{"seen":[%q,%q]}}}`+"\n",
			index, i, at.Format(time.RFC3339), rapid.IntRange(0, 2).Draw(t, "host"), rapid.IntRange(0, 5).Draw(t, "user"),
			rapid.SampledFrom([]string{"sh", "sh", "curl"}).Draw(t, "process"), date(), date(), date())
	}
	for i := range 3 {
		fmt.Fprintf(&lines, `{"_index":"ti-a","_id":"ti%d","_source":{"@timestamp":"2026-01-14T12:00:00Z","threat":{"feed":{"name":"f"},"indicator":{"name":"h%d"}},"file":{"created":"2026-01-14T21:%02d:00Z"},"my":{"seen":"2026-01-14T23:30:00Z"}}}`+"\n", i, i, 10*i)
	}
	return lines.String()
}

func (o owedSlots) open(t require) (search.Events, query.Plan) {
	types := mapping.Table{"my.seen": {Name: "my.seen", Type: mapping.DateNanos}}
	for _, name := range []string{"@timestamp", "file.created"} {
		types[name] = mapping.Field{Name: name, Type: mapping.Date}
	}
	for _, name := range []string{"event.category", "host.id", "user.name", "process.name", "threat.feed.name", "threat.indicator.name"} {
		types[name] = mapping.Field{Name: name, Type: mapping.Keyword}
	}
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(o.events), Mapping: mapping.Everywhere(types)})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	set, list := rule.LoadFS(fstest.MapFS{"r.toml": &fstest.MapFile{Data: []byte(o.rule)}}, ".")
	if list.HasErrors() {
		t.Fatal(list.Err(), o.rule)
	}
	r := set.Rules()[0]
	if o.except != "" {
		r.ExceptionsList = []rule.Exception{{ListID: "l"}}
		r.Exceptions = []*rule.ExceptionItem{{
			Entries:    []rule.Entry{{Field: "file.created", Type: rule.EntryMatch, Operator: rule.Included, Value: o.except}},
			ExpireTime: o.expire,
		}}
	}
	plan, list := plans.For(r)
	if plan == nil {
		t.Fatal(list.Err(), o.rule)
	}
	return events, plan
}

// require is what tests and properties have in common.
type require interface {
	Helper()
	Fatal(args ...any)
	Context() context.Context
}

// each runs slot after slot, as run --once --at does.
func (o owedSlots) each(t require, events search.Events, rule backfill.Rule) *store.Memory {
	a := store.NewMemory()
	p := &pipeline.Pipeline{Events: events, Alerts: a, Instances: a, Now: func() time.Time { return hour(1000) }}
	for _, slot := range o.slots(rule) {
		if x := p.Run(t.Context(), pipeline.Job{Plan: rule.Plan, Slot: slot, Window: rule.Plan.Rule().Window(slot), Manual: true}); x.Status != pipeline.Succeeded {
			t.Fatal(x.Status, x.Problem(), o.rule)
		}
	}
	return a
}

func (o owedSlots) slots(rule backfill.Rule) []time.Time {
	var out []time.Time
	for slot := rule.Slots.Next(o.from.Add(-1)); slot.Before(o.to); slot = rule.Slots.Next(slot) {
		out = append(out, slot)
	}
	return out
}

// caughtUp runs all slots as a service does after downtime. With secretly, executions do not know
// their slots, so that none refuses them.
func (o owedSlots) caughtUp(t require, events search.Events, rule backfill.Rule, known catchup.Rule, secretly bool) (a *store.Memory, runs int) {
	a = store.NewMemory()
	round := &pipeline.Round{
		Pipeline: &pipeline.Pipeline{Events: events, Alerts: a, Instances: a, Now: func() time.Time { return hour(1000) }}, Planner: &planner.Planner{},
	}
	owed := map[time.Time]ledger.Owed{}
	for _, slot := range o.slots(rule) {
		owed[slot] = ledger.Owed{RuleID: "r", Entry: ledger.Entry{Slot: slot}}
	}
	for len(owed) > 0 {
		for _, task := range catchup.Plan(slices.Collect(maps.Values(owed)), map[string]catchup.Rule{"r": known}, hour(999), catchup.Options{}) {
			runs++
			job := pipeline.Job{Plan: rule.Plan, Slot: task.Slot(), Window: task.Window, Covers: task.Slots}
			if secretly {
				job.Covers = nil
			}
			if x := round.RunAll(t.Context(), []pipeline.Job{job}, nil)[0]; x.Status != pipeline.Succeeded {
				t.Fatal(x.Status, x.Problem(), o.rule)
			}
			for _, slot := range task.Slots {
				delete(owed, slot)
			}
		}
	}
	return a, runs
}

func ids(t require, a *store.Memory) []string { return slices.Sorted(maps.Keys(contents(t, a))) }

// TestSlotsAnyWay: the slots of a rule make the same alerts as one job, in a catch-up, and
// individually.
func TestSlotsAnyWay(t *testing.T) {
	made, merged, all := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		o := owing().Draw(rt, "slots")
		events, plan := o.open(rt)
		one, err := backfill.NewRule(plan, false)
		if err != nil {
			rt.Fatal(err)
		}
		single := contents(rt, o.each(rt, events, one))
		a := store.NewMemory()
		result, err := newRunner(events, a, ledger.NewMemory()).Run(rt.Context(), backfill.NewJob([]backfill.Rule{one}, o.from, o.to, "x", nil), []backfill.Rule{one})
		if err != nil || result.Left() != 0 {
			rt.Fatal(err, result)
		}
		if diff := cmp.Diff(single, contents(rt, a)); diff != "" {
			rt.Fatalf("%s\n-slot by slot +as one job:\n%s", o.rule, diff)
		}
		served, err := service.NewRule(plan)
		if err != nil {
			rt.Fatal(err)
		}
		later, runs := o.caughtUp(rt, events, one, served.CatchUp(), false)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(single)), ids(rt, later)); diff != "" {
			rt.Fatalf("%s\n-slot by slot +caught up:\n%s", o.rule, diff)
		}
		all++
		if len(single) > 0 {
			made++
		}
		if runs < len(o.slots(one)) {
			merged++
		}
	})
	t.Logf("%d cases, alerts in %d of them, merged slots in %d", all, made, merged)
	if all >= 50 && (made < all/4 || merged < all/20) {
		t.Errorf("%d cases, alerts in %d of them, merged slots in %d", all, made, merged)
	}
}

// TestSlotsAnyWayFindsFaults: slots that are merged although they must not be make different
// alerts.
func TestSlotsAnyWayFindsFaults(t *testing.T) {
	found := map[string]int{}
	enough := func() bool {
		return found["now"] >= 5 && found["names"] >= 2 && found["expiry"] >= 1 && found["the rule's type"] >= 5
	}
	for seed := 0; seed < 1000 && !enough(); seed++ {
		o := owing().Example(seed)
		events, plan := o.open(t)
		one, err := backfill.NewRule(plan, false)
		if err != nil {
			t.Fatal(err)
		}
		why := "the rule's type"
		switch merging := query.CatchUp(plan); {
		case merging.OfNow:
			why = "now"
		case merging.Together != nil && indexname.HasDateMath(plan.Rule().Index):
			why = "names"
		case merging.Together != nil && o.except != "":
			why = "expiry"
		}
		fault := catchup.Rule{ID: "r", Window: plan.Rule().Window, Together: func(_, _ time.Time) bool { return true }}
		faulty, _ := o.caughtUp(t, events, one, fault, true)
		if !slices.Equal(ids(t, o.each(t, events, one)), ids(t, faulty)) {
			found[why]++
		}
	}
	if !enough() {
		t.Errorf("faults found: %v", found)
	}
}

// TestSlotsRefused: a run over slots that ask for different things fails, rather than find the hits
// of only one of them.
func TestSlotsRefused(t *testing.T) {
	rules := load(t, false, ruleText("r", "query", `file.created >= now-10m`, ""))
	a := store.NewMemory()
	p := &pipeline.Pipeline{Events: openEvents(t), Alerts: a, Instances: a}
	slots := []time.Time{hour(1), hour(1.5)}
	run := func(covers []time.Time) pipeline.Execution {
		return p.Run(t.Context(), pipeline.Job{Plan: rules[0].Plan, Slot: hour(1.5), Window: rules[0].Plan.Rule().Window(hour(1.5)), Covers: covers})
	}
	if x := run(slots[1:]); x.Status != pipeline.Succeeded {
		t.Error(x.Status, x.Problem())
	}
	if x := run(slots); x.Status != pipeline.Failed || !strings.Contains(x.Problem(), "2 slots cannot share a run") {
		t.Error(x.Status, x.Problem())
	}
}
