//go:build integration

package integration

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/tocsintest"
)

// A Node is an Elasticsearch as one test sees it.
type Node struct {
	URL string
	// Password is the superuser's ("elastic"), or empty where security is off.
	Password string
	// Prefix is this test's own. Everything whose name contains it is deleted when the test ends.
	Prefix string

	authorization string
}

// newNode returns the suite's node, without security.
func newNode(t *testing.T) *Node {
	t.Helper()
	return nodeAt(t, nodes.node)
}

// SecuredNode returns the suite's node with security on, as its superuser. The first test to ask
// waits for its start.
func SecuredNode(t *testing.T) *Node {
	t.Helper()
	given := os.Getenv("TOCSIN_ELASTICSEARCH_URL") != "" && os.Getenv("TOCSIN_SECURED_ELASTICSEARCH_URL") == ""
	if given && os.Getenv("CI") == "" {
		t.Skip("the node was given, but none with security: set TOCSIN_SECURED_ELASTICSEARCH_URL and _PASSWORD")
	}
	if given {
		t.Fatal("in CI a node with security must be given too: TOCSIN_SECURED_ELASTICSEARCH_URL and _PASSWORD")
	}
	at, err := nodes.openSecured()
	if err != nil {
		t.Fatalf("secured node: %v", err)
	}
	return nodeAt(t, at)
}

func nodeAt(t *testing.T, at *tocsintest.Node) *Node {
	t.Helper()
	n := &Node{URL: at.URL, Password: at.Password, Prefix: "t" + strings.ToLower(rand.Text()[:10])}
	if at.Password != "" {
		n = n.As(at.Username, at.Password)
	}
	t.Cleanup(func() { n.clear(t) })
	return n
}

