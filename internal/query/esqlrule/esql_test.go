package esqlrule_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/esqlrule"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// esqlPlace is a place that answers ES|QL as the test says.
type esqlPlace struct {
	search.Events
	target search.Target
	answer func(q search.ESQLQuery) (search.Rows, error)
	docs   map[search.Ref]string
	asked  []search.ESQLQuery
}

func (p *esqlPlace) Resolve(context.Context, []string, []string) (search.Target, error) {
	if p.target.Indices == nil {
		return search.Target{Indices: []string{"logs"}, Fields: mapping.Assumed()}, nil
	}
	return p.target, nil
}

func (p *esqlPlace) RunESQL(_ context.Context, q search.ESQLQuery) (search.Rows, error) {
	p.asked = append(p.asked, q)
	rows, err := p.answer(q)
	if strings.HasSuffix(q.Text, "| LIMIT 0") {
		rows.Values = nil
	}
	return rows, err
}

func (p *esqlPlace) Documents(_ context.Context, refs []search.Ref) (map[search.Ref]event.Event, error) {
	out := map[search.Ref]event.Event{}
	for _, r := range refs {
		if source, ok := p.docs[r]; ok {
			out[r] = event.Event{Index: r.Index, ID: r.ID, Source: json.RawMessage(source)}
		}
	}
	return out, nil
}

// rowsOf makes an answer of JSON lists; a column is name:type, keyword by default.
func rowsOf(t *testing.T, columns string, lines ...string) search.Rows {
	t.Helper()
	var rows search.Rows
	for name := range strings.FieldsSeq(columns) {
		c, typ, _ := strings.Cut(name, ":")
		if typ == "" {
			typ = "keyword"
		}
		rows.Columns = append(rows.Columns, search.Column{Name: c, Type: typ})
	}
	for _, line := range lines {
		dec := json.NewDecoder(strings.NewReader(line))
		dec.UseNumber()
		var row []any
		if err := dec.Decode(&row); err != nil {
			t.Fatal(err)
		}
		rows.Values = append(rows.Values, row)
	}
	return rows
}

func esqlRule(text string) *rule.Rule {
	return &rule.Rule{ID: "r", Name: "r", Type: rule.TypeESQL, Language: rule.ESQL, Query: diag.NewText("query", text)}
}

var (
	esqlSlot   = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	esqlWindow = window.Window{From: esqlSlot.Add(-8 * time.Millisecond), To: esqlSlot}
)

// runESQL executes a query and returns its hits.
func runESQL(t *testing.T, text string, place *esqlPlace) ([]query.Hit, query.Result, error) {
	t.Helper()
	plan, diags := plans.For(esqlRule(text))
	if plan == nil {
		t.Fatal(diags)
	}
	src := query.Source{Events: place, At: esqlSlot}
	prepared, diags, err := plan.Prepare(t.Context(), src)
	if prepared == nil {
		t.Fatal(diags, err)
	}
	var hits []query.Hit
	result, err := prepared.Execute(t.Context(), src, esqlWindow, func(h []query.Hit) (bool, error) {
		hits = append(hits, h...)
		return true, nil
	})
	return hits, result, err
}

