package elastic_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// groupPage writes the answer of a search for groups "key*count", and more members before them.
func groupPage(more string, groups ...string) string {
	var buckets []string
	after := ""
	for _, g := range groups {
		key, count, _ := strings.Cut(g, "*")
		buckets = append(buckets, fmt.Sprintf(`{"key":{"by0":%q},"doc_count":%s}`, key, count))
		after = fmt.Sprintf(`"after_key":{"by0":%q},`, key)
	}
	return fmt.Sprintf(`{"_shards":{"total":1},%s"took":3,"hits":{"hits":[]},"aggregations":{"groups":{%s"buckets":[%s]}}}`, more, after, strings.Join(buckets, ","))
}

var userName = mapping.Field{Name: "user.name", Type: mapping.Keyword}

func userRequest() search.GroupRequest {
	return search.GroupRequest{
		Request: search.Request{
			Patterns: []string{"logs-*"}, Where: condition.Const(true), PageSize: 2, Time: search.TimeRange{Field: "@timestamp"},
		},
		By: []mapping.Field{userName},
	}
}

// groupsIn counts on a fake server, and writes the groups as key*count.
func groupsIn(t *testing.T, handler http.HandlerFunc, r search.GroupRequest) (got []string, result search.Result, err error) {
	t.Helper()
	result, err = newServer(t, handler).Groups(t.Context(), r, func(page []search.Group) (bool, error) {
		for _, g := range page {
			got = append(got, fmt.Sprintf("%s*%d", strings.Join(g.Key, "|"), g.Count))
		}
		return true, nil
	})
	return got, result, err
}

// afters are where each request went on.
func (p *pits) afters() []string {
	var out []string
	for _, b := range p.bodies {
		composite := b["aggs"].(map[string]any)["groups"].(map[string]any)["composite"].(map[string]any)
		out = append(out, fmt.Sprint(composite["size"], " ", composite["after"]))
	}
	return out
}

func TestGroupPages(t *testing.T) {
	p := &pits{pages: []string{groupPage(`"pit_id":"pit1b",`, "a*1", "b*2"), groupPage(``, "c*3", "d*1"), groupPage(``, "e*5")}}
	r := userRequest()
	r.MinCount = 2
	got, result, err := groupsIn(t, p.handler(t), r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b*2", "c*3", "e*5"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"2 <nil>", "2 map[by0:b]", "2 map[by0:d]"}, p.afters()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if result.Pages != 3 || result.Total != -1 || result.Took != 9*time.Millisecond {
		t.Errorf("result %+v", result)
	}
	if diff := cmp.Diff([]string{"pit1b"}, p.closed); diff != "" {
		t.Errorf("closed points in time (-want +got):\n%s", diff)
	}
}

// TestGroupsSurviveExpiredPointsInTime: each page may need a new one, but no page two.
func TestGroupsSurviveExpiredPointsInTime(t *testing.T) {
	lost := groupPage(`"_shards":{"total":2,"failed":1,"failures":[{"index":"i","reason":{"type":"search_context_missing_exception","reason":"gone"}}]},`, "x*9")
	p := &pits{pages: []string{groupPage(``, "a*1", "b*2"), "404", groupPage(``, "c*3", "d*1"), lost, groupPage(``, "e*5")}}
	got, _, err := groupsIn(t, p.handler(t), userRequest())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a*1", "b*2", "c*3", "d*1", "e*5"}, got); diff != "" || p.opened != 3 || len(p.closed) != 3 {
		t.Errorf("%d opened, %d closed (-want +got):\n%s", p.opened, len(p.closed), diff)
	}
	p = &pits{pages: []string{groupPage(``, "a*1", "b*2"), "404", "404"}}
	if got, _, err = groupsIn(t, p.handler(t), userRequest()); failure.KindOf(err) != failure.Unavailable || len(got) != 2 || len(p.bodies) != 3 {
		t.Errorf("%d requests, groups %v, %v", len(p.bodies), got, err)
	}
}

func TestGroupsArePartial(t *testing.T) {
	p := &pits{pages: []string{groupPage(`"_shards":{"total":4,"failed":1,"failures":[{"index":"logs-a","reason":{"type":"t","reason":"r"}}]},`, "a*1")}}
	got, _, err := groupsIn(t, p.handler(t), userRequest())
	if failure.KindOf(err) != failure.Partial || err.Error() != "count groups in [logs-*]: 1 of 4 shards failed: [logs-a] t: r" || len(got) != 1 {
		t.Errorf("groups %v, error %v", got, err)
	}
}

// TestGroupPagesShrink where a cluster does not make as many buckets, for all groups and for some.
func TestGroupPagesShrink(t *testing.T) {
	sizes, refusals := []string{}, []int{400, 429}
	handler := func(t *testing.T) http.HandlerFunc {
		t.Helper()
		return func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "_search") {
				answer(w, 200, `{"id":"pit"}`)
				return
			}
			composite := read(t, r)["aggs"].(map[string]any)["groups"].(map[string]any)["composite"].(map[string]any)
			sizes = append(sizes, fmt.Sprint(composite["size"]))
			if composite["size"].(float64) > 700 {
				code, why := refusals[len(sizes)%2], []string{"too_many_buckets_exception", "circuit_breaking_exception"}[len(sizes)%2]
				answer(w, code, fmt.Sprintf(`{"error":{"root_cause":[{"type":%q,"reason":"x"}],"type":"search_phase_execution_exception"},"status":%d}`, why, code))
				return
			}
			answer(w, 200, groupPage(``, "a*1"))
		}
	}
	r := userRequest()
	r.PageSize, r.NoTimes = 0, true
	many := []search.Selection{{Key: []string{"a"}}}
	for i := range 1999 {
		many = append(many, search.Selection{Key: []string{strconv.Itoa(i)}})
	}
	for _, test := range []struct {
		only []search.Selection
		want []string
	}{{nil, []string{"10000", "2500", "625"}}, {many, []string{"4010", "2500", "625"}}, {many[:1], []string{"12"}}} {
		sizes = nil
		r.Only = test.only
		got, _, err := groupsIn(t, handler(t), r)
		if diff := cmp.Diff(test.want, sizes); diff != "" || err != nil || len(got) != 1 {
			t.Errorf("only %d: groups %v, %v, sizes (-want +got):\n%s", len(r.Only), got, err, diff)
		}
	}
}

