package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// refusing is a server that knows nobody.
func refusing(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":{"type":"security_exception","reason":"unable to authenticate user [u]"},"status":401}`))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestWaits: a service that may wait for its start says what for, wherever a running one says what is wrong, and can be stopped.
func TestWaits(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var told []string
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Notice struct {
				Key, Text string
			}
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		mu.Lock()
		defer mu.Unlock()
		if told = append(told, body.Notice.Key+" "+body.Notice.Text); len(told) == 1 {
			w.WriteHeader(http.StatusInternalServerError) // it is told again, with the same key
		}
	}))
	t.Cleanup(hook.Close)
	routes := writeFile(t, "routes.toml", "[[route]]\nname = \"hook\"\ntype = \"webhook\"\nkinds = [\"state\", \"recovery\"]\nurl = \""+hook.URL+"\"\n")
	s := startService(t, "--elasticsearch", refusing(t), "--rules", writeFile(t, "rule.toml", serviceRule), "--notify", routes, "--start-timeout", "1h")
	if status, text := s.get(t, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d %s", status, text)
	}
	if status, text := s.get(t, "/rules"); status != http.StatusServiceUnavailable || !strings.Contains(text, "/readyz") {
		t.Errorf("/rules: %d %s", status, text)
	}
	if status, text := s.get(t, "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(text, "unable to authenticate user") {
		t.Errorf("/readyz: %d %s", status, text)
	}
	s.until(t, "state")
	time.Sleep(time.Second) // the line is written before it is counted
	if _, text := s.get(t, "/readyz"); !strings.Contains(text, "\nnot-started ") {
		t.Errorf("/readyz: %s", text)
	}
	if _, text := s.get(t, "/metrics"); !strings.Contains(text, `tocsin_states{kind="not-started",severity="critical"} 1`) || !strings.Contains(text, "tocsin_runner_info{") {
		t.Errorf("/metrics: %s", text)
	}
	time.Sleep(2 * retryEvery)
	s.stop(t)
	s.ended(t)
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 2 || told[0] != told[1] || !strings.Contains(told[0], "/1/raised/") || !strings.Contains(told[0], "unable to authenticate user") {
		t.Errorf("told %q", told)
	}
}

// TestWaitsForSomeTime: after that, the service ends as one does that does not wait; a usage error is none to wait for.
func TestWaitsForSomeTime(t *testing.T) {
	t.Parallel()
	rule := writeFile(t, "rule.toml", serviceRule)
	taken := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(taken.Close)
	for _, test := range []struct {
		name  string
		args  []string
		code  int
		lines []string
	}{
		{"not at all", nil, exitRefused, []string{"elasticsearch refused"}},
		{"for a second", []string{"--start-timeout", "1s"}, exitRefused, []string{"cannot start, and waits", "elasticsearch refused"}},
		{"without an address", []string{"--start-timeout", "1s", "--listen", "none"}, exitRefused, []string{"cannot start, and waits", "elasticsearch refused"}},
		{"at an address that is taken", []string{"--start-timeout", "1h", "--listen", strings.TrimPrefix(taken.URL, "http://")}, exitUsage, []string{"choose another address"}},
		{"with broken routes", []string{"--start-timeout", "1h", "--notify", writeFile(t, "routes.toml", "[[route]]\ntype = 1\n")}, exitUsage, []string{"cannot be used"}},
		{"for a negative time", []string{"--start-timeout", "-1s"}, exitUsage, []string{"must not be negative"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			args := slices.Concat([]string{"run", "--listen", "127.0.0.1:0", "--elasticsearch", refusing(t), "--rules", rule}, test.args)
			out, err := exec.CommandContext(t.Context(), "runner", args...).CombinedOutput()
			ended, exited := err.(*exec.ExitError) //nolint:errorlint // it is that of Run
			if !exited || ended.ExitCode() != test.code {
				t.Errorf("ended with %v, want %d\n%s", err, test.code, out)
			}
			for _, line := range test.lines {
				if !strings.Contains(string(out), line) {
					t.Errorf("%q is not said:\n%s", line, out)
				}
			}
			if test.code == exitRefused && strings.Count(string(out), "\nrunner: ")+strings.Count("\n"+string(out)[:8], "\nrunner: ") != 1 {
				t.Errorf("not one line in the end:\n%s", out)
			}
		})
	}
}
