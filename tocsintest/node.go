package tocsintest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// A Node is a node of Elasticsearch.
type Node struct {
	URL string
	// Username and Password, or APIKey (encoded), are empty where the node does not ask for them.
	Username, Password string
	APIKey             string

	terminate func()
}

// SharedNode returns the node of the process with [Main], else one of this test: the node at TOCSIN_ELASTICSEARCH_URL, or a container.
func SharedNode(tb testing.TB) *Node {
	tb.Helper()
	open, _ := shared.ofProcess()
	if open == nil {
		open = func() (*Node, error) {
			n, err := openNode(tb.Context())
			if err == nil {
				tb.Cleanup(n.Close)
			}
			return n, err
		}
	}
	n, err := open()
	if err != nil {
		tb.Fatalf("no Elasticsearch for the test: %v", err)
	}
	return n
}

// openNode takes the node that the environment names, else starts one.
func openNode(ctx context.Context) (*Node, error) {
	url := os.Getenv("TOCSIN_ELASTICSEARCH_URL")
	if url == "" {
		return StartNode(ctx, NodeOptions{})
	}
	n := &Node{URL: strings.TrimSuffix(url, "/"), Username: os.Getenv("TOCSIN_USERNAME"), Password: os.Getenv("TOCSIN_PASSWORD"), APIKey: os.Getenv("TOCSIN_API_KEY")}
	if err := n.Check(ctx); err != nil {
		return nil, err
	}
	return n, nil
}

// Close ends the container of a node that was started, and does nothing to another.
func (n *Node) Close() {
	if n.terminate != nil {
		n.terminate()
	}
}

// Check returns an error unless the node answers as Elasticsearch.
func (n *Node) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	response, err := n.do(ctx, http.MethodGet, "/", "", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Header.Get("X-Elastic-Product") != "Elasticsearch" {
		return fmt.Errorf("%s answers %s and is no Elasticsearch to us", response.Request.URL.Redacted(), response.Status)
	}
	return nil
}

var client = &http.Client{Timeout: time.Minute}

func (n *Node) do(ctx context.Context, method, path, contentType string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, n.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if body != nil {
		request.Header.Set("Content-Type", cmp.Or(contentType, "application/json"))
	}
	switch {
	case n.APIKey != "":
		request.Header.Set("Authorization", "ApiKey "+n.APIKey)
	case n.Password != "":
		request.SetBasicAuth(n.Username, n.Password)
	}
	return client.Do(request) //nolint:wrapcheck // it names the request
}

// answer is what of replies is read here.
type answer struct {
	Error   any  `json:"error"`
	Errors  bool `json:"errors"`
	Indices []struct {
		Name       string `json:"name"`
		DataStream string `json:"data_stream"`
	} `json:"indices"`
	DataStreams []struct {
		Name string `json:"name"`
	} `json:"data_streams"`
	Items []map[string]struct {
		ID    string `json:"_id"`
		Error any    `json:"error"`
	} `json:"items"`
}

// errAbsent is the error for what the node does not have.
var errAbsent = errors.New("it is not there")

// ask sends a request that has to succeed.
func (n *Node) ask(ctx context.Context, method, path, contentType string, body []byte) (answer, error) {
	var a answer
	response, err := n.do(ctx, method, path, contentType, body)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return a, fmt.Errorf("%s %s: %w", method, path, err)
	}
	switch {
	case response.StatusCode == http.StatusNotFound:
		return a, fmt.Errorf("%s %s: %w: %s", method, path, errAbsent, text)
	case response.StatusCode >= http.StatusMultipleChoices:
		return a, fmt.Errorf("%s %s: %s: %s", method, path, response.Status, text)
	}
	if err := json.Unmarshal(text, &a); err != nil && len(text) > 0 {
		return a, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return a, nil
}
