package trace_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag/trace"
)

type nested struct{}

// recorder is a tracer that notes what it is told.
type recorder struct{ told *[]string }

func (r recorder) Start(ctx context.Context, name string) (context.Context, trace.Recording) {
	parent, _ := ctx.Value(nested{}).(string)
	*r.told = append(*r.told, "start "+parent+"/"+name)
	return context.WithValue(ctx, nested{}, parent+"/"+name), recording{r, parent + "/" + name}
}

type recording struct {
	recorder

	name string
}

func (r recording) Set(attributes []slog.Attr) {
	for _, a := range attributes {
		*r.told = append(*r.told, r.name+" "+a.String())
	}
}

func (r recording) End(err error) {
	text := "end " + r.name
	if err != nil {
		text += ": " + err.Error()
	}
	*r.told = append(*r.told, text)
}

func (r recording) Below(ctx context.Context) context.Context {
	return context.WithValue(ctx, nested{}, r.name)
}

func TestSpans(t *testing.T) {
	var told []string
	ctx, span := trace.Start(trace.With(t.Context(), recorder{&told}), "a")
	if !span.On() {
		t.Fatal("nobody listens")
	}
	span.Set(slog.Int("n", 1))
	_, inner := trace.Start(ctx, "b")
	inner.End(errors.New("no")) //nolint:err113 // any
	_, other := trace.Start(span.Below(trace.With(t.Context(), recorder{&told})), "c")
	other.End(nil)
	span.End(nil)
	want := []string{"start /a", "/a n=1", "start /a/b", "end /a/b: no", "start /a/c", "end /a/c", "end /a"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if slices.Contains(told, "") {
		t.Error("an empty line")
	}
}

// off is what a traced function does while nobody listens.
func off(ctx context.Context, n int) {
	ctx, span := trace.Start(ctx, "a")
	if span.On() {
		span.Set(slog.Int("n", n), slog.String("text", "x"))
	}
	_ = span.Below(ctx)
	span.End(nil)
}

// TestOff: without a tracer nothing is made.
func TestOff(t *testing.T) {
	ctx, span := trace.Start(t.Context(), "a")
	if span.On() || ctx != t.Context() || span.Below(ctx) != ctx {
		t.Error("somebody listens")
	}
	if n := testing.AllocsPerRun(100, func() { off(t.Context(), 1) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// BenchmarkOff is the cost of a span that nobody listens to, below ten values of a context.
func BenchmarkOff(b *testing.B) {
	ctx := b.Context()
	for i := range 10 {
		ctx = context.WithValue(ctx, [1]int{i}, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		off(ctx, 1)
	}
}
