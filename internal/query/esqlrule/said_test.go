package esqlrule_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// answering is a place whose answers are always this one.
func answering(rows search.Rows, err error) *esqlPlace {
	return &esqlPlace{answer: func(search.ESQLQuery) (search.Rows, error) { return rows, err }}
}

// TestESQLWarnings wants what Elasticsearch remarks on to be said once, at its place in the rule, and that the query's own
// limit was reached.
func TestESQLWarnings(t *testing.T) {
	rows := rowsOf(t, "c:long", `[1]`)
	rows.Warnings = []string{"Line 1:19: evaluation of [c] failed", "Line 1:19: evaluation of [c] failed", "general"}
	_, result, err := runESQL(t, "FROM logs | STATS c = COUNT(*)", answering(rows, nil))
	want := []string{"query:1:19: warning: evaluation of [c] failed [esql/rejected]", "general"}
	if diff := cmp.Diff(want, result.Warnings); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for limit, want := range map[int]int{1: 1, 2: 0} {
		_, result, err := runESQL(t, fmt.Sprintf("FROM logs | STATS c = COUNT(*) BY a | LIMIT %d", limit), answering(rowsOf(t, "c:long a", `[1,"x"]`), nil))
		if err != nil || len(result.Warnings) != want || want == 1 && result.Warnings[0] != "the query's own LIMIT 1 was reached: rows beyond it were not seen" {
			t.Errorf("LIMIT %d: %q, %v", limit, result.Warnings, err)
		}
	}
}

// TestESQLFails wants a refusal at its place, a part of an answer as what it is, and everything else as it came.
func TestESQLFails(t *testing.T) {
	plan, diags := plans.For(esqlRule("FROM logs\n| STATS c = COUNT(*)"))
	if plan == nil {
		t.Fatal(diags)
	}
	prepare := func(place *esqlPlace) query.Prepared {
		prepared, diags, err := plan.Prepare(t.Context(), query.Source{Events: place, At: esqlSlot})
		if prepared == nil {
			t.Fatal(diags, err)
		}
		return prepared
	}
	execute := func(fault error) error {
		prepared := prepare(answering(rowsOf(t, "c:long", `[1]`), nil))
		_, err := prepared.Execute(t.Context(), query.Source{Events: answering(rowsOf(t, "c:long", `[1]`), fault), At: esqlSlot}, esqlWindow, func([]query.Hit) (bool, error) { return true, nil })
		return err
	}
	refused := execute(&search.QueryError{Problems: []search.Problem{{Line: 2, Column: 3, Message: "odd"}}})
	if failure.KindOf(refused) != failure.Rejected || !strings.Contains(refused.Error(), "query:2:3: error: odd [esql/rejected]") {
		t.Errorf("a refusal: %v", refused)
	}
	part := &failure.Error{Kind: failure.Partial, Op: "x"}
	if err := execute(part); !errors.Is(err, part) {
		t.Errorf("a part: %v", err)
	}
	gone := &failure.Error{Kind: failure.Unavailable, Op: "x"}
	if err := execute(gone); !errors.Is(err, gone) || !strings.HasPrefix(err.Error(), "run rule") {
		t.Errorf("no answer: %v", err)
	}
	if _, _, err := plan.Prepare(t.Context(), query.Source{Events: answering(search.Rows{}, part), At: esqlSlot}); err != nil {
		t.Errorf("a part while preparing: %v", err)
	}
	if result, err := prepare(answering(rowsOf(t, "c:long"), nil)).Execute(t.Context(), query.Source{}, window.Window{}, nil); err != nil || !result.Exact {
		t.Errorf("over no time: %+v, %v", result, err)
	}
}

// TestESQLUnavailable wants what this Elasticsearch does not have to be told from what is wrong.
func TestESQLUnavailable(t *testing.T) {
	for _, tt := range []struct{ text, message, want string }{
		{"FROM logs\n| EVAL x = 1", "Unknown function [FROB]", "query:2:3: error: this Elasticsearch has no such function: Unknown function [FROB] [esql/unavailable]"},
		{"FROM logs\n| CHANGE_POINT x", "mismatched input 'CHANGE_POINT'", "query:2:3: error: this Elasticsearch has no command CHANGE_POINT: mismatched input 'CHANGE_POINT' [esql/unavailable]"},
		{"FROM logs\n| CHANGE_POINT x", "current license is non-compliant", "query:2:3: error: this Elasticsearch cannot run CHANGE_POINT: current license is non-compliant [esql/unavailable]"},
		{"FROM logs\n| EVAL x = 1", "something", "query:2:3: error: something [esql/rejected]"},
	} {
		plan, diags := plans.For(esqlRule(tt.text))
		if plan == nil {
			t.Fatal(diags)
		}
		fault := &search.QueryError{Problems: []search.Problem{{Line: 2, Column: 3, Message: tt.message}}}
		_, diags, err := plan.Prepare(t.Context(), query.Source{Events: answering(search.Rows{}, fault), At: esqlSlot})
		if err != nil || len(diags) != 1 || diags[0].Error() != tt.want {
			t.Errorf("%s: %v, %v", tt.message, diags, err)
		}
	}
}

