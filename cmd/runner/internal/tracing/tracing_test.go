package tracing_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"tocsin/cmd/runner/internal/logs"
	"tocsin/cmd/runner/internal/tracing"
	"tocsin/internal/diag/trace"
)

// received is a collector, and what it was sent.
type received struct {
	*httptest.Server
	mu      sync.Mutex
	spans   []string
	paths   map[string]bool
	headers http.Header
	// answer, if any, answers instead.
	answer http.HandlerFunc
}

func newCollector(t interface{ Cleanup(func()) }, answer http.HandlerFunc) *received {
	r := &received{paths: map[string]bool{}, answer: answer}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *received) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paths[request.URL.Path], r.headers = true, request.Header
	if r.answer != nil {
		r.answer(w, request)
		return
	}
	body := io.Reader(request.Body)
	if request.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(body)
	}
	raw, _ := io.ReadAll(body)
	var sent collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(raw, &sent); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	names := map[string]string{}
	for _, resource := range sent.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				names[string(s.GetSpanId())] = s.GetName()
			}
			for _, s := range scope.GetSpans() {
				var line strings.Builder
				line.WriteString(names[string(s.GetParentSpanId())] + "/" + s.GetName())
				for _, a := range s.GetAttributes() {
					fmt.Fprintf(&line, " %s=%v", a.GetKey(), strings.TrimSpace(a.GetValue().String()))
				}
				if text := s.GetStatus().GetMessage(); text != "" {
					line.WriteString(" error=" + text)
				}
				r.spans = append(r.spans, line.String())
			}
		}
	}
}

func (r *received) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.spans
}

