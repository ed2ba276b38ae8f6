package correlating_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/correlation"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/correlating"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// place is where events are: every rule finds all of them.
type place struct {
	events []event.Event
	// read are the windows that rules have read, since the last look.
	read []window.Window
	// err is what a rule ends with, gone what cannot be read again.
	err     error
	gone    map[string]bool
	indices []string
}

func (p *place) Resolve(context.Context, []string, []string) (search.Target, error) {
	return search.Target{Indices: p.indices, Fields: mapping.Untyped()}, nil
}

func (p *place) Search(context.Context, search.Request, search.Visit) (search.Result, error) {
	return search.Result{}, errors.New("rules search, correlations do not")
}

func (p *place) Documents(_ context.Context, refs []search.Ref) (map[search.Ref]event.Event, error) {
	out := map[search.Ref]event.Event{}
	for _, e := range p.events {
		if slices.Contains(refs, e.Ref()) && !p.gone[e.ID] {
			out[e.Ref()] = e
		}
	}
	return out, nil
}

// add adds an event of a minute after noon.
func (p *place) add(minute float64, fields map[string]any) {
	at := noon.Add(time.Duration(minute * float64(time.Minute)))
	fields["@timestamp"] = at.Format(time.RFC3339)
	data, _ := json.Marshal(fields)
	p.events = append(p.events, event.Event{Index: "logs-x", ID: strconv.Itoa(len(p.events)), Source: data})
}

// leaf is a rule that finds every event of a place.
type leaf struct {
	*place
	rule *rule.Rule
}

func (l leaf) Rule() *rule.Rule                             { return l.rule }
func (l leaf) Strategy() query.Strategy                     { return query.Scan }
func (l leaf) Assume(time.Time) (query.Prepared, diag.List) { return l, nil }
func (l leaf) DependsOnNow() bool                           { return false }
func (l leaf) Target() search.Target                        { t, _ := l.Resolve(context.Background(), nil, nil); return t }

func (l leaf) Explain(window.Window) query.Explanation {
	return query.Explanation{Condition: "any", Exact: true}
}

func (l leaf) Reads(w window.Window) []query.Read {
	return []query.Read{{Request: search.Request{Time: search.TimeRange{Window: w}}}}
}

func (l leaf) Trace(context.Context, condition.Document) (condition.Trace, error) {
	return condition.Trace{Text: "any", Holds: true}, nil
}

func (l leaf) Prepare(context.Context, query.Source) (query.Prepared, diag.List, error) {
	return l, nil, nil
}

func (l leaf) Execute(_ context.Context, _ query.Source, w window.Window, visit query.Visit) (query.Result, error) {
	l.read = append(l.read, w)
	for _, e := range l.events {
		doc, err := e.Document()
		if err != nil {
			return query.Result{}, err
		}
		at, _ := time.Parse(time.RFC3339, event.First(doc.Source, "@timestamp"))
		if !w.Contains(at) {
			continue
		}
		if more, err := visit([]query.Hit{{Event: e}}); err != nil || !more {
			return query.Result{}, err
		}
	}
	return query.Result{}, l.err
}

func column(name string) correlating.Column {
	return correlating.Column{Name: name, Fields: []string{name}, Texts: func(values func(string) []string) []string { return values(name) }}
}

func atLeast(n int64) []correlation.Comparison {
	return []correlation.Comparison{{Op: "gte", Value: big.NewRat(n, 1)}}
}

// plan counts two events of a user within ten minutes.
func plan(p *place, change func(*correlating.Input)) *correlating.Plan {
	in := correlating.Input{
		Name: "c", GroupBy: []string{"user"}, Spec: correlation.Spec{Type: correlation.EventCount, Span: 10 * time.Minute, Rules: 1, Compare: atLeast(2)},
		Members: []correlating.Member{{Name: "a", Plan: leaf{p, &rule.Rule{ID: "a"}}, Group: []correlating.Column{column("user")}}},
	}
	if change != nil {
		change(&in)
	}
	return correlating.New(&rule.Rule{ID: "c", Type: rule.TypeCorrelation, Index: []string{"logs-*"}}, in, new(correlating.Room))
}

// run runs minutes after noon, and keeps what was read if it succeeds.
func run(t *testing.T, c *correlating.Plan, p *place, from, to int) (found []string, err error) {
	t.Helper()
	w := window.Window{From: noon.Add(time.Duration(from) * time.Minute), To: noon.Add(time.Duration(to) * time.Minute)}
	src := query.Source{Events: p, At: w.To, Window: w}
	prepared, diags, err := c.Prepare(t.Context(), src)
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	_, err = prepared.Execute(t.Context(), src, w, func(hits []query.Hit) (bool, error) {
		for _, h := range hits {
			var ids []string
			for _, e := range h.Group.Events {
				ids = append(ids, e.ID)
			}
			found = append(found, fmt.Sprintf("%s %s: %s", h.Group.At.Format("15:04"), strings.Join(h.Key[3:], "="), strings.Join(ids, ",")))
		}
		return true, nil
	})
	if err == nil {
		prepared.(query.Keeper).Keep()
	}
	return found, err
}

// reads are the windows that were read since the last call, in minutes after noon.
func (p *place) reads() []string {
	var out []string
	for _, w := range p.read {
		out = append(out, fmt.Sprintf("%v-%v", w.From.Sub(noon).Minutes(), w.To.Sub(noon).Minutes()))
	}
	p.read = nil
	return out
}

func newPlace() *place { return &place{indices: []string{"logs-x"}} }

