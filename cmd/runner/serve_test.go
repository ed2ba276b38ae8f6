package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// serviceRule alerts on the events of [serviceEvents]; its slots are a second apart.
const serviceRule = `[rule]
rule_id = "11111111-aaaa-4aaa-8aaa-000000000001"
name = "Shell from a web server"
description = "A web server starts a shell."
type = "eql"
index = ["logs-*"]
severity = "high"
risk_score = 73
interval = "1s"
from = "now-100y"
query = 'process where process.parent.name == "nginx" and process.name == "sh"'
`

const serviceEvents = `{"_index":"logs-web","_id":"hit","_source":{"@timestamp":"2026-01-15T14:01:00Z","event":{"category":["process"]},"process":{"name":"sh","parent":{"name":"nginx"}}}}
`

// served is a runner of its own process.
type served struct {
	*exec.Cmd
	lines   *bufio.Scanner
	address string
}

// logLine is what tests read of a log line.
type logLine struct {
	Level       string `json:"level"`
	Message     string `json:"msg"`
	Address     string `json:"address"`
	RuleID      string `json:"rule_id"`
	ExecutionID string `json:"execution_id"`
	Created     int    `json:"created"`
}

// startService starts the service with further arguments and waits until it listens.
func startService(t *testing.T, args ...string) *served {
	t.Helper()
	args = append([]string{"run", "--log-format", "json", "--listen", "127.0.0.1:0"}, args...)
	s := &served{Cmd: exec.CommandContext(t.Context(), "runner", args...)}
	out, err := s.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.lines = bufio.NewScanner(out)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Process.Kill() })
	s.address = "http://" + s.until(t, "listening").Address
	return s
}

// until reads the log up to a message.
func (s *served) until(t *testing.T, message string) logLine {
	t.Helper()
	var seen []string
	for s.lines.Scan() {
		var line logLine
		if err := json.Unmarshal(s.lines.Bytes(), &line); err != nil {
			t.Fatalf("log line %s: %v", s.lines.Text(), err)
		}
		if line.Message == message {
			return line
		}
		seen = append(seen, s.lines.Text())
	}
	t.Fatalf("the log ends without %q:\n%s", message, strings.Join(seen, "\n"))
	return logLine{}
}

// get asks the service.
func (s *served) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	return s.ask(t, http.MethodGet, path)
}

