package elastic_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
)

// script answers each request with the next of its replies, the last one for ever.
type script struct {
	replies []reply
	calls   []time.Time
}

type reply func(*http.Request) (*http.Response, error)

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	next := s.replies[min(len(s.calls), len(s.replies)-1)]
	s.calls = append(s.calls, time.Now())
	return next(r)
}

func status(code int, body string) reply {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: code, Body: io.NopCloser(strings.NewReader(body)), Request: r,
			Header: http.Header{"X-Elastic-Product": {"Elasticsearch"}},
		}, nil
	}
}

func broken(err error) reply {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

const infoJSON = `{"cluster_name":"c","version":{"number":"8.19.7"}}`

func scripted(t *testing.T, cfg elastic.Config, replies ...reply) (*elastic.Client, *script) {
	t.Helper()
	s := &script{replies: replies}
	cfg.URLs = []string{"http://es:9200"}
	c, err := elastic.NewWithTransport(cfg, s)
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func TestRetries(t *testing.T) {
	busy := status(429, `{"error":{"type":"es_rejected_execution_exception","reason":"queue full"},"status":429}`)
	rows := []struct {
		name    string
		replies []reply
		calls   int
		kind    failure.Kind
		ok      bool
	}{
		{"busy, then well", []reply{busy, busy, status(200, infoJSON)}, 3, 0, true},
		{"unavailable, then well", []reply{status(503, `{}`), status(502, ``), status(504, ``), status(200, infoJSON)}, 4, 0, true},
		{"reset, then well", []reply{broken(io.ErrUnexpectedEOF), status(200, infoJSON)}, 2, 0, true},
		{"cut off, then well", []reply{status(200, `{"cluster_name":`), status(200, infoJSON)}, 2, 0, true},
		{"busy for ever", []reply{busy}, 5, failure.Unavailable, false},
		{"internal error", []reply{status(500, `{"error":{"type":"x","reason":"y"}}`)}, 1, failure.Unavailable, false},
		{"wrong", []reply{status(400, `{}`)}, 1, failure.Rejected, false},
		{"too long", []reply{status(413, ``)}, 1, failure.Rejected, false},
		{"forbidden", []reply{status(403, `{}`)}, 1, failure.Refused, false},
		{"redirect", []reply{status(302, ``)}, 1, failure.Refused, false},
		{"broken JSON for ever", []reply{status(200, `<html>`)}, 5, failure.Unavailable, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s := scripted(t, elastic.Config{}, row.replies...)
				_, err := c.Ping(t.Context())
				if len(s.calls) != row.calls || (err == nil) != row.ok || failure.KindOf(err) != row.kind {
					t.Fatalf("%d calls, error %v; want %d calls, kind %s", len(s.calls), err, row.calls, row.kind)
				}
				for i := 1; i < len(s.calls); i++ {
					most := 250 * time.Millisecond << (i - 1)
					if pause := s.calls[i].Sub(s.calls[i-1]); pause < most/2 || pause > most {
						t.Errorf("pause %d is %s, want between half of %[3]s and %[3]s", i, pause, most)
					}
				}
			})
		})
	}
}

func TestRetriesCanBeSwitchedOff(t *testing.T) {
	c, s := scripted(t, elastic.Config{MaxRetries: -1}, status(503, ``))
	if _, err := c.Ping(t.Context()); failure.KindOf(err) != failure.Unavailable || len(s.calls) != 1 {
		t.Errorf("%d calls, %v", len(s.calls), err)
	}
}

