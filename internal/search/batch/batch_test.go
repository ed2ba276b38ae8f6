package batch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"tocsin/internal/backend/store"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// open writes events into a file and opens it.
func open(tb interface {
	Helper()
	Fatal(...any)
	Context() context.Context
	Cleanup(func())
}, lines ...string,
) *store.Events {
	tb.Helper()
	events, diags, err := store.OpenEvents(tb.Context(), store.EventsOptions{
		Files: []string{"-"}, Stdin: strings.NewReader(strings.Join(lines, "\n")),
	})
	if err != nil || diags.HasErrors() {
		tb.Fatal(err, diags)
	}
	tb.Cleanup(func() { _ = events.Close() })
	return events
}

func line(n int, index, name string, second int) string {
	return fmt.Sprintf(`{"_index":%q,"_id":"%d","_source":{"@timestamp":%q,"process":{"name":%q},"message":"one two"}}`,
		index, n, noon.Add(time.Duration(second)*time.Second).Format(time.RFC3339), name)
}

func within(from, to int) search.TimeRange {
	return search.TimeRange{Field: search.DefaultTimestamp, Window: window.Window{
		From: noon.Add(time.Duration(from) * time.Second), To: noon.Add(time.Duration(to) * time.Second),
	}}
}

// found returns the ids of a search's hits, in order.
func found(t interface {
	Helper()
	Fatal(...any)
	Context() context.Context
}, events search.Events, r search.Request,
) []string {
	t.Helper()
	ids := []string{}
	result, err := events.Search(t.Context(), r, func(page []event.Event) (bool, error) {
		for _, e := range page {
			ids = append(ids, e.Index+"/"+e.ID)
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.Total != int64(len(ids)) {
		t.Fatal("total", result.Total, "of", len(ids))
	}
	return ids
}

func term(name string) condition.Expr { return condition.Term{Field: "process.name", Value: name} }

// TestScanAnswersAsSearch: requests that are answered together have the same answers as separate
// ones.
func TestScanAnswersAsSearch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var lines []string
		for n := range rapid.IntRange(0, 40).Draw(rt, "events") {
			lines = append(lines, line(n, rapid.SampledFrom([]string{"logs-a", "logs-b", "other"}).Draw(rt, "index"),
				rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "name"), rapid.IntRange(0, 60).Draw(rt, "second")*10+n%10))
		}
		events := open(rt, lines...)
		var requests []search.Request
		for range rapid.IntRange(1, 8).Draw(rt, "requests") {
			from := rapid.IntRange(0, 500).Draw(rt, "from")
			r := search.Request{
				Patterns: rapid.SampledFrom([][]string{{"logs-*"}, {"logs-a"}, {"*"}, {"logs-*", "other"}, {"none"}}).Draw(rt, "patterns"),
				Where:    term(rapid.SampledFrom([]string{"a", "b", "x"}).Draw(rt, "term")), Time: within(from, from+rapid.IntRange(1, 300).Draw(rt, "length")),
				Descending: rapid.Bool().Draw(rt, "descending"), PageSize: rapid.SampledFrom([]int{0, 1, 3}).Draw(rt, "page"),
				FieldTypes: events.Fields(),
			}
			requests = append(requests, r)
		}
		limit := rapid.SampledFrom([]int64{0, 1, 1000}).Draw(rt, "limit")
		answers, _, err := batch.Scan(rt.Context(), events, requests, batch.ScanOptions{Slices: 3, MaxBytes: limit})
		if err != nil {
			rt.Fatal(err)
		}
		for _, r := range requests {
			if diff := cmp.Diff(found(rt, events, r), found(rt, answers, r)); diff != "" {
				rt.Fatalf("%v (-search +scan):\n%s", r, diff)
			}
		}
	})
}

