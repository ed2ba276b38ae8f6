package tracing

import (
	"context"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	api "go.opentelemetry.io/otel/trace"

	"tocsin/internal/diag/trace"
)

// tracer makes spans of OpenTelemetry.
type tracer struct {
	of   api.Tracer
	hide func(string) string
}

// Start implements [trace.Tracer].
func (t tracer) Start(ctx context.Context, name string) (context.Context, trace.Recording) {
	ctx, s := t.of.Start(ctx, name)
	return ctx, span{s, t.hide}
}

type span struct {
	api.Span

	hide func(string) string
}

// Set implements [trace.Recording].
func (s span) Set(attributes []slog.Attr) {
	if !s.IsRecording() { // it is not sampled
		return
	}
	out := make([]attribute.KeyValue, len(attributes))
	for i, a := range attributes {
		out[i] = s.attribute(a)
	}
	s.SetAttributes(out...)
}

func (s span) attribute(a slog.Attr) attribute.KeyValue {
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindInt64:
		return attribute.Int64(a.Key, v.Int64())
	case slog.KindBool:
		return attribute.Bool(a.Key, v.Bool())
	case slog.KindFloat64:
		return attribute.Float64(a.Key, v.Float64())
	case slog.KindDuration:
		return attribute.Float64(a.Key, v.Duration().Seconds())
	default:
		return attribute.String(a.Key, s.text(v.String()))
	}
}

// text is what of a text is sent: valid, and without secrets.
func (s span) text(text string) string { return strings.ToValidUTF8(s.hide(text), "\uFFFD") }

// End implements [trace.Recording].
func (s span) End(err error) {
	if err != nil {
		s.SetStatus(codes.Error, s.text(err.Error()))
	}
	s.Span.End()
}

// Below implements [trace.Recording].
func (s span) Below(ctx context.Context) context.Context { return api.ContextWithSpan(ctx, s.Span) }