func TestErrorSaysWhatElasticsearchSays(t *testing.T) {
	rows := []struct {
		name, body string
		status     int
		want       failure.Error
	}{
		{
			"root cause", `{"error":{"root_cause":[{"type":"parsing_exception","reason":"unknown query [x]"}],
				"type":"search_phase_execution_exception","reason":"all shards failed"},"status":400}`, 400,
			failure.Error{Kind: failure.Rejected, Type: "parsing_exception", Reason: "unknown query [x]"},
		},
		{
			"cause behind", `{"error":{"root_cause":[{"type":"a","reason":"b"}],"type":"a","reason":"b",
				"caused_by":{"type":"c","reason":"d","caused_by":{"type":"e","reason":"f"}}}}`, 500,
			failure.Error{Kind: failure.Unavailable, Type: "a", Reason: "b: d: f"},
		},
		{
			"failed shards alone", `{"error":{"root_cause":[],"type":"search_phase_execution_exception","reason":"",
				"failed_shards":[{"shard":0,"index":"i","reason":{"type":"t","reason":"r"}}]}}`, 400,
			failure.Error{Kind: failure.Rejected, Type: "t", Reason: "r"},
		},
		{
			"cause alone", `{"error":{"root_cause":[],"type":"search_phase_execution_exception","reason":"",
				"caused_by":{"type":"u","reason":"Search rejected due to missing shards"}}}`, 500,
			failure.Error{Kind: failure.Unavailable, Type: "u", Reason: "Search rejected due to missing shards"},
		},
		{"bare string", `{"error":"alias [x] missing","status":404}`, 404, failure.Error{Kind: failure.Rejected, Reason: "alias [x] missing"}},
		{"page of a proxy", "<html>\n  <b>No</b></html>", 403, failure.Error{Kind: failure.Refused, Reason: "<html> <b>No</b></html>"}},
		{"nothing", "", 401, failure.Error{Kind: failure.Refused, Reason: "unauthorized"}},
		{
			"echoed secret", `{"error":{"type":"t","reason":"key ` + secret + ` is unknown"}}`, 401,
			failure.Error{Kind: failure.Refused, Type: "t", Reason: "key [redacted] is unknown"},
		},
		{"long", strings.Repeat("x", 5000), 400, failure.Error{Kind: failure.Rejected, Reason: strings.Repeat("x", 1000) + "…"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c, _ := scripted(t, elastic.Config{APIKey: secret}, status(row.status, row.body))
			_, err := c.Ping(t.Context())
			var got *failure.Error
			if !errors.As(err, &got) {
				t.Fatalf("%T: %v", err, err)
			}
			row.want.Op, row.want.Status = "ping http://es:9200", row.status
			if diff := cmp.Diff(row.want, *got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTransportErrorHoldsNoSecret(t *testing.T) {
	c, _ := scripted(t, elastic.Config{APIKey: secret, MaxRetries: -1}, broken(errors.New("proxy wants "+secret)))
	if _, err := c.Ping(t.Context()); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("error %v", err)
	}
}

func TestNoAnswer(t *testing.T) {
	slowBody := func(r *http.Request) (*http.Response, error) {
		reader, writer := io.Pipe()
		context.AfterFunc(r.Context(), func() { _ = writer.CloseWithError(r.Context().Err()) })
		res, err := status(200, "")(r)
		res.Body = reader
		return res, err
	}
	for name, r := range map[string]reply{"no header": hang, "no body": slowBody} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s := scripted(t, elastic.Config{RequestTimeout: 30 * time.Second}, r)
				began := time.Now()
				_, err := c.Ping(t.Context())
				if failure.KindOf(err) != failure.Unavailable || !strings.Contains(err.Error(), "no answer within 30s") {
					t.Errorf("error %v", err)
				}
				if took := time.Since(began); took != 30*time.Second || len(s.calls) != 1 {
					t.Errorf("%d calls in %s: a call that is slow must not be repeated", len(s.calls), took)
				}
			})
		})
	}
}

func TestCancelled(t *testing.T) {
	rows := map[string]reply{"waiting for an answer": hang, "waiting to try again": status(503, "")}
	for name, r := range rows {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := scripted(t, elastic.Config{}, r)
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(100*time.Millisecond, cancel)
				_, err := c.Ping(ctx)
				if !errors.Is(err, context.Canceled) || failure.KindOf(err) != failure.Internal {
					t.Errorf("error %v (%s)", err, failure.KindOf(err))
				}
			})
		})
	}
}

func TestNotElasticsearch(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, infoJSON) }))
	defer server.Close()
	_, err := newClient(t, elastic.Config{URLs: []string{server.URL}}).Ping(t.Context())
	if failure.KindOf(err) != failure.Refused || !strings.Contains(err.Error(), "not Elasticsearch") {
		t.Errorf("error %v", err)
	}
}

func TestUntrustedCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, infoJSON) }))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	defer server.Close()
	_, err := newClient(t, elastic.Config{URLs: []string{server.URL}}).Ping(t.Context())
	if failure.KindOf(err) != failure.Refused || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v", err)
	}
}

func TestOneNodeOfTwoIsDown(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		answer(w, 200, infoJSON)
	}))
	defer server.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	c := newClient(t, elastic.Config{URLs: []string{gone.URL, server.URL}})
	for range 4 {
		if _, err := c.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	}
	alone := newClient(t, elastic.Config{URLs: []string{gone.URL}, MaxRetries: -1})
	if _, err := alone.Ping(t.Context()); failure.KindOf(err) != failure.Unavailable {
		t.Errorf("error %v", err)
	}
}