// TestChosenGroups asks for groups by filters, as many at a time as it may.
func TestChosenGroups(t *testing.T) {
	var paths []string
	var filters []int
	r := userRequest()
	r.Samples, r.PageSize = 1, 0
	for i := range 1100 {
		r.Only = append(r.Only, search.Selection{Key: []string{strconv.Itoa(i)}, Except: []window.Window{{To: time.Unix(1, 0)}}})
	}
	got, _, err := groupsIn(t, func(w http.ResponseWriter, req *http.Request) {
		paths = append(paths, req.URL.Path)
		n := len(read(t, req)["aggs"].(map[string]any)["groups"].(map[string]any)["filters"].(map[string]any)["filters"].([]any))
		filters = append(filters, n)
		answer(w, 200, `{"_shards":{"total":1},"aggregations":{"groups":{"buckets":[`+strings.Repeat(`{"doc_count":0},`, n-1)+`{"doc_count":4}]}}}`)
	}, r)
	if diff := cmp.Diff([]int{100, 400, 500, 100}, filters); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff([]string{"99*4", "499*4", "999*4", "1099*4"}, got); diff != "" || paths[0] != "/logs-*/_search" {
		t.Errorf("%s (-want +got):\n%s", paths[0], diff)
	}
	r.Only = []search.Selection{{Key: []string{strings.Repeat("x", 3<<20)}}, {Key: []string{"b"}}}
	filters = nil
	if _, _, err = groupsIn(t, func(w http.ResponseWriter, _ *http.Request) {
		filters = append(filters, 1)
		answer(w, 200, `{"_shards":{"total":1},"aggregations":{"groups":{"buckets":[{"doc_count":0}]}}}`)
	}, r); err != nil || len(filters) != 2 {
		t.Errorf("keys too long for one request: %d requests, %v", len(filters), err)
	}
}

func TestGroupsUnanswered(t *testing.T) {
	fail := func(http.ResponseWriter, *http.Request) { t.Error("somebody was asked") }
	r := userRequest()
	r.Patterns = nil
	if got, _, err := groupsIn(t, fail, r); got != nil || err != nil {
		t.Errorf("no patterns: %v, %v", got, err)
	}
	r = userRequest()
	r.Only = []search.Selection{}
	if got, _, err := groupsIn(t, fail, r); got != nil || err != nil {
		t.Errorf("no groups: %v, %v", got, err)
	}
	for range 100 {
		r.Patterns = append(r.Patterns, strings.Repeat("x", 60)+strconv.Itoa(len(r.Patterns)))
	}
	r.Only = nil
	if got, _, err := groupsIn(t, fail, r); got != nil || !errors.Is(err, search.ErrUngroupable) {
		t.Errorf("too many patterns: %v, %v", got, err)
	}
}

// TestGroupsInStretches reads of a long list no more than the groups that were asked for lie in, and as
// much as the others between them make it.
func TestGroupsInStretches(t *testing.T) {
	all := make([]string, 5000)
	for i := range all {
		all[i] = fmt.Sprintf("%04d*%d", i, i%7+1)
	}
	var stretches []string
	handler := func(w http.ResponseWriter, r *http.Request) {
		list := read(t, r)["aggs"].(map[string]any)["groups"].(map[string]any)["composite"].(map[string]any)
		from := 0
		if after, ok := list["after"].(map[string]any); ok {
			from = slices.IndexFunc(all, func(group string) bool { return group[:4] > after["by0"].(string) })
		}
		page := all[from:min(len(all), from+int(list["size"].(float64)))]
		stretches = append(stretches, fmt.Sprintf("%.4s+%d", page[0], len(page)))
		answer(w, 200, groupPage(``, page...))
	}
	r := userRequest()
	r.PageSize, r.NoTimes = 0, true
	for _, test := range []struct {
		name       string
		only, read []string
	}{
		{"neighbours", []string{"3001", "3000", "2999"}, []string{"2999+16"}},
		{"others between them", []string{"0000", "0100"}, []string{"0000+14", "0014+28", "0042+56", "0098+112"}},
		{"the last, and what is not there", []string{"9999", "4999"}, []string{"4999+1"}},
	} {
		stretches = nil
		r.Only = nil
		var want []string
		for _, key := range test.only {
			r.Only = append(r.Only, search.Selection{Key: []string{key}})
			if i, err := strconv.Atoi(key); err == nil && i < len(all) {
				want = append(want, all[i])
			}
		}
		got, _, err := groupsIn(t, handler, r)
		if diff := cmp.Diff(want, got) + cmp.Diff(test.read, stretches); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", test.name, err, diff)
		}
	}
}
