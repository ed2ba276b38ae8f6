package elastic

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/search"
)

// Request is one request of a set-up: it can be shown, sent by hand, or applied.
type Request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Body   any    `json:"body,omitempty"`
	// Why says for what it is, for people.
	Why string `json:"why,omitempty"`
}

// plainRequest is a [Request] with its encoded body.
type plainRequest struct {
	method, path string
	body         []byte
}

// Do implements [esapi.Request].
func (r plainRequest) Do(ctx context.Context, transport esapi.Transport) (*esapi.Response, error) {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	request, err := http.NewRequestWithContext(ctx, r.method, r.path, body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	if r.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := transport.Perform(request) //nolint:bodyclose // the caller of Do closes it
	if err != nil {
		return nil, err //nolint:wrapcheck // as the requests of esapi
	}
	return &esapi.Response{StatusCode: response.StatusCode, Body: response.Body, Header: response.Header}, nil
}

// op names the request in errors.
func (r Request) op() string { return r.Method + " " + r.Path }

// send sends a request and returns its answer.
func send[T any](ctx context.Context, c *Client, r Request) (T, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = search.JSON(r.Body, ""); err != nil {
			var none T
			return none, err //nolint:wrapcheck // it says what it was doing
		}
	}
	return call[T](ctx, c, r.op(), func() esapi.Request { return plainRequest{r.Method, r.Path, body} })
}

// Apply sends requests in their order until one fails. What exists already is not an error.
func (c *Client) Apply(ctx context.Context, requests ...Request) error {
	for _, r := range requests {
		_, err := send[struct{}](ctx, c, r)
		if err != nil && !hasType(err, "resource_already_exists_exception") {
			return err
		}
	}
	return nil
}
