package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// supervise takes the place of systemd for the services that are started from now on, and returns what awaits the next state.
func supervise(t *testing.T) (next func(want string)) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	states := make(chan string, 4)
	go func() {
		buffer := make([]byte, 1024)
		for {
			n, err := listener.Read(buffer)
			if err != nil {
				close(states)
				return
			}
			states <- string(buffer[:n])
		}
	}()
	t.Setenv(notifySocket, socket)
	return func(want string) {
		t.Helper()
		select {
		case got := <-states:
			if got != want {
				t.Errorf("systemd was told %q, want %q", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("systemd was not told %q", want)
		}
	}
}

// TestServeTellsSupervisor: systemd learns when the service runs and when it begins to stop.
func TestServeTellsSupervisor(t *testing.T) {
	next := supervise(t)
	s := startService(t, "--rules", writeFile(t, "shell.toml", serviceRule), "--events", writeFile(t, "events.ndjson", serviceEvents), "--store", t.TempDir())
	next("READY=1")
	s.stop(t)
	next("STOPPING=1")
	s.until(t, "stopped")
	s.ended(t)
}

// TestWaitingTellsSupervisor: systemd, which gives a start its time, learns that it takes more, and of what the service waits for.
func TestWaitingTellsSupervisor(t *testing.T) {
	next := supervise(t)
	s := startService(t, "--rules", writeFile(t, "shell.toml", serviceRule), "--elasticsearch", refusing(t), "--start-timeout", "1h")
	for range 2 {
		next("EXTEND_TIMEOUT_USEC=300000000\nSTATUS=waits for Elasticsearch")
	}
	s.stop(t)
	next("STOPPING=1")
	s.until(t, "stopped")
	s.ended(t)
}

// TestHealth asks a running service, as the health check of a container does.
func TestHealth(t *testing.T) {
	s := startService(t, "--rules", writeFile(t, "shell.toml", serviceRule), "--events", writeFile(t, "events.ndjson", serviceEvents), "--store", t.TempDir())
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"alive", []string{"--listen", "127.0.0.1:" + port}, exitDone, "ok"},
		{"ready", []string{"--listen", "127.0.0.1:" + port, "--ready"}, exitDone, "ready"},
		{"all addresses", []string{"--listen", "0.0.0.0:" + port}, exitDone, "ok"},
		{"no host", []string{"--listen", ":" + port}, exitDone, "ok"},
		{"nobody there", []string{"--listen", "127.0.0.1:1"}, exitFailed, "runner: the service does not answer: "},
		{"no address", []string{"--listen", "none"}, exitUsage, "runner: --listen none: the service has no address to ask"},
		{"no port", []string{"--listen", "127.0.0.1"}, exitUsage, "runner: --listen: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out, errs strings.Builder
			code := execute(t.Context(), append([]string{"health"}, test.args...), stdio{strings.NewReader(""), &out, &errs})
			if got := out.String() + errs.String(); code != test.code || !strings.HasPrefix(got, test.want) {
				t.Errorf("code %d, output %q, want %d and %q", code, got, test.code, test.want)
			}
		})
	}
	s.stop(t)
	s.until(t, "stopped")
	s.ended(t)
}

// TestHealthTLS: the name in the service's certificate is none of this machine's.
func TestHealthTLS(t *testing.T) {
	service := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	}))
	defer service.Close()
	address := strings.TrimPrefix(service.URL, "https://")
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--web-cert", "tls.crt"}, exitDone, "ok\n"},
		{[]string{"--web-cert", "tls.crt", "--ready"}, exitFailed, "runner: /readyz answers 404: "},
		{nil, exitFailed, "runner: /healthz answers 400: "},
	} {
		var out, errs strings.Builder
		code := execute(t.Context(), append([]string{"health", "--listen", address}, tt.args...), stdio{strings.NewReader(""), &out, &errs})
		if got := out.String() + errs.String(); code != tt.code || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%q: code %d, output %q, want %d and %q", tt.args, code, got, tt.code, tt.want)
		}
	}
}
