package batch_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/backend/store"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
)

// counting counts the searches that reach the events.
type counting struct {
	*store.Events
	searches int
}

func (c *counting) Search(ctx context.Context, r search.Request, visit search.Visit) (search.Result, error) {
	c.searches++
	return c.Events.Search(ctx, r, visit)
}

// TestAhead: hits that were read ahead answer requests for parts of the window as separate searches
// would.
func TestAhead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var lines []string
		for n := range rapid.IntRange(0, 40).Draw(rt, "events") {
			l := line(n, "logs-a", rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "name"), rapid.IntRange(0, 60).Draw(rt, "second")*10+n%10)
			if rapid.Bool().Draw(rt, "ingested") { // When it was ingested is independent of the time itself; some hits have no other time.
				ingested := noon.Add(time.Duration(rapid.IntRange(0, 600).Draw(rt, "second")) * time.Second).Format(time.RFC3339)
				l = strings.Replace(l, `"message"`, `"event":{"ingested":["`+ingested+`","2026-01-15T12:00:01Z"]},"message"`, 1)
				l = strings.Replace(l, `"@timestamp"`, rapid.SampledFrom([]string{`"@timestamp"`, `"time"`}).Draw(rt, "name of the time"), 1)
			}
			lines = append(lines, l)
		}
		events := open(rt, lines...)
		r := search.Request{
			Patterns: []string{"logs-*"}, Where: term("a"), Time: within(0, 400), FieldTypes: events.Fields(),
			Descending: rapid.Bool().Draw(rt, "descending"), PageSize: rapid.SampledFrom([]int{0, 2}).Draw(rt, "page"),
		}
		r.Time.Fallback = rapid.SampledFrom([]string{"", "event.ingested"}).Draw(rt, "fallback")
		c := &counting{Events: events}
		answers := batch.None(c)
		if rapid.Bool().Draw(rt, "scanned") {
			var err error
			if answers, _, err = batch.Scan(t.Context(), c, []search.Request{r}, batch.ScanOptions{}); err != nil {
				rt.Fatal(err)
			}
		}
		ahead := batch.NewAhead(t.Context(), answers, []search.Request{r})
		c.searches = 0
		for range 5 {
			from := rapid.IntRange(0, 300).Draw(rt, "from")
			part := r
			part.Time.Window = within(from, from+rapid.IntRange(1, 400-from).Draw(rt, "length")).Window
			if !ahead.Covers(part) {
				rt.Fatal("not covered:", part.Time.Window)
			}
			if diff := cmp.Diff(found(rt, events, part), found(rt, batch.None(c).From(ahead), part)); diff != "" {
				rt.Fatal(diff)
			}
		}
		if c.searches > 0 {
			rt.Fatal("searches:", c.searches)
		}
	})
}

// TestAheadMemory: hits that answers hold already take next to no additional memory, whatever their
// form.
func TestAheadMemory(t *testing.T) {
	var members strings.Builder
	for i := range 400 {
		fmt.Fprintf(&members, `"f%d":%d,`, i, i)
	}
	var lines []string
	for n := range 2000 {
		lines = append(lines, strings.Replace(line(n, "logs-a", "a", n%400), `"message"`, members.String()+`"message"`, 1))
	}
	events := open(t, lines...)
	r := search.Request{Patterns: []string{"logs-*"}, Where: term("a"), Time: within(0, 400), FieldTypes: events.Fields()}
	answers, _, err := batch.Scan(t.Context(), events, []search.Request{r}, batch.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	held := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := held()
	ahead := batch.NewAhead(t.Context(), answers, []search.Request{r})
	if grown := held() - before; grown > 2<<20 { // 8 MB of hits
		t.Errorf("%d bytes are held besides the hits", grown)
	}
	if !ahead.Covers(r) || len(found(t, batch.None(broken{}).From(ahead), r)) != len(lines) {
		t.Error("not all hits are there")
	}
	runtime.KeepAlive(answers)
}

// TestAheadLeaves: a request that was not read ahead, or that differs in more than its window, is
// searched for.
func TestAheadLeaves(t *testing.T) {
	events := open(t, line(1, "logs-a", "a", 1), line(2, "logs-a", "a", 50))
	r := search.Request{Patterns: []string{"logs-*"}, Where: term("a"), Time: within(0, 40), FieldTypes: events.Fields()}
	c := &counting{Events: events}
	ahead := batch.NewAhead(t.Context(), batch.None(c), []search.Request{r})
	for name, change := range map[string]func(*search.Request){
		"longer":          func(r *search.Request) { r.Time = within(0, 60) },
		"another mapping": func(r *search.Request) { r.FieldTypes = mapping.Untyped() },
		"another test":    func(r *search.Request) { r.Where = condition.Const(true) },
		"no window":       func(r *search.Request) { r.Time.Window.From = r.Time.Window.From.AddDate(-9000, 0, 0) },
	} {
		part := r
		change(&part)
		if ahead.Covers(part) {
			t.Error(name)
		}
	}
	var none *batch.Ahead
	if none.Covers(r) || !ahead.Covers(r) {
		t.Error("covers")
	}
	// Failing or too large searches are left out.
	if batch.NewAhead(t.Context(), batch.None(broken{c}), []search.Request{r}).Covers(r) {
		t.Error("a search that failed")
	}
}

type broken struct{ *counting }

func (broken) Search(context.Context, search.Request, search.Visit) (search.Result, error) {
	return search.Result{}, errBroken
}
