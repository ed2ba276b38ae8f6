package counting_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/tally"
)

// cluster is a store that counts groups itself, as far as it is not told to fail.
type cluster struct {
	*store.Events
	asked []search.GroupRequest
	fail  func(search.GroupRequest) error
}

func (c *cluster) Groups(ctx context.Context, r search.GroupRequest, visit search.GroupVisit) (search.Result, error) {
	c.asked = append(c.asked, r)
	if c.fail != nil {
		if err := c.fail(r); failure.KindOf(err) == failure.Rejected {
			return search.Result{}, err
		} else if err != nil {
			result, _ := tally.Groups(ctx, c.Events, r, tally.Options{}, visit)
			return result, err
		}
	}
	return tally.Groups(ctx, c.Events, r, tally.Options{}, visit)
}

// outcomeOf executes a plan over the first 100 seconds, and keeps the error.
func outcomeOf(t *testing.T, plan query.Plan, src query.Source) ([]query.Hit, query.Result, error) {
	t.Helper()
	src.At = noon.Add(100 * time.Second)
	prepared, diags, err := plan.Prepare(t.Context(), src)
	if prepared == nil {
		t.Fatal(diags, err)
	}
	var hits []query.Hit
	result, err := prepared.Execute(t.Context(), src, window.Window{From: noon, To: src.At}, func(page []query.Hit) (bool, error) {
		hits = append(hits, page...)
		return true, nil
	})
	return hits, result, err
}

// TestWhereGroupsAreCounted: by the place of the events where that can be, and in memory where the
// condition has to be matched again, or the place refuses; the answer is the same.
func TestWhereGroupsAreCounted(t *testing.T) {
	fields := mapping.Table{
		"@timestamp": {Name: "@timestamp", Type: mapping.Date}, "v": {Name: "v", Type: mapping.Version},
		"user.name": {Name: "user.name", Type: mapping.Keyword}, "host.name": {Name: "host.name", Type: mapping.Keyword},
	}
	var events []sourced
	for i, e := range logins("1:a:x 2:a:x 3:b:x 4:a:x -9:b:x 5:c:x 6:c:x") {
		e.rest += fmt.Sprintf(`,"v":"%d.0.0"`, []int{1, 1, 1, 2, 1, 1, 1}[i])
		events = append(events, e)
	}
	refuse := func(search.GroupRequest) error {
		return &failure.Error{Kind: failure.Rejected, Op: "count", Err: search.ErrUngroupable}
	}
	for _, tt := range []struct {
		name, query string
		fail        func(search.GroupRequest) error
		asked       bool
	}{
		{"by the place", "v:1.0.0", nil, true},
		{"matched again", "v:1.*", nil, false},
		{"refused", "v:1.0.0", refuse, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &cluster{Events: storeOf(t, fields, events...), fail: tt.fail}
			var got []string
			hits, result, err := outcomeOf(t, countingPlan(t, "threshold", tt.query, "[rule.threshold]\nfield = 'user.name'\nvalue = 2"), query.Source{Events: c})
			for _, h := range hits {
				got = append(got, thresholdLine(t, h))
			}
			if err != nil || result.Total != -1 || !result.Exact {
				t.Error(result, err)
			}
			if hits, _, err = outcomeOf(t, countingPlan(t, "new_terms", tt.query, fmt.Sprintf(newTermsOf, `"user.name", "host.name"`)), query.Source{Events: c}); err != nil {
				t.Error(err)
			}
			got = append(got, newTermsLines(hits)...)
			want := []string{"user.name=a 2 in 1-2 of e0 e1", "user.name=c 2 in 5-6 of e5 e6", "a|x on e0", "c|x on e5"}
			if diff := cmp.Diff(want, got); diff != "" || len(c.asked) > 0 != tt.asked {
				t.Errorf("asked %d times (-want +got):\n%s", len(c.asked), diff)
			}
		})
	}
}