func TestScanSaysWhyNot(t *testing.T) {
	events := open(t, line(1, "logs-a", "a", 1), line(2, "logs-a", "b", 2), line(3, "logs-a", "a", 3))
	request := func(where condition.Expr) search.Request {
		return search.Request{Patterns: []string{"logs-*"}, Where: where, Time: within(0, 10), FieldTypes: events.Fields()}
	}
	answered, text, many := request(term("b")), request(condition.Match{Value: "one"}), request(condition.Const(true))
	answers, stats, err := batch.Scan(t.Context(), events, []search.Request{answered, text, many}, batch.ScanOptions{MaxBytes: 900})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, want string
		request    search.Request
	}{
		{"answered", "", answered},
		{"all fields", "all fields", text},
		{"too many hits", "memory", many},
		{"another question", "not requested", request(term("z"))},
	} {
		if why := answers.Why(tt.request); !strings.Contains(why, tt.want) || tt.want == "" && why != "" {
			t.Errorf("%s: why is %q, want %q in it", tt.name, why, tt.want)
		}
	}
	if stats.Events != 3 || stats.Answered != 1 || stats.Hits != 1 {
		t.Errorf("stats: %+v", stats)
	}
	if diff := cmp.Diff([]string{"logs-a/1", "logs-a/2", "logs-a/3"}, found(t, answers, many)); diff != "" {
		t.Error(diff)
	}
}

// failing is an Events whose reads fail.
type failing struct{ *store.Events }

var errBroken = errors.New("broken")

func (failing) ViewSlices(context.Context, search.Request, []search.Sight) (search.Result, error) {
	return search.Result{}, errBroken
}

func (failing) SearchSlices(context.Context, search.Request, []search.Visit) (search.Result, error) {
	return search.Result{}, errBroken
}

func TestFailedScanLeavesSearch(t *testing.T) {
	events := open(t, line(1, "logs-a", "a", 1))
	r := search.Request{Patterns: []string{"logs-*"}, Where: term("a"), Time: within(0, 10), FieldTypes: events.Fields()}
	answers, _, err := batch.Scan(t.Context(), failing{events}, []search.Request{r}, batch.ScanOptions{})
	if !errors.Is(err, errBroken) {
		t.Fatal("error:", err)
	}
	if diff := cmp.Diff([]string{"logs-a/1"}, found(t, answers, r)); diff != "" {
		t.Error(diff)
	}
}

// crashing is an Events whose Locate func crashes later, during the read.
type crashing struct{ *store.Events }

func (crashing) Locate(context.Context, []string) (func(string) bool, error) {
	return func(string) bool { panic("covers") }, nil
}

func TestCrashedScanLeavesSearch(t *testing.T) {
	events := open(t, line(1, "logs-a", "a", 1))
	r := search.Request{Patterns: []string{"logs-*"}, Where: term("a"), Time: within(0, 10), FieldTypes: events.Fields()}
	answers, _, err := batch.Scan(t.Context(), crashing{events}, []search.Request{r}, batch.ScanOptions{})
	if err == nil || !strings.Contains(err.Error(), "crashed: covers") {
		t.Fatal("error:", err)
	}
	if diff := cmp.Diff([]string{"logs-a/1"}, found(t, answers, r)); diff != "" {
		t.Error(diff)
	}
}

// pages is an Events that answers first pages of two hits.
type pages struct {
	*store.Events
	calls []int
}

func (p *pages) FirstPages(ctx context.Context, requests []search.Request) []search.FirstPage {
	p.calls = append(p.calls, len(requests))
	out := make([]search.FirstPage, len(requests))
	for i, r := range requests {
		r.PageSize = 2
		out[i].Result, out[i].Err = p.Search(ctx, r, func(page []event.Event) (bool, error) {
			out[i].Events = page
			return false, nil
		})
		if r.Where.String() == term("bad").String() {
			out[i] = search.FirstPage{Err: errBroken}
		}
	}
	return out
}

