package tracing

import (
	"context"
	"log/slog"
	"sync/atomic"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// exporter counts the spans that are sent, and logs when that begins to fail and when it works again.
type exporter struct {
	next sdk.SpanExporter
	log  *slog.Logger
	hide func(string) string

	sent, failed atomic.Int64
	failing      atomic.Bool
}

// ExportSpans implements [sdk.SpanExporter].
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.next.ExportSpans(ctx, spans)
	if err != nil {
		e.failed.Add(int64(len(spans)))
		if !e.failing.Swap(true) {
			e.log.Warn("traces cannot be sent: they are dropped", "error", e.hide(err.Error()))
		}
		return err //nolint:wrapcheck // nobody reads it
	}
	e.sent.Add(int64(len(spans)))
	if e.failing.Swap(false) {
		e.log.Info("traces are sent again", "dropped", e.failed.Load())
	}
	return nil
}

// Shutdown implements [sdk.SpanExporter].
func (e *exporter) Shutdown(ctx context.Context) error {
	return e.next.Shutdown(ctx) //nolint:wrapcheck // nobody reads it
}
