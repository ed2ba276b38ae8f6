package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag/failure"
	"tocsin/internal/diag/trace"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search/planner"
)

// spans is a tracer that keeps what it is told, by the path of each span.
type spans struct {
	mu         sync.Mutex
	open       map[string]int
	ended      []string
	attributes map[string][]string
}

type pathKey struct{}

type spanOf struct {
	all  *spans
	path string
	over *bool
}

func newSpans() *spans { return &spans{open: map[string]int{}, attributes: map[string][]string{}} }

func (s *spans) Start(ctx context.Context, name string) (context.Context, trace.Recording) {
	parent, _ := ctx.Value(pathKey{}).(string)
	one := spanOf{s, parent + "/" + name, new(bool)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[one.path]++
	return one.Below(ctx), one
}

func (o spanOf) Set(attributes []slog.Attr) {
	o.all.mu.Lock()
	defer o.all.mu.Unlock()
	for _, a := range attributes {
		o.all.attributes[o.path] = append(o.all.attributes[o.path], a.String())
	}
}

func (o spanOf) End(err error) {
	o.all.mu.Lock()
	defer o.all.mu.Unlock()
	if *o.over {
		return
	}
	*o.over = true
	o.all.open[o.path]--
	text := o.path
	if err != nil {
		text += ": " + err.Error()
	}
	o.all.ended = append(o.all.ended, text)
}

func (o spanOf) Below(ctx context.Context) context.Context {
	return context.WithValue(ctx, pathKey{}, o.path)
}

// TestTraced: a round says what its executions, its read, its writes and its record take, each below what it belongs to.
func TestTraced(t *testing.T) {
	told := newSpans()
	r := &pipeline.Round{
		Pipeline: &pipeline.Pipeline{Events: stored(t, "a", "b", "a"), Alerts: store.NewMemory()}, Planner: &planner.Planner{}, Recorder: &recorder{err: errors.New("full")}, //nolint:err113 // any
	}
	ctx := trace.With(t.Context(), told)
	r.RunAll(ctx, []pipeline.Job{jobOf(someRule(t, "ra", "a")), jobOf(someRule(t, "rc", "c"))}, nil)
	slices.Sort(told.ended)
	want := []string{"/round", "/round/read", "/round/record: full", "/round/rule", "/round/rule", "/round/rule/write alerts"}
	if diff := cmp.Diff(want, told.ended); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for path, wants := range map[string][]string{
		"/round":      {"tocsin.executions=2"},
		"/round/read": {"tocsin.searches=2", "tocsin.searches.scanned=2", "tocsin.events=3"},
		"/round/rule": {
			"tocsin.rule.id=ra", "tocsin.rule.id=rc", "tocsin.slot=" + slot.UTC().Format("2006-01-02T15:04:05Z"), "tocsin.status=succeeded", "tocsin.hits=2", "tocsin.alerts.created=2",
		},
		"/round/rule/write alerts": {"tocsin.documents=2", "tocsin.written=2"},
	} {
		for _, one := range wants {
			if !slices.Contains(told.attributes[path], one) {
				t.Errorf("%s lacks %s: %s", path, one, strings.Join(told.attributes[path], ", "))
			}
		}
	}
}

// TestSpansEnd: every span ends, whatever becomes of a round.
func TestSpansEnd(t *testing.T) {
	events := stored(t, "a", "b", "a")
	plan, other := someRule(t, "ra", "a"), someRule(t, "rb", "b")
	rapid.Check(t, func(rt *rapid.T) {
		told := newSpans()
		kept := &recorder{}
		if rapid.Bool().Draw(rt, "the record fails") {
			kept.err = errors.New("full") //nolint:err113 // any
		}
		p := &pipeline.Pipeline{Events: events, Alerts: store.NewMemory()}
		if rapid.Bool().Draw(rt, "the events crash") {
			p.Events = crashingEvents{events}
		}
		ctx, cancel := context.WithCancel(trace.With(t.Context(), told))
		defer cancel()
		if rapid.Bool().Draw(rt, "it is cancelled") {
			cancel()
		}
		pin := rapid.SampledFrom([]planner.Strategy{planner.Auto, planner.Scan, planner.Search, planner.Single}).Draw(rt, "strategy")
		r := &pipeline.Round{Pipeline: p, Planner: &planner.Planner{Pin: pin}, Recorder: kept}
		r.RunAll(ctx, []pipeline.Job{jobOf(plan), jobOf(other)}, nil)
		_ = failure.Guard("read ahead", func() error { _ = r.ReadAhead(ctx, []pipeline.Job{jobOf(plan)}); return nil })
		for path, n := range told.open {
			if n != 0 {
				rt.Errorf("%d spans %s have not ended", n, path)
			}
		}
		if n := len(told.ended); n < 4 {
			rt.Errorf("spans: %s", fmt.Sprint(told.ended))
		}
	})
}
