package elastic_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/match/event"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// newClient returns a client that is closed with the test.
func newClient(t *testing.T, cfg elastic.Config) *elastic.Client {
	t.Helper()
	c, err := elastic.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return c
}

// newServer returns a client of a server that answers as Elasticsearch does, product header included.
func newServer(t *testing.T, handler http.HandlerFunc) *elastic.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.Header().Set("Content-Type", "application/json")
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return newClient(t, elastic.Config{URLs: []string{server.URL}, RequestTimeout: 10 * time.Second})
}

// answer writes a JSON answer.
func answer(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// read decodes a request's body.
func read(t *testing.T, r *http.Request) map[string]any {
	t.Helper()
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	return body
}

// ids returns a visit that collects the ids of events.
func ids(into *[]string) func([]event.Event) (bool, error) {
	return func(page []event.Event) (bool, error) {
		for _, e := range page {
			*into = append(*into, e.Index+"/"+e.ID)
		}
		return true, nil
	}
}
