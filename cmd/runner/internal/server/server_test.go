package server_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"tocsin/cmd/runner/internal/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })

// start serves until the test ends, and returns the way to end it before.
func start(t *testing.T, handler http.Handler, ready func(context.Context) error) (address string, stop func() error) {
	t.Helper()
	s, err := server.Listen(t.Context(), "127.0.0.1:0", server.Answers{Metrics: handler, Ready: ready})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	stopped := false
	stop = func() error {
		cancel()
		stopped = true
		return <-done
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if !stopped {
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
	})
	return "http://" + s.Address(), stop
}

func ask(t *testing.T, method, address string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestAnswers(t *testing.T) {
	var trouble error
	address, _ := start(t, metrics, func(context.Context) error { return trouble })
	tests := []struct {
		name, method, path string
		trouble            error
		status             int
		want               string
	}{
		{"alive", http.MethodGet, "/healthz", nil, http.StatusOK, "ok\n"},
		{"alive though not ready", http.MethodGet, "/healthz", errors.New("gone"), http.StatusOK, "ok\n"},
		{"ready", http.MethodGet, "/readyz", nil, http.StatusOK, "ready\n"},
		{"not ready", http.MethodGet, "/readyz", errors.New("gone"), http.StatusServiceUnavailable, "not ready: gone\n"},
		{"not ready for many reasons", http.MethodGet, "/readyz", errors.Join(errors.New("a"), errors.New("b")), http.StatusServiceUnavailable, "not ready: a b\n"},
		{"metrics", http.MethodGet, "/metrics", nil, http.StatusOK, "up 1\n"},
		{"another path", http.MethodGet, "/", nil, http.StatusNotFound, "404 page not found\n"},
		{"another method", http.MethodPost, "/healthz", nil, http.StatusMethodNotAllowed, "Method Not Allowed\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			trouble = tt.trouble
			status, body := ask(t, tt.method, address+tt.path)
			if status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
			if diff := cmp.Diff(tt.want, body); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAddressInUse(t *testing.T) {
	address, _ := start(t, metrics, nil)
	address = strings.TrimPrefix(address, "http://")
	_, err := server.Listen(t.Context(), address, server.Answers{Metrics: metrics})
	if err == nil || err.Error() != "listen on "+address+": address already in use" {
		t.Error(err)
	}
}

func TestBadAddress(t *testing.T) {
	_, err := server.Listen(t.Context(), "nowhere", server.Answers{Metrics: metrics})
	if err == nil || !strings.HasPrefix(err.Error(), "listen on nowhere: ") || strings.Count(err.Error(), "listen") > 1 {
		t.Error(err)
	}
}

// A request in flight is answered when the server is stopped; later ones are not.
func TestStop(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-release
		_, _ = io.WriteString(w, "late")
	})
	address, stop := start(t, slow, nil)
	stopped, answered := make(chan error, 1), make(chan string, 1)
	go func() {
		_, body := ask(t, http.MethodGet, address+"/metrics")
		answered <- body
	}()
	<-asked
	go func() { stopped <- stop() }()
	close(release)
	if body := <-answered; body != "late" {
		t.Errorf("answer %q", body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/healthz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := http.DefaultClient.Do(request); err == nil {
		_ = response.Body.Close()
		t.Error("the server still answers")
	}
}

// A check that hangs is cut off.
func TestReadyEnds(t *testing.T) {
	address, _ := start(t, metrics, func(ctx context.Context) error {
		if _, bounded := ctx.Deadline(); !bounded {
			return errors.New("the check has no limit")
		}
		return nil
	})
	if status, body := ask(t, http.MethodGet, address+"/readyz"); status != http.StatusOK {
		t.Error(body)
	}
}
