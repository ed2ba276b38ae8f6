package main

import (
	"context"
	"os"

	"tocsin/cmd/runner/internal/logs"
	"tocsin/cmd/runner/internal/tracing"
)

// traceFlags are the flags of commands that can be traced.
type traceFlags struct {
	TraceEndpoint string `help:"Send traces to this OpenTelemetry collector, in OTLP over HTTP. The standard variables OTEL_EXPORTER_OTLP_* count as well." placeholder:"http://127.0.0.1:4318"`
}

// begin starts the traces of a command, if somebody wants any. The caller stops them.
func (f traceFlags) begin(ctx context.Context, a *app) (context.Context, *tracing.Tracing, error) {
	t, err := tracing.Start(tracing.Options{
		Endpoint: f.TraceEndpoint, Getenv: os.Getenv, Version: version(), Instance: a.id, Namespace: a.global.Namespace, Log: a.global.log, Blank: logs.Blank,
	})
	if err != nil {
		return ctx, nil, usageError{err}
	}
	ctx = t.With(ctx)
	return ctx, t, nil
}