func options(w io.Writer, env map[string]string) tracing.Options {
	return tracing.Options{
		Getenv: func(name string) string { return env[name] }, Version: "v", Instance: "i", Namespace: "n", Blank: logs.Blank,
		Log: slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

// TestSent: spans come to the collector as they were made.
func TestSent(t *testing.T) {
	c := newCollector(t, nil)
	o := options(io.Discard, nil)
	o.Endpoint = c.URL + "/base/"
	traces, err := tracing.Start(o)
	if err != nil || traces == nil {
		t.Fatal(traces, err)
	}
	ctx, round := trace.Start(traces.With(t.Context()), "round")
	round.Set(slog.Int("n", 2))
	_, rule := trace.Start(round.Below(traces.With(t.Context())), "rule")
	rule.Set(slog.String("name", "a \xff of https://u:p@host"), slog.Bool("b", true), slog.Float64("f", 0.5), slog.Duration("d", time.Second))
	rule.End(errors.New("reach https://u:p@host: refused")) //nolint:err113 // any
	_, read := trace.Start(ctx, "read")
	read.End(nil)
	round.End(nil)
	traces.Stop(t.Context())
	want := []string{
		`round/rule name=string_value:"a � of https://[redacted]@host" b=bool_value:true f=double_value:0.5 d=double_value:1 error=reach https://[redacted]@host: refused`,
		`round/read`,
		`/round n=int_value:2`,
	}
	spaces := cmp.Transformer("spaces", func(s string) string { return strings.Join(strings.Fields(s), " ") })
	if diff := cmp.Diff(want, c.all(), spaces); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if sent, failed := traces.Sent(); sent != 3 || failed != 0 || !c.paths["/base/v1/traces"] {
		t.Error(sent, failed, c.paths)
	}
}

// TestSettings: who asks for traces gets them, who does not pays nothing, and mistakes are told without what may be secret.
func TestSettings(t *testing.T) {
	const secret = "s3cr3t"
	for name, tt := range map[string]struct {
		endpoint string
		env      map[string]string
		on       bool
		err      string
		logged   string
	}{
		"nothing":              {},
		"flag":                 {endpoint: "http://127.0.0.1:1", on: true},
		"environment":          {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, on: true},
		"traces only":          {env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/x"}, on: true},
		"disabled":             {endpoint: "http://127.0.0.1:1", env: map[string]string{"OTEL_SDK_DISABLED": "TRUE"}},
		"no exporter":          {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"}},
		"another protocol":     {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, logged: "only http/protobuf is supported"},
		"of traces":            {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, on: true},
		"the flag wins":        {endpoint: "http://127.0.0.1:1", env: map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, on: true},
		"no URL":               {endpoint: "127.0.0.1:4318", err: "is not a URL such as"},
		"credentials":          {endpoint: "http://user:" + secret + "@127.0.0.1:1", err: "has credentials in its URL"},
		"credentials, unclear": {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:" + secret + "%@127.0.0.1:1"}, err: "is not a URL such as"},
		"headers":              {endpoint: "http://127.0.0.1:1", env: map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20" + secret + ", x=y,"}, on: true},
		"no headers":           {endpoint: "http://127.0.0.1:1", env: map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": secret}, err: "OTEL_EXPORTER_OTLP_HEADERS: it is not a list"},
		"odd headers":          {endpoint: "http://127.0.0.1:1", env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "a=%zz" + secret}, err: "OTEL_EXPORTER_OTLP_TRACES_HEADERS: it is not a list"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			o := options(&log, tt.env)
			o.Endpoint = tt.endpoint
			traces, err := tracing.Start(o)
			text := fmt.Sprint(err)
			if (traces != nil) != tt.on || (err != nil) != (tt.err != "") || err != nil && !strings.Contains(text, tt.err) || !strings.Contains(log.String(), tt.logged) {
				t.Errorf("%v, %v, log %s", traces != nil, err, &log)
			}
			if strings.Contains(text+log.String(), secret) {
				t.Errorf("the secret is shown: %s %s", text, &log)
			}
			ctx := traces.With(t.Context())
			if _, span := trace.Start(ctx, "x"); span.On() != tt.on {
				t.Error("a span of nothing")
			}
			stopped, cancel := context.WithCancel(ctx)
			cancel()
			traces.Stop(stopped)
		})
	}
}

// TestNeverBlocks: a collector that hangs, or is not there, holds nothing up but the end, and that for a few seconds at most.
func TestNeverBlocks(t *testing.T) {
	release := make(chan struct{})
	c := newCollector(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	for _, at := range []string{c.URL, "http://127.0.0.1:1"} {
		var log bytes.Buffer
		o := options(&log, nil)
		o.Endpoint = at
		traces, err := tracing.Start(o)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		const spans = 50_000
		for range spans {
			_, span := trace.Start(traces.With(t.Context()), "x")
			span.Set(slog.Int("n", 1))
			span.End(nil)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%d spans took %s", spans, took)
		}
		begun = time.Now()
		traces.Stop(t.Context())
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("the end took %s", took)
		}
		if sent, _ := traces.Sent(); sent != 0 {
			t.Errorf("%d spans were sent to nobody", sent)
		}
	}
}

// TestSecrets: what a collector says of credentials comes into no log.
func TestSecrets(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		secret := rapid.StringMatching(`[A-Za-z0-9+/=]{8,20}`).Draw(rt, "secret")
		value := rapid.SampledFrom([]string{secret, "Bearer " + secret, "Basic " + secret}).Draw(rt, "value")
		status := rapid.SampledFrom([]int{400, 401, 500}).Draw(rt, "status")
		c := newCollector(noCleanup{t}, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, "no: %v %s", r.Header, r.Header.Get("Authorization"))
		})
		defer c.Close()
		var log bytes.Buffer
		env := map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=" + strings.NewReplacer(" ", "%20", "=", "%3D", "+", "%2B", "/", "%2F").Replace(value)}
		o := options(&log, env)
		o.Endpoint = c.URL
		traces, err := tracing.Start(o)
		if err != nil {
			rt.Fatal(err)
		}
		_, span := trace.Start(traces.With(t.Context()), "x")
		span.Set(slog.String("a", "it said "+value))
		span.End(nil)
		traces.Stop(t.Context())
		if strings.Contains(log.String(), secret) || !strings.Contains(log.String(), "traces cannot be sent") {
			rt.Errorf("%s", &log)
		}
	})
}

type noCleanup struct{ *testing.T }

func (noCleanup) Cleanup(func()) {}