// TestReadsOnce: a slot reads its own window, and takes what earlier slots have read before it: unless they have read less, failed, or
// the indices are others now.
func TestReadsOnce(t *testing.T) {
	p := newPlace()
	c := plan(p, nil)
	want := func(windows ...string) {
		t.Helper()
		if diff := cmp.Diff(windows, p.reads()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	p.add(3, map[string]any{"user": "ann"})
	if _, err := run(t, c, p, 0, 6); err != nil {
		t.Fatal(err)
	}
	want("-10-6")
	p.add(8, map[string]any{"user": "ann"})
	found, err := run(t, c, p, 5, 11)
	if diff := cmp.Diff([]string{"12:08 user=ann: 0,1"}, found); diff != "" || err != nil {
		t.Error(diff, err)
	}
	want("5-11")
	p.err = &failure.Error{Kind: failure.Partial, Op: "read"}
	if _, err := run(t, c, p, 10, 16); err == nil {
		t.Error("a rule that fails in part is no error")
	}
	want("10-16")
	p.err = nil
	_, _ = run(t, c, p, 15, 21)
	want("11-21") // what failed was not kept
	_, _ = run(t, c, p, 40, 46)
	want("30-46") // too long ago
	_, _ = run(t, c, p, 20, 26)
	want("10-26") // before what is kept
	_, _ = run(t, c, p, 45, 51)
	want("45-51") // which stays
	p.indices = []string{"logs-x", "logs-y"}
	_, _ = run(t, c, p, 50, 56)
	want("40-56")
}

// TestGone: an event that is kept and cannot be read again is an error once; then everything is read again.
func TestGone(t *testing.T) {
	p := newPlace()
	c := plan(p, nil)
	p.add(3, map[string]any{"user": "ann"})
	_, _ = run(t, c, p, 0, 6)
	p.add(8, map[string]any{"user": "ann"})
	p.gone = map[string]bool{"0": true}
	if _, err := run(t, c, p, 5, 11); failure.KindOf(err) != failure.Unavailable {
		t.Errorf("%v", err)
	}
	p.reads()
	p.events = p.events[1:]
	if found, err := run(t, c, p, 5, 11); err != nil || len(found) > 0 {
		t.Errorf("%v, %v", found, err)
	}
	if got := p.reads(); len(got) != 1 || got[0] != "-10-11" {
		t.Errorf("read %v", got)
	}
}

// TestPartialFailure: what was found is an alert only if more events could not undo it.
func TestPartialFailure(t *testing.T) {
	for op, want := range map[string]int{"gte": 1, "gt": 1, "lte": 0, "eq": 0, "neq": 0} {
		p := newPlace()
		p.add(1, map[string]any{"user": "ann"})
		p.add(2, map[string]any{"user": "ann"})
		p.err = &failure.Error{Kind: failure.Partial, Op: "read"}
		c := plan(p, func(in *correlating.Input) {
			bound := map[string]int64{"gte": 2, "gt": 1, "lte": 2, "eq": 2, "neq": 1}[op]
			in.Spec.Compare = []correlation.Comparison{{Op: op, Value: big.NewRat(bound, 1)}}
		})
		if found, err := run(t, c, p, 0, 6); err == nil || len(found) != want {
			t.Errorf("%s: found %v, %v", op, found, err)
		}
	}
}

// TestTree: an inner correlation is an event of the outer one, with the fields of its group; a rule in several places is read once.
func TestTree(t *testing.T) {
	p := newPlace()
	c := plan(p, func(in *correlating.Input) {
		inner := *in
		inner.Name, inner.GroupBy = "inner", []string{"user", "host"}
		inner.Members = slices.Clone(in.Members)
		inner.Members[0].Group = []correlating.Column{column("user"), column("host")}
		in.Spec = correlation.Spec{Type: correlation.ValueCount, Span: 20 * time.Minute, Rules: 2, Compare: atLeast(2)}
		in.Members[0].Counted = []correlating.Column{column("none")}
		in.Members = append(in.Members, correlating.Member{
			Name: "inner", Inner: &inner, Group: []correlating.Column{correlating.Of("user")}, Counted: []correlating.Column{correlating.Of("host")},
		})
	})
	for minute, host := range []string{"h1", "h2", "h1", "h2"} {
		p.add(float64(minute), map[string]any{"user": "ann", "host": host})
	}
	found, err := run(t, c, p, 0, 6)
	if diff := cmp.Diff([]string{"12:03 user=ann: 0,1,2,3"}, found); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if got := p.reads(); len(got) != 1 || got[0] != "-30-6" {
		t.Errorf("read %v", got)
	}
	prepared, _ := c.Assume(noon)
	e := prepared.Explain(window.Window{From: noon, To: noon.Add(time.Minute)})
	if want := "value_count of a, inner (event_count of a gte 2 within 10m0s by user, host) gte 2 within 20m0s by user"; e.AlertWhen != want {
		t.Errorf("%s", e.AlertWhen)
	}
	if tr, err := prepared.Trace(t.Context(), nil); err != nil || !tr.Holds || len(tr.Parts) != 1 {
		t.Errorf("%+v, %v", tr, err)
	}
}

// TestMostMembers: an alert has the last events of many.
func TestMostMembers(t *testing.T) {
	p := newPlace()
	for i := range 700 {
		p.add(float64(i)/600, map[string]any{"user": "ann"})
	}
	c := plan(p, func(in *correlating.Input) { in.Spec.Compare = atLeast(600) })
	found, err := run(t, c, p, 0, 6)
	if err != nil || len(found) != 1 {
		t.Fatal(len(found), err)
	}
	if ids := strings.Split(found[0], ","); len(ids) != 500 || !strings.HasSuffix(found[0], ",599") {
		t.Errorf("%d events, %s", len(ids), found[0][:60])
	}
}
