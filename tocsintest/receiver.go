package tocsintest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// keyHeader has the key by which a receiver recognizes a notification that comes again.
const keyHeader = "Idempotency-Key"

// A Notification is a request that a receiver got.
type Notification struct {
	Path   string
	Header http.Header
	Body   []byte
	// Key is the same whenever the same notification is sent.
	Key string
	// Status is what the receiver answered.
	Status int
}

// Value returns a value of the body, which is JSON, by its path with dots; nil without one.
func (n Notification) Value(path string) any {
	var body map[string]any
	if err := json.Unmarshal(n.Body, &body); err != nil {
		return nil
	}
	return valueOf(body, path)
}

// A Receiver is a server that records the notifications which it is sent, as of a webhook: [Suite.Notify] names it, or a route of your own its URL.
type Receiver struct {
	URL string

	t     testing.TB
	mu    sync.Mutex
	got   []Notification
	fails int
	fail  int
	came  chan struct{}
}

// NewReceiver starts a receiver, which ends with the test. It answers 200.
func NewReceiver(tb testing.TB) *Receiver {
	tb.Helper()
	r := &Receiver{t: tb, came: make(chan struct{}, 1)}
	server := httptest.NewServer(r)
	tb.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// FailNext has the next n requests answered with a status such as 503.
func (r *Receiver) FailNext(n, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fails, r.fail = n, status
}

// ServeHTTP records a request.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	status := http.StatusOK
	r.mu.Lock()
	if r.fails > 0 {
		r.fails--
		status = r.fail
	}
	r.got = append(r.got, Notification{request.URL.Path, request.Header.Clone(), body, request.Header.Get(keyHeader), status})
	r.mu.Unlock()
	w.WriteHeader(status)
	select {
	case r.came <- struct{}{}:
	default:
	}
}

// All returns every request, in order.
func (r *Receiver) All() []Notification {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// Delivered returns the requests that were answered with success, once for each key: what a receiver that honours keys has.
func (r *Receiver) Delivered() []Notification {
	var all []Notification
	seen := map[string]bool{}
	for _, n := range r.All() {
		if n.Status >= http.StatusMultipleChoices || n.Key != "" && seen[n.Key] {
			continue
		}
		seen[n.Key] = true
		all = append(all, n)
	}
	return all
}

// WantDelivered waits until n notifications were delivered, at most for the patience, and requires that there are no more. It returns them.
func (r *Receiver) WantDelivered(n int, patience time.Duration) []Notification {
	r.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for len(r.Delivered()) < n {
		select {
		case <-r.came:
			continue
		case <-late.C:
		}
		break
	}
	all := r.Delivered()
	if len(all) != n {
		var bodies []string
		for _, one := range all {
			bodies = append(bodies, string(one.Body))
		}
		r.t.Errorf("%d notifications were delivered, want %d:\n%s", len(all), n, strings.Join(bodies, "\n"))
	}
	return all
}

// anyAge is longer than any test looks back: notifications of older slots come as one digest a rule.
const anyAge = "876000h"

// Notify has the suite's rules notify a receiver from here on: of each alert, and of each change of a state.
func (s *Suite) Notify(r *Receiver) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "routes.toml")
	route := fmt.Sprintf("[[route]]\nname = \"tocsintest\"\ntype = \"webhook\"\nurl = %q\nretry_min = \"10ms\"\nretry_max = \"1s\"\n", r.URL)
	if err := os.WriteFile(file, []byte(route), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.notify = []string{"--notify", file, "--notify-max-age", anyAge}
}
