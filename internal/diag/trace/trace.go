// Package trace says what takes how long to whoever listens, and costs next to nothing while nobody does.
//
// It knows no format and no exporter: the command puts a [Tracer] into the context of what it runs ([With]), and what is worth
// knowing is a span: [Start] begins one below the span of its context, [Span.End] ends it. Attributes are counts, ids, names and times,
// never credentials, never the content of events.
package trace

import (
	"context"
	"errors"
	"log/slog"
)

// Tracer makes spans.
type Tracer interface {
	// Start begins a span below the one in the context. The context that it returns has the new one.
	Start(ctx context.Context, name string) (context.Context, Recording)
}

// Recording is a span of a [Tracer].
type Recording interface {
	// Set adds attributes.
	Set(attributes []slog.Attr)
	// End ends the span; err is why it failed, nil if it did not. Only the first call counts.
	End(err error)
	// Below returns a context whose spans are below this one.
	Below(ctx context.Context) context.Context
}

// ErrCrashed is why a span failed that nobody else has ended.
var ErrCrashed = errors.New("it crashed")

type key struct{}

// With returns a context whose spans go to a tracer.
func With(ctx context.Context, t Tracer) context.Context { return context.WithValue(ctx, key{}, t) }

// Span is something that takes time. The zero value is one that nobody listens to.
type Span struct{ recording Recording }

// Start begins a span if the context has a tracer.
func Start(ctx context.Context, name string) (context.Context, Span) {
	t, ok := ctx.Value(key{}).(Tracer)
	if !ok {
		return ctx, Span{}
	}
	ctx, recording := t.Start(ctx, name)
	return ctx, Span{recording}
}

// On reports whether somebody listens. Attributes are made only then.
func (s Span) On() bool { return s.recording != nil }

// Set adds attributes. The caller asks [Span.On] before it makes them.
func (s Span) Set(attributes ...slog.Attr) {
	if s.recording != nil {
		s.recording.Set(attributes)
	}
}

// End ends the span; err is why it failed, nil if it did not. Only the first call counts, so that a span can be ended for the case of a
// crash as well.
func (s Span) End(err error) {
	if s.recording != nil {
		s.recording.End(err)
	}
}

// Below returns a context whose spans are below this one, with the deadline and the values of ctx otherwise.
func (s Span) Below(ctx context.Context) context.Context {
	if s.recording == nil {
		return ctx
	}
	return s.recording.Below(ctx)
}

// Int is an attribute. Its key has the form of OpenTelemetry's: names with points between them.
func Int(key string, n int) slog.Attr { return slog.Int(key, n) }

// Int64 is as [Int].
func Int64(key string, n int64) slog.Attr { return slog.Int64(key, n) }

// String is as [Int].
func String(key, text string) slog.Attr { return slog.String(key, text) }