// TestPartOfTheHistory: what is new cannot be told without all of the history. Of a part of the
// window, what is found is found.
func TestPartOfTheHistory(t *testing.T) {
	missing := &failure.Error{Kind: failure.Partial, Op: "count", Reason: "1 of 2 shards failed"}
	plan := countingPlan(t, "new_terms", "", fmt.Sprintf(newTermsOf, `"user.name"`))
	for _, tt := range []struct {
		name string
		fail func(search.GroupRequest) bool
		want []string
		says string
	}{
		{"history", func(r search.GroupRequest) bool { return r.Time.Window.To.Equal(noon) }, nil, "what is new cannot be told"},
		{"window", func(r search.GroupRequest) bool { return r.Only == nil }, []string{"a on e0"}, "1 of 2 shards failed"},
		{"first events", func(r search.GroupRequest) bool { return r.Samples > 0 }, []string{"a on e0"}, "1 of 2 shards failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &cluster{Events: storeOf(t, nil, logins("1:a:x -5:b:x 2:b:x")...), fail: func(r search.GroupRequest) error {
				if tt.fail(r) {
					return missing
				}
				return nil
			}}
			hits, _, err := outcomeOf(t, plan, query.Source{Events: c})
			if failure.KindOf(err) != failure.Partial || !errors.Is(err, missing) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v", err)
			}
			if diff := cmp.Diff(tt.want, newTermsLines(hits)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// forgetful is a history that cannot be read.
type forgetful struct{ error }

func (f forgetful) Past(context.Context, string, []string, time.Time) ([]query.Past, error) {
	return nil, f.error
}

// TestNoHistory: without knowing what was alerted before, nothing is alerted.
func TestNoHistory(t *testing.T) {
	gone := &failure.Error{Kind: failure.Unavailable, Op: "read alerts"}
	for _, plan := range []query.Plan{
		countingPlan(t, "threshold", "", "[rule.threshold]\nfield = 'user.name'\nvalue = 1"),
		countingPlan(t, "new_terms", "", fmt.Sprintf(newTermsOf, `"user.name"`)),
	} {
		hits, _, err := outcomeOf(t, plan, query.Source{Events: storeOf(t, nil, logins("1:a:x")...), History: forgetful{gone}})
		if len(hits) > 0 || !errors.Is(err, gone) {
			t.Errorf("%s: %d hits, %v", plan.Rule().Type, len(hits), err)
		}
	}
}

// TestOwnAlertsDoNotCount: a rule over alerts must not feed on its own.
func TestOwnAlertsDoNotCount(t *testing.T) {
	alert := func(id string, at int, rule string) sourced {
		return sourced{id, at, fmt.Sprintf(`"user":{"name":"a"},"kibana.alert.rule.rule_id":%q`, rule)}
	}
	own := "9f5f0c3e-0000-4000-8000-000000000002"
	events := storeOf(t, nil, alert("1", 1, "other"), alert("2", 2, own), alert("3", 3, "another"))
	plan := countingPlan(t, "threshold", "", "[rule.threshold]\nfield = 'user.name'\nvalue = 2")
	hits, _, err := outcomeOf(t, plan, query.Source{Events: events})
	if err != nil || len(hits) != 1 || thresholdLine(t, hits[0]) != "user.name=a 2 in 1-3 of 1 3" {
		t.Error(hits, err)
	}
}

// TestStopsWhenNoMoreAreWanted: the rest of the groups is not read.
func TestStopsWhenNoMoreAreWanted(t *testing.T) {
	var words []string
	for i := range 450 {
		words = append(words, fmt.Sprintf("%d:u%03d:x", i%100, i))
	}
	events := storeOf(t, nil, logins(strings.Join(words, " "))...)
	for _, plan := range []query.Plan{
		countingPlan(t, "threshold", "", "[rule.threshold]\nfield = 'user.name'\nvalue = 1"),
		countingPlan(t, "new_terms", "", fmt.Sprintf(newTermsOf, `"user.name"`)),
	} {
		src := query.Source{Events: events, At: noon.Add(100 * time.Second)}
		prepared, _, err := plan.Prepare(t.Context(), src)
		if err != nil {
			t.Fatal(err)
		}
		var sizes []int
		_, err = prepared.Execute(t.Context(), src, window.Window{From: noon, To: src.At}, func(page []query.Hit) (bool, error) {
			sizes = append(sizes, len(page))
			return len(sizes) < 2, nil
		})
		if err != nil || len(sizes) != 2 || sizes[0] > 200 {
			t.Errorf("%s: pages of %v, %v", plan.Rule().Type, sizes, err)
		}
	}
}

// TestExplainCounting wants a request that can be pasted, and what makes an alert of its answer.
func TestExplainCounting(t *testing.T) {
	w := window.Window{From: noon, To: noon.Add(10 * time.Minute)}
	threshold, _ := countingPlan(t, "threshold", "event.category:authentication",
		"[rule.threshold]\nfield = 'user.name'\nvalue = 3\ncardinality = [{ field = 'host.name', value = 2 }]").Assume(time.Time{})
	e := threshold.Explain(w)
	if diff := cmp.Diff([]any{query.Aggregation, true, []string{"user.name"}, "count >= 3 and different values of host.name >= 2", ""},
		[]any{e.Strategy, e.Exact, e.GroupBy, e.AlertWhen, e.History}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	body, err := search.JSON(e.Request["aggs"], "")
	want := `{"groups":{"aggs":{"distinct0":{"cardinality":{"field":"host.name","precision_threshold":40000}}},"composite":{"size":1000,"sources":[{"by0":{"terms":{"field":"user.name"}}}]}}}`
	if diff := cmp.Diff(want, string(body)); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	terms, _ := countingPlan(t, "new_terms", "event.category:authentication", fmt.Sprintf(newTermsOf, `"user.name", "host.name"`)).Assume(time.Time{})
	if e = terms.Explain(w); e.History != "[2026-01-15T11:10:00Z, 2026-01-15T12:00:00Z)" || len(e.GroupBy) != 2 {
		t.Errorf("history %s of %v", e.History, e.GroupBy)
	}
}
