package plans_test

import (
	"testing"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/datemath"
)

func TestCatchUp(t *testing.T) {
	suppress := func(d time.Duration) *rule.AlertSuppression {
		return &rule.AlertSuppression{GroupBy: []string{"host.name"}, Duration: d}
	}
	eql := func(text string) rule.Rule { return rule.Rule{Type: rule.TypeEQL, Query: diag.NewText("q", text)} }
	in := func(l rule.Language, text string) rule.Rule {
		return rule.Rule{Type: rule.TypeQuery, Language: l, Query: diag.NewText("q", text)}
	}
	with := func(r rule.Rule, change func(*rule.Rule)) rule.Rule {
		change(&r)
		return r
	}
	filter := func(clause map[string]any) func(*rule.Rule) {
		return func(r *rule.Rule) { r.Filters = []map[string]any{{"query": clause}} }
	}
	date := func(bound string) map[string]any {
		return map[string]any{"range": map[string]any{"file.created": map[string]any{"gte": bound}}}
	}
	except := func(expires time.Time, value string) func(*rule.Rule) {
		return func(r *rule.Rule) {
			r.ExceptionsList = []rule.Exception{{ListID: "l"}}
			r.Exceptions = []*rule.ExceptionItem{{
				Entries: []rule.Entry{{Field: "my.date", Type: rule.EntryMatch, Operator: rule.Included, Value: value}}, ExpireTime: expires,
			}}
		}
	}
	index := func(patterns ...string) func(*rule.Rule) { return func(r *rule.Rule) { r.Index = patterns } }
	slot := time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)
	everything := eql("any where true")
	const always, never, byDay, untilLater = "always", "never", "by the day", "until 23:00"
	for _, tt := range []struct {
		name string
		rule rule.Rule
		// together says of which slots one run may be, ordered and ofNow what is said of the rule.
		together       string
		ordered, ofNow bool
	}{
		{"events of KQL", in(rule.Kuery, "host.name: a"), always, false, false},
		{"events of EQL", eql("process where true"), always, false, false},
		{"pipes", eql("process where true | head 5"), never, false, false},
		{"a sequence", eql("sequence [process where true] [file where true]"), never, false, false},
		{"suppression within a run", with(everything, func(r *rule.Rule) { r.AlertSuppression = suppress(0) }), never, false, false},
		{"suppression within a time", with(everything, func(r *rule.Rule) { r.AlertSuppression = suppress(time.Hour) }), never, true, false},
		{"suppression of what is new", with(in(rule.Kuery, "host.name: a"), func(r *rule.Rule) {
			r.Type, r.AlertSuppression = rule.TypeNewTerms, suppress(0)
			r.NewTerms = &rule.NewTerms{Fields: []string{"user.name"}, HistoryWindowStart: moment(t, "now-7d")}
		}), never, true, false},
		{"a list of exceptions without items", with(everything, func(r *rule.Rule) { r.ExceptionsList = []rule.Exception{{ListID: "l"}} }), always, false, false},
		{"an exception", with(everything, except(time.Time{}, "2026-01-01||/d")), always, false, false},
		{"an exception that expires", with(everything, except(slot.Add(time.Hour), "2026-01-01")), untilLater, false, false},
		{"an exception of today", with(everything, except(time.Time{}, "now/d")), never, false, true},

		{"date math in KQL", in(rule.Kuery, "file.created >= now-10m"), never, false, true},
		{"of a field that nobody knows", in(rule.Kuery, "my.field: now/d"), never, false, true},
		{"of a field that is a number to ECS", in(rule.Kuery, "process.pid > now-1d"), never, false, true},
		{"on all fields", in(rule.Kuery, `"now/d"`), never, false, true},
		{"in a group", in(rule.Kuery, "file.created: (now or 2026-01-01)"), never, false, true},
		{"a word that is none", in(rule.Kuery, "file.created: nowhere"), always, false, false},
		{"of a fixed day", in(rule.Kuery, `file.created >= "2026-01-01||/d"`), always, false, false},
		{"date math in Lucene", in(rule.Lucene, "file.created:[now-1d TO *]"), never, false, true},
		{"behind a sign", in(rule.Lucene, `file.created:>=now\/d`), never, false, true},
		{"beside what only a search can do", in(rule.Lucene, "file.created:[now-1d TO *] AND message:foo~"), never, false, true},
		{"only a search", in(rule.Lucene, "message:foo~"), always, false, false},
		{"date math in EQL", eql(`any where my.date >= "now-1d"`), never, false, true},
		{"in a list of EQL", eql(`any where not my.date in ("now/d", "2026-01-01")`), never, false, true},
		{"date math in a sequence", eql(`sequence [any where my.date < "now"] [any where true]`), never, false, true},
		{"date math in a filter", with(everything, filter(date("now-10m"))), never, false, true},
		{"of a fixed day in a filter", with(everything, filter(date("2026-01-01||/d"))), always, false, false},
		{"in a filter of a filter", with(everything, filter(map[string]any{"bool": map[string]any{
			"minimum_should_match": 1, "should": []any{date("now-10m")}, "boost": 2, "x": 1,
		}})), never, false, true},

		{"the index of a day", with(everything, index("logs-*", "<logs-{now/d}>")), byDay, false, false},
		{"the index of a day is taken away", with(everything, index("logs-*,-<logs-{now/d}>")), byDay, false, false},
		{"the index of a fixed day", with(everything, index("<logs-{2026.01.01||/d}>")), always, false, false},
		{"the index of a day, and date math", with(in(rule.Kuery, "file.created >= now"), index("<logs-{now/d}>")), never, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.rule.ID = "r"
			if tt.rule.Index == nil {
				tt.rule.Index = []string{"logs-*"}
			}
			tt.rule.From, tt.rule.To = moment(t, "now-6m"), moment(t, "now")
			plan, diags := plans.For(&tt.rule)
			if plan == nil {
				t.Fatal(diags)
			}
			m := query.CatchUp(plan)
			if m.Ordered != tt.ordered || m.OfNow != tt.ofNow {
				t.Errorf("ordered %v, of now %v", m.Ordered, m.OfNow)
			}
			together := func(minutes int) bool {
				return m.Together != nil && m.Together(slot, slot.Add(time.Duration(minutes)*time.Minute))
			}
			want := map[string][3]bool{always: {true, true, true}, never: {}, byDay: {true, true, false}, untilLater: {true, false, false}}[tt.together]
			if got := [3]bool{together(5), together(65), together(125)}; got != want {
				t.Errorf("together: %v, want %v", got, want)
			}
		})
	}
}

func moment(t *testing.T, text string) rule.Moment {
	t.Helper()
	e, err := datemath.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return rule.Moment{Expr: e, Text: text}
}
