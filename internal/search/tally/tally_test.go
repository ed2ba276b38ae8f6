package tally_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/tally"
)

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

var fields = mapping.Table{
	"k": {Name: "k", Type: mapping.Keyword, IgnoreAbove: 3}, "n": {Name: "n", Type: mapping.Long}, "f": {Name: "f", Type: mapping.Double},
	"ip": {Name: "ip", Type: mapping.IP}, "b": {Name: "b", Type: mapping.Boolean}, "v": {Name: "v", Type: mapping.Version},
	"@timestamp": {Name: "@timestamp", Type: mapping.Date}, "ingested": {Name: "ingested", Type: mapping.DateNanos},
}

// stream returns sources as one page each, and ends with err.
type stream struct {
	sources []string
	err     error
	asked   search.Request
}

func (s *stream) Resolve(context.Context, []string, []string) (search.Target, error) {
	return search.Target{Fields: fields}, nil
}

func (s *stream) Search(_ context.Context, r search.Request, visit search.Visit) (search.Result, error) {
	s.asked = r
	for i, source := range s.sources {
		page := []event.Event{{Index: "i", ID: strconv.Itoa(i), Source: json.RawMessage(source)}}
		if more, err := visit(page); err != nil || !more {
			return search.Result{Total: int64(len(s.sources))}, err
		}
	}
	return search.Result{Total: int64(len(s.sources)), Pages: len(s.sources)}, s.err
}

func request(by ...string) search.GroupRequest {
	r := search.GroupRequest{Request: search.Request{Patterns: []string{"i"}, FieldTypes: fields, Time: search.TimeRange{Field: "@timestamp"}}}
	for _, name := range by {
		r.By = append(r.By, fields[name])
	}
	return r
}

// counted runs a request and writes the groups as lines.
func counted(t *testing.T, s *stream, r search.GroupRequest, o tally.Options) ([]string, error) {
	t.Helper()
	var lines []string
	_, err := tally.Groups(t.Context(), s, r, o, func(page []search.Group) (bool, error) {
		for _, g := range page {
			line := []string{fmt.Sprintf("%s: %d", strings.Join(g.Key, "|"), g.Count)}
			if !r.NoTimes {
				line = append(line, clock(g.First)+"-"+clock(g.Last))
			}
			for _, n := range g.Distinct {
				line = append(line, fmt.Sprintf("d%d", n))
			}
			for _, e := range g.Samples {
				line = append(line, "#"+e.ID)
			}
			lines = append(lines, strings.Join(line, " "))
		}
		return true, nil
	})
	return lines, err
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "?"
	}
	return t.Format("05.999999")
}

// at returns a source with a time in seconds after noon.
func at(second float64, rest string) string {
	t := noon.Add(time.Duration(second * float64(time.Second))).Format(time.RFC3339Nano)
	return fmt.Sprintf(`{"@timestamp":%q%s}`, t, rest)
}