func TestESQLRowsOfDocuments(t *testing.T) {
	place := &esqlPlace{docs: map[search.Ref]string{
		{Index: "logs", ID: "1"}: `{"host":{"name":"h","ip":["2","1"]},"n":1,"message":"m","geo":{"lat":1,"lon":2}}`,
		{Index: "logs", ID: "2"}: `{"host.name":"h"}`,
	}}
	place.answer = func(search.ESQLQuery) (search.Rows, error) {
		return rowsOf(t, "_index _id @timestamp:date host.name host.ip:ip n:long message:text message.keyword geo:geo_point Esql.x none",
			`["logs","3","2026-01-01T00:00:00.003Z",null,null,3,null,null,null,"gone",null]`,
			`["logs","2","2026-01-01T00:00:00.002Z","other",null,2,null,null,null,"b",null]`,
			`["logs","1","2026-01-01T00:00:00.001Z","h",["1","2"],1,"m","m","POINT (2 1)",["c","d"],null]`), nil
	}
	hits, result, err := runESQL(t, "FROM logs", place)
	if err != nil || result.Total != 3 || result.Seen != 3 {
		t.Errorf("%+v, error %v", result, err)
	}
	var got []string
	for _, h := range hits {
		if h.Key != nil || h.Parents != nil {
			t.Errorf("%s has an identity of its own: %q", h.Event.ID, h.Key)
		}
		got = append(got, h.Event.ID+" "+string(h.Event.Source))
	}
	want := []string{ // by time; of what the document has already nothing is changed
		`1 {"@timestamp":"2026-01-01T00:00:00.001Z","Esql":{"x":["c","d"]},"geo":{"lat":1,"lon":2},"host":{"ip":["2","1"],"name":"h"},"message":"m","n":1}`,
		`2 {"@timestamp":"2026-01-01T00:00:00.002Z","Esql":{"x":"b"},"host":{"name":"other"},"n":2}`,
		`3 {"@timestamp":"2026-01-01T00:00:00.003Z","Esql":{"x":"gone"},"n":3}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The rows of one document that differ have identities of their own; in which order they or their
// values come is of no account.
func TestESQLIdentities(t *testing.T) {
	keys := func(text, columns string, lines ...string) []string {
		place := &esqlPlace{answer: func(search.ESQLQuery) (search.Rows, error) { return rowsOf(t, columns, lines...), nil }}
		hits, _, err := runESQL(t, text, place)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, h := range hits {
			out = append(out, fmt.Sprintf("%q", h.Key))
		}
		slices.Sort(out)
		return out
	}
	const documents, made = "FROM logs | MV_EXPAND a", "FROM logs | STATS b = AVG(x), c = VALUES(y) BY a"
	one := keys(documents, "_index _id a b", `["logs","1","x",null]`, `["logs","1","y","z"]`, `["logs","2","x",null]`)
	two := keys(documents, "b _id _index a", `[null,"2","logs","x"]`, `["z","1","logs","y"]`, `[null,"1","logs","x"]`, `[null,"1","logs","x"]`)
	if diff := cmp.Diff(one, two); diff != "" {
		t.Errorf("documents (-one +two):\n%s", diff)
	}
	if len(one) != 3 || one[2] != "[]" || one[0] == one[1] {
		t.Errorf("documents: %v", one)
	}

	one = keys(made, "b:double c:long a", `[1.0000000000000002,[1,2],"x"]`, `[2.5,null,"y"]`)
	two = keys(made, "a b:double c:long", `["y",2.5,null]`, `["x",1.0,[2,1]]`)
	if diff := cmp.Diff(one, two); diff != "" {
		t.Errorf("made (-one +two):\n%s", diff)
	}
	others := [][]string{
		keys(made, "b:double c:long a", `[1.0,[1,2,3],"x"]`), keys(made, "b:double c:long a", `[1.0,[12],"x"]`),
		keys(made, "b:double c a", `[1.0,["1,2"],"x"]`), keys(made, "b:double c:long a", `[1.001,[1,2],"x"]`),
		keys(made, "b:double d:long a", `[1.0,[1,2],"x"]`),
	}
	seen := map[string]bool{one[0]: true}
	for _, other := range others {
		if seen[other[0]] {
			t.Errorf("twice: %s", other[0])
		}
		seen[other[0]] = true
	}
}

func TestESQLMadeRows(t *testing.T) {
	place := &esqlPlace{answer: func(search.ESQLQuery) (search.Rows, error) {
		return rowsOf(t, "Esql.count:long host.name host none", `[2,["a","b"],null,null]`, `[1,"c","h",null]`), nil
	}}
	hits, result, err := runESQL(t, "FROM logs | STATS Esql.count = COUNT(*) BY host.name, host | SORT Esql.count DESC", place)
	if err != nil || result.Total != 2 {
		t.Errorf("%+v, error %v", result, err)
	}
	var got []string
	for _, h := range hits {
		if h.Parents == nil || len(h.Key) == 0 || h.Key[0] != "esql_row" || h.Event.ID != "" {
			t.Errorf("%+v", h)
		}
		got = append(got, string(h.Event.Source))
	}
	want := []string{`{"Esql":{"count":2},"host":{"name":["a","b"]}}`, `{"Esql":{"count":1},"host":"h","host.name":"c"}`}
	if diff := cmp.Diff(want, got); diff != "" { // in the query's order
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// bounds returns the range of time of a query's filter.
func bounds(t *testing.T, q search.ESQLQuery) (from, to time.Time) {
	t.Helper()
	data, err := search.JSON(q.Filter, "")
	if err != nil {
		t.Fatal(err)
	}
	var filter struct {
		Bool struct {
			Filter []struct {
				Range map[string]struct{ Gte, Lt time.Time } `json:"range"`
			} `json:"filter"`
		} `json:"bool"`
	}
	if err := json.Unmarshal(data, &filter); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	r := filter.Bool.Filter[0].Range["@timestamp"]
	return r.Gte, r.Lt
}

// A window with more rows than can be read is divided, down to a millisecond.
func TestESQLDivides(t *testing.T) {
	perMilli := 600
	place := &esqlPlace{}
	place.answer = func(q search.ESQLQuery) (search.Rows, error) {
		rows := rowsOf(t, "_index _id @timestamp:date")
		if strings.HasSuffix(q.Text, "LIMIT 0") {
			return rows, nil
		}
		from, to := bounds(t, q)
		var limit int
		if _, err := fmt.Sscanf(q.Text[strings.LastIndex(q.Text, "LIMIT"):], "LIMIT %d", &limit); err != nil {
			t.Fatal(err)
		}
		for at := from; at.Before(to); at = at.Add(time.Millisecond) {
			for i := range perMilli {
				if len(rows.Values) < limit {
					rows.Values = append(rows.Values, []any{"logs", fmt.Sprintf("%d-%d", at.UnixMilli(), i), at.Format(time.RFC3339Nano)})
				}
			}
		}
		return rows, nil
	}
	hits, result, err := runESQL(t, "FROM logs", place)
	if err != nil || len(hits) != 8*perMilli || result.Total != int64(len(hits)) {
		t.Errorf("%d hits, %+v, error %v", len(hits), result, err)
	}
	if !slices.IsSortedFunc(hits, func(a, b query.Hit) int { return strings.Compare(a.Event.ID[:13], b.Event.ID[:13]) }) {
		t.Error("the hits are not in order of time")
	}

	perMilli = 1500 // more than a part may have
	if hits, _, err = runESQL(t, "FROM logs", place); err != nil || len(hits) != 8*perMilli {
		t.Errorf("%d hits, error %v", len(hits), err)
	}
	perMilli = 12_000 // more than Elasticsearch gives
	hits, _, err = runESQL(t, "FROM logs", place)
	if len(hits) != 8*10_000 || failure.KindOf(err) != failure.Partial || !strings.Contains(err.Error(), "row limit of 10000") {
		t.Errorf("%d hits, error %v", len(hits), err)
	}

	perMilli = 2000 // what depends on other rows cannot be divided
	place.asked = nil
	hits, _, err = runESQL(t, "FROM logs | LIMIT 20000", place)
	if len(hits) != 10_000 || len(place.asked) != 2 || failure.KindOf(err) != failure.Partial {
		t.Errorf("%d hits of %d queries, error %v", len(hits), len(place.asked), err)
	}
}

func TestESQLPrepare(t *testing.T) {
	plan, diags := plans.For(esqlRule("FROM logs, gone | KEEP a\n| WHERE x == NOW()"))
	if plan == nil {
		t.Fatal(diags)
	}
	if diff := cmp.Diff([]string{"logs", "gone"}, plan.Rule().Index); diff != "" || plan.Strategy() != query.ESQL {
		t.Errorf("%s strategy, indices (-want +got):\n%s", plan.Strategy(), diff)
	}
	place := &esqlPlace{target: search.Target{Indices: []string{"logs"}, Missing: []string{"gone"}, Fields: mapping.Assumed()}}
	place.answer = func(search.ESQLQuery) (search.Rows, error) {
		return search.Rows{}, &search.QueryError{Problems: []search.Problem{
			{Line: 2, Column: 9, Message: "Unknown column [x]"}, {Message: "elsewhere"},
		}}
	}
	prepared, diags, err := plan.Prepare(t.Context(), query.Source{Events: place, At: esqlSlot})
	want := []string{"query:2:9: error: Unknown column [x] [esql/rejected]", "error: Elasticsearch refuses the query: elsewhere [esql/rejected]"}
	var got []string
	for _, d := range diags {
		got = append(got, d.Error())
	}
	if diff := cmp.Diff(want, got); prepared != nil || err != nil || diff != "" {
		t.Errorf("prepared %v, error %v (-want +got):\n%s", prepared, err, diff)
	}
	sent := "FROM \"logs\" METADATA _id, _index | KEEP a, _id, _index\n| WHERE x == TO_DATETIME(\"2026-01-01T12:00:00.000Z\")\n| LIMIT 0"
	if place.asked[0].Text != sent {
		t.Errorf("sent %s", place.asked[0].Text)
	}

	unavailable := &failure.Error{Kind: failure.Unavailable, Op: "x"}
	place.answer = func(search.ESQLQuery) (search.Rows, error) { return search.Rows{}, unavailable }
	if _, _, err := plan.Prepare(t.Context(), query.Source{Events: place}); !errors.Is(err, unavailable) {
		t.Errorf("error %v", err)
	}
}

// What only Elasticsearch can do is said, not tried.
func TestESQLNeedsElasticsearch(t *testing.T) {
	plan, diags := plans.For(esqlRule("FROM logs"))
	if plan == nil || len(diags) > 0 {
		t.Fatal(diags)
	}
	events, _, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader("{}\n")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = events.Close() }()
	prepared, diags, err := plan.Prepare(t.Context(), query.Source{Events: events})
	if prepared != nil || err != nil || len(diags) != 1 || diags[0].Code != esqlrule.CodePlace || !diags.HasErrors() {
		t.Errorf("prepared %v, %v, error %v", prepared, diags, err)
	}
	assumed, _ := plan.Assume(time.Time{})
	if _, err := assumed.Trace(t.Context(), event.NewDocument(nil)); err == nil {
		t.Error("an event was traced")
	}
}

func TestESQLExplanation(t *testing.T) {
	plan, _ := plans.For(esqlRule("FROM logs | STATS c = COUNT(*)"))
	assumed, _ := plan.Assume(time.Time{})
	e := assumed.Explain(esqlWindow)
	body, err := search.JSON(e.Request, "")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"filter":{"bool":{"filter":[{"range":{"@timestamp":{"format":"strict_date_optional_time","gte":"2026-01-01T11:59:59.992Z","lt":"2026-01-01T12:00:00.000Z"}}},` +
		`{"bool":{"must_not":[{"term":{"kibana.alert.rule.rule_id":{"value":"r"}}}]}}]}},"query":"FROM logs | STATS c = COUNT(*)\n| LIMIT 10000"}`
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if e.Method() != "POST" || e.Path() != search.ESQLPath || !strings.HasPrefix(e.Rows, "made of many") {
		t.Errorf("%s %s, rows %q", e.Method(), e.Path(), e.Rows)
	}
}

// TestESQLRulesOfCorpus plans Elastic's rules in ES|QL, which are no part of this repository.
func TestESQLRulesOfCorpus(t *testing.T) {
	set, _ := rule.Load("../../../../shared/corpus/elastic")
	planned := 0
	for _, r := range set.Rules() {
		if r.Type != rule.TypeESQL {
			continue
		}
		if plan, diags := plans.For(r); plan == nil || plan.Strategy() != query.ESQL || diags.HasErrors() {
			t.Errorf("%s: %v", r.Path, diags)
		}
		planned++
	}
	if planned == 0 {
		t.Skip("the corpus is not here")
	}
	t.Logf("%d rules planned", planned)
}
