package elastic

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/diag/trace"
)

const (
	dialTimeout  = 10 * time.Second
	idlePerHost  = 16
	firstBackoff = 250 * time.Millisecond
	maxBackoff   = 10 * time.Second
	// maxDrain is how many bytes of an unused answer are read so that its connection can be reused.
	maxDrain = 256 << 10
)

func plainTransport() *http.Transport {
	return &http.Transport{
		Proxy:             http.ProxyFromEnvironment,
		DialContext:       (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2: true,
		// Compression costs the node more time than reading the events; see docs/performance.md.
		DisableCompression:  true,
		MaxIdleConnsPerHost: idlePerHost,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: dialTimeout,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
	}
}

// authenticator is the only place that adds credentials to a request.
type authenticator struct {
	next        http.RoundTripper
	credentials *credentialsKeeper
}

// addressHeader is a header of answers, with the address that gave them.
const addressHeader = "X-Tocsin-Address"

// AddressError is an error of a request to one address.
type AddressError struct {
	Address string
	Err     error
}

// Error implements error.
func (e *AddressError) Error() string { return e.Address + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *AddressError) Unwrap() error { return e.Err }

// RoundTrip sends the request with credentials. It also corrects the escaped path: the transport adds the
// address's own path to the unescaped form only, which would split a date-math index name such as
// <logs-{now/d}> at its slash.
func (a *authenticator) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := a.credentials.now()
	if sent.header != "" {
		r.Header.Set("Authorization", sent.header)
	}
	if raw := r.URL.RawPath; raw != "" {
		if plain, err := url.PathUnescape(raw); err == nil && strings.HasSuffix(r.URL.Path, plain) {
			prefix := &url.URL{Path: strings.TrimSuffix(r.URL.Path, plain)}
			r.URL.RawPath = prefix.EscapedPath() + raw
		}
	}
	address := r.URL.Scheme + "://" + r.URL.Host
	response, err := a.next.RoundTrip(r)
	if err != nil {
		return nil, &AddressError{address, err}
	}
	if response.Header == nil {
		response.Header = http.Header{}
	}
	response.Header.Set(addressHeader, address)
	if response.StatusCode == http.StatusUnauthorized {
		a.credentials.renew(sent)
	}
	return response, nil
}

// call performs a request and decodes its answer. After a transient failure it tries again, with a growing,
// jittered pause; requests must be safe to repeat, if necessary through ids. The request is built again for
// each attempt.
func call[T any](ctx context.Context, c *Client, op string, request func() esapi.Request) (T, error) {
	return callUnless[T](ctx, c, op, func(error) bool { return false }, request)
}

// callUnless is a call without a retry of errors that the caller handles in another way.
func callUnless[T any](ctx context.Context, c *Client, op string, better func(error) bool, request func() esapi.Request) (T, error) {
	for retry := 0; ; retry++ {
		out, err := try[T](ctx, c, op, request())
		if err == nil || retry >= c.maxRetries || !transient(err) || better(err) {
			return out, err
		}
		pause := backoff(retry)
		c.log.DebugContext(ctx, "elasticsearch call failed and is tried again",
			"op", op, "retry", retry+1, "pause", pause, "error", err)
		if wait(ctx, pause) != nil {
			return out, stopped(ctx, op)
		}
	}
}

// try performs one request under its own deadline, which includes reading the answer. A search waits for its
// place first, before the deadline starts.
func try[T any](ctx context.Context, c *Client, op string, request esapi.Request) (out T, err error) {
	search, searches := request.(searching)
	if searches {
		leave, stop := c.limit.enter(ctx, &c.limit.searches)
		if stop != nil {
			return out, stopped(ctx, op)
		}
		defer func() { leave(err) }()
	}
	ctx, span := trace.Start(ctx, "elasticsearch")
	if span.On() {
		span.Set(trace.String("db.system.name", "elasticsearch"), trace.String("db.operation.name", op))
	}
	defer func() { span.End(err) }()
	timed, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	response, err := request.Do(timed, c.transport)
	if err != nil {
		return out, c.lost(ctx, timed, op, err)
	}
	defer discard(response.Body)
	if response.StatusCode > 299 {
		return out, denied(request, c.refused(ctx, timed, op, response))
	}
	if response.Header.Get("X-Elastic-Product") != "Elasticsearch" {
		return out, &failure.Error{
			Kind: failure.Refused, Op: op, Status: response.StatusCode,
			Reason: "the server is not Elasticsearch: its answer lacks the product header",
		}
	}
	if err := decodeBody(response, &out, search.bytes); err != nil {
		var none T
		return none, c.lost(ctx, timed, op, fmt.Errorf("decode the answer: %w", err))
	}
	if err := complete(&out); err != nil {
		var none T
		return none, c.lost(ctx, timed, op, err)
	}
	if reader, ok := any(&out).(headerReader); ok {
		reader.readHeader(response.Header)
	}
	return out, nil
}

// headerReader is an answer that is partly in the header.
type headerReader interface{ readHeader(h http.Header) }

// discard reads the rest of an answer, so that its connection can be reused.
func discard(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, maxDrain)
	_ = body.Close()
}

// transient reports whether an immediate retry may succeed. It does not after our own timeout: the cluster is
// still busy with the call.
func transient(err error) bool {
	var e *failure.Error
	if !errors.As(err, &e) || e.Kind != failure.Unavailable || errors.Is(err, errNoAnswer) {
		return false
	}
	switch e.Status {
	case 0, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// backoff returns the pause before a retry. It doubles with each retry and is reduced by up to a half at
// random, so that runners that failed together do not retry together.
func backoff(retry int) time.Duration {
	full := min(firstBackoff<<min(retry, 16), maxBackoff)
	return full/2 + rand.N(full/2) //nolint:gosec // any pause will do
}

// wait returns nil after d, or the context's error if the context ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