func TestMulti(t *testing.T) {
	events := &pages{Events: open(t, line(1, "logs-a", "a", 1), line(2, "logs-a", "b", 2), line(3, "logs-a", "a", 3), line(4, "logs-a", "a", 4))}
	var requests []search.Request
	for _, name := range []string{"a", "b", "none", "bad", "b"} {
		requests = append(requests, search.Request{Patterns: []string{"logs-*"}, Where: term(name), Time: within(0, 10), FieldTypes: events.Fields()})
	}
	answers := batch.Multi(t.Context(), events, requests, new(batch.Sizer))
	for i, want := range []string{"more than a page", "", "", "broken", ""} {
		if why := answers.Why(requests[i]); !strings.Contains(why, want) || want == "" && why != "" {
			t.Errorf("request %d: why is %q, want %q", i, why, want)
		}
		if diff := cmp.Diff(found(t, events.Events, requests[i]), found(t, answers, requests[i])); diff != "" {
			t.Error(diff)
		}
	}
	if diff := cmp.Diff([]int{4}, events.calls); diff != "" {
		t.Error("one call of the four different requests:", diff)
	}
}

// heavyPages answers each request with one hit of a megabyte.
type heavyPages struct{ search.Events }

func (heavyPages) FirstPages(_ context.Context, requests []search.Request) []search.FirstPage {
	out := make([]search.FirstPage, len(requests))
	for i := range out {
		out[i].Events = []event.Event{{Index: "logs-a", ID: "1", Source: json.RawMessage(strings.Repeat("x", 1<<20))}}
		out[i].Result.Total = 1
	}
	return out
}

// TestMultiMemory: answers are kept as far as they fit the memory of a scan; the rest is searched for.
func TestMultiMemory(t *testing.T) {
	var requests []search.Request
	for i := range 100 {
		requests = append(requests, search.Request{Patterns: []string{"logs-*"}, Where: term(strconv.Itoa(i)), Time: within(0, 10)})
	}
	answers := batch.Multi(t.Context(), heavyPages{open(t)}, requests, new(batch.Sizer))
	known := 0
	for _, r := range requests {
		if answers.Knows(r) {
			known++
		} else if why := answers.Why(r); !strings.Contains(why, "memory") {
			t.Errorf("why is %q", why)
		}
	}
	if known < 40 || known > batch.DefaultMaxBytes>>20 {
		t.Errorf("%d answers of a megabyte are kept", known)
	}
}

func TestSizer(t *testing.T) {
	var s batch.Sizer
	start := s.Size()
	for range 20 {
		s.Took(s.Size(), 50*time.Millisecond)
	}
	grown := s.Size()
	for range 20 {
		s.Took(s.Size(), 30*time.Second)
	}
	if grown <= start || s.Size() >= start {
		t.Errorf("sizes: at first %d, after fast batches %d, after slow ones %d", start, grown, s.Size())
	}
}

// TestPagesAreTheVisitors: a visitor may do with a page what it likes; others find what they would have found.
func TestPagesAreTheVisitors(t *testing.T) {
	events := open(t, line(1, "logs-a", "a", 1), line(2, "logs-a", "a", 2), line(3, "logs-a", "b", 3))
	r := search.Request{Patterns: []string{"logs-*"}, Where: term("a"), Time: within(0, 10), FieldTypes: events.Fields()}
	answers, _, err := batch.Scan(t.Context(), events, []search.Request{r}, batch.ScanOptions{})
	if err != nil || !answers.Knows(r) {
		t.Fatal(err)
	}
	for name, place := range map[string]search.Events{"search": events, "scan": answers} {
		want := found(t, place, r)
		if _, err := place.Search(t.Context(), r, func(page []event.Event) (bool, error) {
			clear(page)
			return true, nil
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, found(t, place, r)); diff != "" || len(want) != 2 {
			t.Errorf("%s (-before +after):\n%s", name, diff)
		}
	}
}