// partlyResolved is a place that cannot say all that patterns mean.
type partlyResolved struct {
	*esqlPlace
	target search.Target
	fault  error
}

func (p partlyResolved) Resolve(context.Context, []string, []string) (search.Target, error) {
	return p.target, p.fault
}

// TestESQLResolves wants a run over the indices that are known when others are not, and none when no index is.
func TestESQLResolves(t *testing.T) {
	plan, diags := plans.For(esqlRule("FROM logs | STATS c = COUNT(*)"))
	if plan == nil {
		t.Fatal(diags)
	}
	place := answering(rowsOf(t, "c:long", `[1]`), nil)
	part := &failure.Error{Kind: failure.Partial, Op: "x"}
	known := partlyResolved{place, search.Target{Indices: []string{"logs"}, Fields: mapping.Assumed()}, part}
	prepared, diags, err := plan.Prepare(t.Context(), query.Source{Events: known, At: esqlSlot})
	if prepared == nil || err != nil {
		t.Fatal(diags, err)
	}
	if _, err := prepared.Execute(t.Context(), query.Source{Events: known, At: esqlSlot}, esqlWindow, func([]query.Hit) (bool, error) { return true, nil }); !errors.Is(err, part) {
		t.Errorf("a run over some indices: %v", err)
	}
	if target := prepared.(interface{ Target() search.Target }).Target(); len(target.Indices) != 1 {
		t.Errorf("%+v", target)
	}
	for name, place := range map[string]partlyResolved{
		"none of them": {place, search.Target{Fields: mapping.Assumed()}, part}, "no answer": {place, known.target, errors.New("gone")},
	} {
		if prepared, _, err := plan.Prepare(t.Context(), query.Source{Events: place, At: esqlSlot}); prepared != nil || err == nil || !strings.HasPrefix(err.Error(), "resolve the indices of rule") {
			t.Errorf("%s: %v", name, err)
		}
	}
	asked := len(place.asked)
	nothing := partlyResolved{place, search.Target{Fields: mapping.Assumed()}, nil}
	prepared, _, err = plan.Prepare(t.Context(), query.Source{Events: nothing, At: esqlSlot})
	if prepared == nil || err != nil {
		t.Fatal(err)
	}
	if result, err := prepared.Execute(t.Context(), query.Source{Events: nothing, At: esqlSlot}, esqlWindow, nil); err != nil || result.Total != 0 || len(place.asked) != asked {
		t.Errorf("no index: %+v, %v, asked %d times", result, err, len(place.asked)-asked)
	}
}

// TestESQLAdHoc wants the rows of a query as they are, in its order.
func TestESQLAdHoc(t *testing.T) {
	plan, diags := plans.For(esqlRule("FROM logs METADATA _id, _index"))
	if plan == nil {
		t.Fatal(diags)
	}
	place := answering(rowsOf(t, "_id _index b:long a", `["1","logs",2,"x"]`, `["2","logs",1,null]`), nil)
	prepared, diags, err := plan.Prepare(t.Context(), query.Source{Events: place, At: esqlSlot})
	if prepared == nil {
		t.Fatal(diags, err)
	}
	answer, err := query.RunAdHoc(t.Context(), prepared, query.Source{Events: place, At: esqlSlot}, esqlWindow, 7)
	hits := answer.Hits
	if err != nil || len(hits) != 2 || hits[0].Event.ID != "1" || hits[1].Event.Index != "logs" {
		t.Fatalf("%+v, %v", hits, err)
	}
	var row map[string]any
	if err := json.Unmarshal(hits[0].Event.Source, &row); err != nil || row["a"] != "x" || row["b"] != 2.0 {
		t.Errorf("%v, %v", row, err)
	}
	if diff := cmp.Diff([]string{"_id", "_index", "b", "a"}, answer.Columns); diff != "" || !answer.Whole {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if text := place.asked[len(place.asked)-1].Text; !strings.HasSuffix(text, "| LIMIT 7") {
		t.Errorf("sent %s", text)
	}
	gone := errors.New("gone")
	if _, err := query.RunAdHoc(t.Context(), prepared, query.Source{Events: answering(search.Rows{}, gone), At: esqlSlot}, esqlWindow, 7); !errors.Is(err, gone) {
		t.Errorf("no answer: %v", err)
	}
}

// TestESQLRows pins what is said of what rows stand for.
func TestESQLRows(t *testing.T) {
	for text, want := range map[string]string{
		"FROM logs METADATA _id, _index": "each stands for its document, which the alert is about", "FROM logs | STATS c = COUNT(*)": "made of many documents: an alert is about a row in its window",
	} {
		plan, diags := plans.For(esqlRule(text))
		if plan == nil {
			t.Fatal(diags)
		}
		assumed, _ := plan.Assume(esqlSlot)
		if got := assumed.Explain(esqlWindow).Rows; got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}