func TestGroups(t *testing.T) {
	except := func(from, to int) window.Window {
		return window.Window{From: noon.Add(time.Duration(from) * time.Second), To: noon.Add(time.Duration(to) * time.Second)}
	}
	tests := []struct {
		name    string
		sources []string
		change  func(*search.GroupRequest)
		by      []string
		want    []string
	}{
		{"times to the millisecond", []string{at(1.0009, `,"k":"a"`), at(2.0019, `,"k":"a"`)}, nil, []string{"k"}, []string{"a: 2 01-02.001"}},
		{"missing, too long, several, twice the same", []string{at(1, ``), at(2, `,"k":"long"`), at(3, `,"k":["a","b","a"]`)}, nil, []string{"k"}, []string{"a: 1 03-03", "b: 1 03-03"}},
		{"one value of two missing", []string{at(1, `,"k":"a"`), at(2, `,"k":"a","n":1`)}, nil, []string{"k", "n"}, []string{"a|1: 1 02-02"}},
		{"every combination", []string{at(1, `,"k":["a","b"],"n":[2,10]`)}, nil, []string{"n", "k"}, []string{"2|a: 1 01-01", "2|b: 1 01-01", "10|a: 1 01-01", "10|b: 1 01-01"}},
		{"numbers in their order", []string{at(1, `,"f":[1e300,-0.5,2,10,1]`)}, nil, []string{"f"}, []string{"-0.5: 1 01-01", "1: 1 01-01", "2: 1 01-01", "10: 1 01-01", "1e+300: 1 01-01"}},
		{"addresses in theirs", []string{at(1, `,"ip":["10.0.0.10","9.0.0.1","::1","::ffff:9.0.0.1"]`)}, nil, []string{"ip"}, []string{"::1: 1 01-01", "9.0.0.1: 1 01-01", "10.0.0.10: 1 01-01"}},
		{"versions in theirs", []string{at(1, `,"v":["1.10.0","1.9.0"]`)}, nil, []string{"v"}, []string{"1.9.0: 1 01-01", "1.10.0: 1 01-01"}},
		{"booleans", []string{at(1, `,"b":"true"`), at(2, `,"b":true`), at(3, `,"b":""`)}, nil, []string{"b"}, []string{"false: 1 03-03", "true: 2 01-02"}},
		{"no fields", []string{at(1, ``), at(2, ``)}, nil, nil, []string{": 2 01-02"}},
		{"no fields, no events", nil, nil, nil, nil},
		{"fallback", []string{at(1, `,"k":"a","ingested":"2026-01-15T12:00:09.1234567Z"`), at(2, `,"k":"a"`)}, func(r *search.GroupRequest) {
			r.Time = search.TimeRange{Field: "ingested", Fallback: "@timestamp"}
		}, []string{"k"}, []string{"a: 2 02-09.123"}},
		{"least count", []string{at(1, `,"k":["a","b"]`), at(2, `,"k":"b"`)}, func(r *search.GroupRequest) { r.MinCount = 2 }, []string{"k"}, []string{"b: 2 01-02"}},
		{"different values", []string{at(1, `,"k":"a","n":[1,2]`), at(2, `,"k":"a","n":"2"`), at(3, `,"k":"b"`)}, func(r *search.GroupRequest) {
			r.Distinct = []mapping.Field{fields["n"]}
		}, []string{"k"}, []string{"a: 2 01-02 d2", "b: 1 03-03 d0"}},
		{"samples are the earliest", []string{at(5, ``), at(3, ``), at(4, ``), at(3, ``), at(9, ``)}, func(r *search.GroupRequest) { r.Samples = 3 }, nil, []string{": 5 03-09 #1 #3 #2"}},
		{"only some, in their order", []string{at(1, `,"k":["a","b","c"]`)}, func(r *search.GroupRequest) {
			r.Only = []search.Selection{{Key: []string{"c"}}, {Key: []string{"x"}}, {Key: []string{"a"}}}
		}, []string{"k"}, []string{"c: 1 01-01", "a: 1 01-01"}},
		{"only none", []string{at(1, `,"k":"a"`)}, func(r *search.GroupRequest) { r.Only = []search.Selection{} }, []string{"k"}, nil},
		{"less some times, of that group alone", []string{at(1, `,"k":["a","b"]`), at(2, `,"k":["a","b"]`), at(3, `,"k":["a","b"]`)}, func(r *search.GroupRequest) {
			r.Only = []search.Selection{{Key: []string{"a"}, Except: []window.Window{except(1, 2), except(3, 4)}}, {Key: []string{"b"}}}
		}, []string{"k"}, []string{"a: 1 02-02", "b: 3 01-03"}},
		{"one key in two ways", []string{at(1, `,"k":"a"`), at(2, `,"k":"a"`)}, func(r *search.GroupRequest) {
			r.Only = []search.Selection{{Key: []string{"a"}}, {Key: []string{"a"}, Except: []window.Window{except(1, 2)}}}
		}, []string{"k"}, []string{"a: 2 01-02", "a: 1 02-02"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := request(tt.by...)
			if tt.change != nil {
				tt.change(&r)
			}
			got, err := counted(t, &stream{sources: tt.sources}, r, tally.Options{})
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestLimit(t *testing.T) {
	r := request("k")
	r.Distinct, r.NoTimes = []mapping.Field{fields["n"]}, true
	s := &stream{sources: []string{at(1, `,"k":"a","n":1`), at(2, `,"k":"a","n":2`), at(3, `,"k":"b","n":1`), at(4, `,"k":"a"`)}}
	got, err := counted(t, s, r, tally.Options{Limit: 3})
	if diff := cmp.Diff([]string{"a: 3 d2"}, got); diff != "" || failure.KindOf(err) != failure.Partial || !strings.Contains(err.Error(), "more than 3 groups") {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err = counted(t, s, r, tally.Options{Limit: 5}); len(got) != 2 || err != nil {
		t.Errorf("within the limit: %v, %v", got, err)
	}
}

func TestFailures(t *testing.T) {
	partial := &failure.Error{Kind: failure.Partial, Op: "search"}
	got, err := counted(t, &stream{sources: []string{at(1, ``)}, err: partial}, request(), tally.Options{})
	if diff := cmp.Diff([]string{": 1 01-01"}, got); diff != "" || !errors.Is(err, partial) {
		t.Errorf("partly read: %v (-want +got):\n%s", err, diff)
	}
	gone := &failure.Error{Kind: failure.Unavailable, Op: "search"}
	if got, err = counted(t, &stream{sources: []string{at(1, ``)}, err: gone}, request(), tally.Options{}); len(got) > 0 || !errors.Is(err, gone) {
		t.Errorf("not read: %v, %v", got, err)
	}
	if got, err = counted(t, &stream{sources: []string{`{`}}, request(), tally.Options{}); len(got) > 0 || failure.KindOf(err) != failure.Rejected {
		t.Errorf("no document: %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = tally.Groups(ctx, &stream{sources: []string{at(1, ``)}}, request(), tally.Options{}, func([]search.Group) (bool, error) {
		t.Error("groups of a search that was cut off")
		return true, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestPages(t *testing.T) {
	r := request("n")
	r.PageSize = 2
	s := &stream{sources: []string{at(1, `,"n":[1,2,3,4,5]`)}}
	var sizes []int
	visit := func(page []search.Group) (bool, error) {
		sizes = append(sizes, len(page))
		return len(sizes) < 2, nil
	}
	if _, err := tally.Groups(t.Context(), s, r, tally.Options{}, visit); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{2, 2}, sizes); diff != "" || s.asked.PageSize != 0 {
		t.Errorf("pages until enough, events in pages of %d (-want +got):\n%s", s.asked.PageSize, diff)
	}
}

func TestAdmit(t *testing.T) {
	only := func(page []event.Event) ([]event.Event, error) {
		return slices.DeleteFunc(slices.Clone(page), func(e event.Event) bool { return e.ID == "0" }), nil
	}
	got, err := counted(t, &stream{sources: []string{at(1, ``), at(2, ``)}}, request(), tally.Options{Admit: only})
	if diff := cmp.Diff([]string{": 1 02-02"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestAgainstDefinition compares the counts with their definition, group by group.
func TestAgainstDefinition(t *testing.T) {
	type plain struct {
		K []string `json:"k,omitempty"`
		N []int    `json:"n,omitempty"`
	}
	rapid.Check(t, func(rt *rapid.T) {
		all := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) plain {
			return plain{
				rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3).Draw(rt, "k"),
				rapid.SliceOfN(rapid.IntRange(0, 3), 0, 3).Draw(rt, "n"),
			}
		}), 0, 20).Draw(rt, "events")
		s := &stream{}
		want := map[string]int64{}
		values := map[string]map[int]bool{}
		for _, p := range all {
			source, err := json.Marshal(p)
			if err != nil {
				rt.Fatal(err)
			}
			s.sources = append(s.sources, string(source))
			for _, k := range slices.Compact(slices.Sorted(slices.Values(p.K))) {
				want[k]++
				if values[k] == nil {
					values[k] = map[int]bool{}
				}
				for _, n := range p.N {
					values[k][n] = true
				}
			}
		}
		r := request("k")
		r.Distinct = []mapping.Field{fields["n"]}
		got, distinct := map[string]int64{}, map[string]int64{}
		var order []string
		if _, err := tally.Groups(t.Context(), s, r, tally.Options{}, func(page []search.Group) (bool, error) {
			for _, g := range page {
				got[g.Key[0]], distinct[g.Key[0]] = g.Count, g.Distinct[0]
				order = append(order, g.Key[0])
			}
			return true, nil
		}); err != nil {
			rt.Fatal(err)
		}
		wanted := map[string]int64{}
		for k, v := range values {
			wanted[k] = int64(len(v))
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()) + cmp.Diff(wanted, distinct, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), order, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("order (-want +got):\n%s", diff)
		}
	})
}