func (s *served) ask(t *testing.T, method, path string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.address+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

// stop tells the service to stop.
func (s *served) stop(t *testing.T) {
	t.Helper()
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// ended waits for the end of the service, which must be an orderly one.
func (s *served) ended(t *testing.T) {
	t.Helper()
	for s.lines.Scan() { // until the pipe is closed
	}
	if err := s.Wait(); err != nil {
		t.Errorf("the service ended with %v", err)
	}
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestService(t *testing.T) {
	t.Parallel()
	rule, events := writeFile(t, "shell.toml", serviceRule), writeFile(t, "events.ndjson", serviceEvents)
	asleep := writeFile(t, "asleep.toml", strings.Replace(serviceRule, "0001\"", "0002\"\nenabled = false", 1))
	s := startService(t, "--rules", rule, asleep, "--events", events, "--store", t.TempDir())
	line := s.until(t, "executed")
	if line.RuleID == "" || line.ExecutionID == "" || line.Created != 1 {
		t.Errorf("log line %+v", line)
	}
	for _, tt := range []struct {
		path   string
		status int
		want   []string
	}{
		{"/healthz", http.StatusOK, []string{"ok"}},
		{"/readyz", http.StatusOK, []string{"ready"}},
		{"/nosuch", http.StatusNotFound, nil},
		{"/metrics", http.StatusOK, []string{
			`tocsin_rules{status="valid"} 1`, `tocsin_rules{status="disabled"} 1`, `tocsin_rules{status="unsupported"} 0`,
			`tocsin_alerts_total{outcome="created",rule_id="11111111-aaaa-4aaa-8aaa-000000000001"} 1`,
		}},
	} {
		status, body := s.get(t, tt.path)
		if status != tt.status {
			t.Errorf("%s: status %d, want %d", tt.path, status, tt.status)
		}
		for _, want := range tt.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s:\n%s", tt.path, want, body)
			}
		}
	}
	s.stop(t)
	s.until(t, "stopped")
	s.ended(t)
}

// slowCluster is a fake server whose searches for events wait; asked says when the first has come.
func slowCluster(t *testing.T) (address string, asked <-chan struct{}, release func()) {
	t.Helper()
	came, released := make(chan struct{}, 100), make(chan struct{})
	f, err := newFakeServer(strings.NewReader(""), func(r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if r.Body = io.NopCloser(bytes.NewReader(body)); err != nil || !strings.Contains(r.URL.Path, "/_search") || !bytes.Contains(body, []byte(`"@timestamp"`)) || bytes.Contains(body, []byte(`kibana.alert`)) {
			return // it does not look for events
		}
		came <- struct{}{}
		select {
		case <-released:
		case <-r.Context().Done():
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f.URL, came, func() { close(released) }
}

// What runs when the service is told to stop may finish; meanwhile it is alive and not ready.
func TestServiceFinishes(t *testing.T) {
	t.Parallel()
	address, asked, release := slowCluster(t)
	s := startService(t, "--rules", writeFile(t, "shell.toml", serviceRule), "--elasticsearch", address, "--no-silence", "--log-level", "debug")
	<-asked
	s.stop(t)
	s.until(t, "stopping")
	if status, body := s.get(t, "/readyz"); status != http.StatusServiceUnavailable || body != "not ready: the service is stopping\n" {
		t.Errorf("/readyz: status %d, %s", status, body)
	}
	if status, _ := s.get(t, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: status %d", status)
	}
	release()
	if line := s.until(t, "executed"); line.Level != "DEBUG" {
		t.Errorf("the execution was not finished: %+v", line)
	}
	s.until(t, "stopped")
	s.ended(t)
}

// What does not finish in time is cut off, and the end is an orderly one all the same.
func TestServiceCutsOff(t *testing.T) {
	t.Parallel()
	address, asked, release := slowCluster(t)
	defer release()
	s := startService(t, "--rules", writeFile(t, "shell.toml", serviceRule), "--elasticsearch", address, "--no-silence", "--grace", "50ms")
	<-asked
	s.stop(t)
	s.until(t, "rules were cut off at the end of the grace period")
	s.until(t, "stopped")
	s.ended(t)
}

// command runs the runner to its end.
func command(t *testing.T, args ...string) (code int, stderr string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "runner", args...).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, string(out)
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	address := l.Addr().String()
	code, out := command(t, "run", "--listen", address, "--events", writeFile(t, "events.ndjson", serviceEvents))
	want := "runner: listen on " + address + ": address already in use (choose another address with --listen)\n"
	if code != exitUsage || !strings.HasSuffix(out, want) {
		t.Errorf("exit code %d, output %s, want %s at its end", code, out, want)
	}

	// Nor has a runner that cannot start taken rules from others: it has not said that it is there.
	var leases atomic.Int64
	cluster, err := newFakeServer(strings.NewReader(""), func(r *http.Request) {
		if r.Method != http.MethodGet && strings.HasPrefix(r.URL.Path, "/tocsin-leases-default/") {
			leases.Add(1)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	code, out = command(t, "run", "--listen", address, "--rules", writeFile(t, "shell.toml", serviceRule), "--elasticsearch", cluster.URL)
	if n := leases.Load(); code != exitUsage || !strings.HasSuffix(out, want) || n > 0 {
		t.Errorf("exit code %d, output %s, want %s; %d writes of leases", code, out, want, n)
	}
}

// A round that is interrupted accounts for every rule: none is said to have covered its window.
func TestInterruptedRound(t *testing.T) {
	t.Parallel()
	address, asked, release := slowCluster(t)
	defer release()
	second := writeFile(t, "second.toml", strings.Replace(serviceRule, "0001\"", "0002\"", 1))
	c := exec.CommandContext(t.Context(), "runner", "run", "--once", "--concurrency", "1", "--grace", "50ms", "--format", "ndjson",
		"--rules", writeFile(t, "shell.toml", serviceRule), second, "--elasticsearch", address)
	var out, complaint strings.Builder
	c.Stdout, c.Stderr = &out, &complaint
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if code := c.ProcessState.ExitCode(); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	if strings.Count(out.String(), `"status":"failed"`) != 2 || !strings.Contains(complaint.String(), "run was cut off") {
		t.Errorf("output %s\n%s", out.String(), complaint.String())
	}
}

// A reader that goes away, as head does, ends the command without a word.
func TestBrokenPipe(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "runner", "demo", "--format", "ndjson")
	var complaint strings.Builder
	c.Stdout, c.Stderr = w, &complaint
	if err := c.Run(); err == nil {
		t.Error("the command says that all is well")
	}
	if complaint.Len() > 0 || ctx.Err() != nil {
		t.Errorf("complaint %q, %v", complaint.String(), ctx.Err())
	}
}
