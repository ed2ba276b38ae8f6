// Package tracing sends spans to a collector, in OTLP over HTTP. It is the only package that knows OpenTelemetry.
//
// The flow: [Start] reads the settings, also those of the standard variables OTEL_*, and returns nil when nobody wants traces;
// [Tracing.With] puts the tracer into the context of what is to be traced, and [Tracing.Stop] sends what is left. Spans are sent in the
// background and dropped when they cannot be sent: a collector that is slow, away or broken holds nothing up.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"tocsin/internal/diag/redact"
	"tocsin/internal/diag/trace"
)

// Options are the settings of the traces of a process.
type Options struct {
	// Endpoint is the URL of the collector; "": that of the environment, if there is one.
	Endpoint string
	// Getenv reads the environment.
	Getenv func(string) string
	// Version, Instance and Namespace say what sends the traces.
	Version, Instance, Namespace string
	Log                          *slog.Logger
	// Blank removes credentials from a text.
	Blank func(string) string
}

// Tracing sends the spans of a process. Its methods do nothing on nil.
type Tracing struct {
	provider *sdk.TracerProvider
	tracer   tracer
	exporter *exporter
}

// The standard variables that are read here; the libraries read others, such as OTEL_TRACES_SAMPLER.
const (
	envEndpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	envTracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	envProtocol       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	envTracesProtocol = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	envHeaders        = "OTEL_EXPORTER_OTLP_HEADERS"
	envTracesHeaders  = "OTEL_EXPORTER_OTLP_TRACES_HEADERS"
	envDisabled       = "OTEL_SDK_DISABLED"
	envExporter       = "OTEL_TRACES_EXPORTER"

	protocol  = "http/protobuf"
	tracePath = "/v1/traces"
)

const (
	// queue holds the spans of a round of thousands of rules.
	queue = 1 << 14
	// sendTimeout bounds one attempt, keepTrying all attempts of a batch, stopTimeout the end of the process.
	sendTimeout = 5 * time.Second
	keepTrying  = 20 * time.Second
	stopTimeout = 3 * time.Second
)

// Start returns the tracing of a process; nil if neither the options nor the environment ask for traces. The error is a mistake in
// them, and shows no value that may be secret.
func Start(o Options) (*Tracing, error) {
	fromEnv := o.Getenv(envTracesEndpoint) + o.Getenv(envEndpoint)
	switch {
	case o.Endpoint == "" && fromEnv == "", strings.EqualFold(o.Getenv(envDisabled), "true"):
		return nil, nil //nolint:nilnil // there are no traces
	case o.Endpoint == "" && o.Getenv(envExporter) == "none":
		return nil, nil //nolint:nilnil // there are no traces
	}
	if o.Endpoint == "" {
		for _, name := range []string{envTracesProtocol, envProtocol} {
			if got := o.Getenv(name); got != "" {
				if got != protocol {
					o.Log.Warn("no traces are sent: only "+protocol+" is supported", "variable", name, "value", got)
					return nil, nil //nolint:nilnil // an environment for others must not keep the service from running
				}
				break
			}
		}
	}
	var secrets []string
	for _, name := range []string{envHeaders, envTracesHeaders} {
		values, err := headerValues(o.Getenv(name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		secrets = append(secrets, values...)
	}
	options := []otlptracehttp.Option{
		otlptracehttp.WithTimeout(sendTimeout),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: keepTrying / 2, MaxElapsedTime: keepTrying}),
	}
	for _, text := range []string{o.Endpoint, o.Getenv(envTracesEndpoint), o.Getenv(envEndpoint)} {
		if _, err := endpoint(text); text != "" && err != nil {
			return nil, err
		}
	}
	if o.Endpoint != "" {
		u, _ := endpoint(o.Endpoint)
		options = append(options, otlptracehttp.WithEndpointURL(u.JoinPath(tracePath).String()))
	}
	otel.SetLogger(logr.Discard()) // it would show settings as they are
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	client, err := otlptracehttp.New(context.Background(), options...)
	if err != nil {
		return nil, errors.New("the exporter of traces: " + redact.Text(o.Blank(err.Error()), secrets...)) //nolint:err113 // its text may hold a secret
	}
	made, err := resource.New(context.Background(), resource.WithAttributes(
		attribute.String("service.name", "tocsin"), attribute.String("service.version", o.Version),
		attribute.String("service.instance.id", o.Instance), attribute.String("tocsin.namespace", o.Namespace),
	), resource.WithFromEnv())
	if err != nil {
		o.Log.Warn("the resource of traces is not complete", "error", redact.Text(o.Blank(err.Error()), secrets...))
	}
	e := &exporter{next: client, log: o.Log, hide: func(text string) string { return redact.Text(o.Blank(text), secrets...) }}
	provider := sdk.NewTracerProvider(sdk.WithResource(made), sdk.WithBatcher(e, sdk.WithMaxQueueSize(queue), sdk.WithMaxExportBatchSize(queue/8)))
	return &Tracing{provider: provider, exporter: e, tracer: tracer{provider.Tracer("tocsin"), e.hide}}, nil
}

var (
	errEndpoint    = errors.New("the endpoint of traces is not a URL such as http://127.0.0.1:4318")
	errCredentials = errors.New("the endpoint of traces has credentials in its URL: give them as headers in " + envHeaders)
	errHeaders     = errors.New("it is not a list such as name=value,name=value")
)

// endpoint parses the URL of a collector.
func endpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.RawQuery != "", u.Fragment != "":
		return nil, errEndpoint
	case u.User != nil:
		return nil, errCredentials
	}
	return u, nil
}

// headerValues returns the values of headers as the environment has them, as they are and unescaped.
func headerValues(text string) ([]string, error) {
	var out []string
	for one := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(one) == "" {
			continue
		}
		name, value, ok := strings.Cut(one, "=")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, errHeaders
		}
		value = strings.TrimSpace(value)
		plain, err := url.PathUnescape(value)
		if err != nil {
			return nil, errHeaders
		}
		for _, v := range []string{value, plain} {
			out = append(out, v)
			if _, key, scheme := strings.Cut(v, " "); scheme { // Bearer KEY
				out = append(out, key)
			}
		}
	}
	return redact.Long(out...), nil
}

// With returns a context whose spans are sent.
func (t *Tracing) With(ctx context.Context) context.Context {
	if t == nil {
		return ctx
	}
	return trace.With(ctx, t.tracer)
}

// Stop sends what is left, for a few seconds at most.
func (t *Tracing) Stop(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.exporter.log.Debug("the last traces were not sent", "error", t.exporter.hide(err.Error()))
	}
}

// Sent returns how many spans were sent, and how many could not be sent, since the start.
func (t *Tracing) Sent() (sent, failed int64) {
	if t == nil {
		return 0, 0
	}
	return t.exporter.sent.Load(), t.exporter.failed.Load()
}