// As returns the same node for another user, who may be nobody.
func (n *Node) As(user, password string) *Node {
	other := *n
	other.authorization = ""
	if user != "" {
		other.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	return &other
}

// WithAPIKey returns the same node for the holder of an API key, given in its encoded form.
func (n *Node) WithAPIKey(encoded string) *Node {
	other := *n
	other.authorization = "ApiKey " + encoded
	return &other
}

// Name returns a name of this test's own for an index, alias, template or data stream.
func (n *Node) Name(suffix string) string {
	return n.Prefix + "-" + suffix
}

// Do sends a request and returns the status and the body of the reply. A body may be nil, text that
// is sent as it is, or anything else to be sent as JSON.
func (n *Node) Do(t *testing.T, method, path string, body any) (int, JSON) {
	t.Helper()
	status, reply, err := n.send(t.Context(), method, path, "application/json", body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return status, reply
}

// Must is Do for a request that has to succeed.
func (n *Node) Must(t *testing.T, method, path string, body any) JSON {
	t.Helper()
	status, reply := n.Do(t, method, path, body)
	if status >= 300 {
		t.Fatalf("%s %s: status %d: %s", method, path, status, reply)
	}
	return reply
}

// Lines sends newline-delimited JSON, as _bulk and _msearch want it.
func (n *Node) Lines(t *testing.T, path, ndjson string) JSON {
	t.Helper()
	status, reply, err := n.send(t.Context(), http.MethodPost, path, "application/x-ndjson", ndjson)
	if err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
	if status != http.StatusOK {
		t.Fatalf("POST %s: status %d: %s", path, status, reply)
	}
	return reply
}

// Bulk writes documents, every one of which has to be taken, and makes them searchable.
func (n *Node) Bulk(t *testing.T, ndjson string) {
	t.Helper()
	reply := n.Lines(t, "/_bulk?refresh=true", ndjson)
	if reply.At("errors").Bool() {
		t.Fatalf("bulk: not every document was taken: %s", reply)
	}
}

// CreateIndex makes an index without replicas, as there is one node. The mapping may be nil.
func (n *Node) CreateIndex(t *testing.T, name string, mapping any) {
	t.Helper()
	body := map[string]any{"settings": map[string]any{"number_of_replicas": 0}}
	if mapping != nil {
		body["mappings"] = mapping
	}
	n.Must(t, http.MethodPut, "/"+name, body)
}

// Refresh makes what was written to the indices of a pattern searchable.
func (n *Node) Refresh(t *testing.T, pattern string) {
	t.Helper()
	n.Must(t, http.MethodPost, "/"+pattern+"/_refresh", nil)
}

// clear deletes what the test has made. The test's context has ended by then.
func (n *Node) clear(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	_, all, err := n.send(ctx, http.MethodGet, "/_resolve/index/*"+n.Prefix+"*?expand_wildcards=all", "", nil)
	if err != nil {
		t.Logf("clear up: %v", err)
		return
	}
	for _, stream := range all.At("data_streams").List() {
		n.delete(ctx, t, "/_data_stream/"+stream.At("name").String())
	}
	for _, index := range all.At("indices").List() {
		if index.At("data_stream").Missing() {
			n.delete(ctx, t, "/"+index.At("name").String())
		}
	}
	n.delete(ctx, t, "/_index_template/*"+n.Prefix+"*")
	n.delete(ctx, t, "/_component_template/*"+n.Prefix+"*")
}

func (n *Node) delete(ctx context.Context, t *testing.T, path string) {
	t.Helper()
	status, reply, err := n.send(ctx, http.MethodDelete, path, "", nil)
	if err != nil || status != http.StatusOK && status != http.StatusNotFound {
		t.Logf("clear up %s: status %d, error %v: %s", path, status, err, reply)
	}
}

var client = &http.Client{Timeout: time.Minute}

func (n *Node) send(ctx context.Context, method, path, contentType string, body any) (int, JSON, error) {
	content, err := encode(body)
	if err != nil {
		return 0, JSON{}, err
	}
	request, err := http.NewRequestWithContext(ctx, method, n.URL+path, bytes.NewReader(content))
	if err != nil {
		return 0, JSON{}, err
	}
	if content != nil {
		request.Header.Set("Content-Type", contentType)
	}
	if n.authorization != "" {
		request.Header.Set("Authorization", n.authorization)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, JSON{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, JSON{}, err
	}
	reply, err := decode(text)
	return response.StatusCode, reply, err
}

func encode(body any) ([]byte, error) {
	switch body := body.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(body), nil
	case []byte:
		return body, nil
	default:
		return json.Marshal(body)
	}
}

// JSON is a value of a reply. Asking it for what it does not have gives the zero value, as a test
// then shows what it got beside what it wanted.
type JSON struct {
	value any
}

func decode(text []byte) (JSON, error) {
	if len(text) == 0 {
		return JSON{}, nil
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // sort values of a search have more digits than a float64
	if err := decoder.Decode(&value); err != nil {
		return JSON{}, fmt.Errorf("reply %q: %w", text, err)
	}
	return JSON{value}, nil
}

// At goes down by field names (string) and positions (int).
func (j JSON) At(path ...any) JSON {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := j.value.(map[string]any)
			j = JSON{object[step]}
		case int:
			list, _ := j.value.([]any)
			if step >= len(list) {
				return JSON{}
			}
			j = JSON{list[step]}
		default:
			panic(fmt.Sprintf("neither a name nor a position: %v", step))
		}
	}
	return j
}

// Any returns the plain value; numbers are json.Number.
func (j JSON) Any() any { return j.value }

// Missing reports whether there is no such value, or null.
func (j JSON) Missing() bool { return j.value == nil }

// Bool returns whether the value is true.
func (j JSON) Bool() bool { return j.value == true }

// Int returns the number, or 0.
func (j JSON) Int() int64 {
	number, _ := j.value.(json.Number)
	n, _ := number.Int64()
	return n
}

// String returns the text, or any other value as JSON.
func (j JSON) String() string {
	if text, ok := j.value.(string); ok {
		return text
	}
	text, _ := json.Marshal(j.value)
	return string(text)
}

// List returns the elements of an array.
func (j JSON) List() []JSON {
	list, _ := j.value.([]any)
	values := make([]JSON, len(list))
	for i, value := range list {
		values[i] = JSON{value}
	}
	return values
}

// Keys returns the field names of an object, sorted.
func (j JSON) Keys() []string {
	object, _ := j.value.(map[string]any)
	return slices.Sorted(maps.Keys(object))
}

// Strings returns the elements of an array as text.
func (j JSON) Strings() []string {
	var texts []string
	for _, value := range j.List() {
		texts = append(texts, value.String())
	}
	return texts
}
