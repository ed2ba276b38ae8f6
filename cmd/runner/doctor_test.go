package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/scheduler/settle"
)

// TestDoctorService: a running service is asked whether it is ready.
func TestDoctorService(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		text   string
		want   finding
	}{
		"ready":     {http.StatusOK, "ready\n", finding{Status: statusOK, Text: "ready"}},
		"with note": {http.StatusOK, "ready; 1 rule has errors\n", finding{Status: statusOK, Text: "ready; 1 rule has errors"}},
		"not ready": {http.StatusServiceUnavailable, "not ready: the index is read-only\n", finding{Status: statusFail, Text: "not ready: the index is read-only"}},
		"another":   {http.StatusNotFound, "404 page not found", finding{Status: statusWarn, Text: "what answers is not this service: 404 Not Found"}},
	} {
		for _, encrypted := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", encrypted ", encrypted), func(t *testing.T) {
				server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path != "/readyz" {
						t.Errorf("asked for %s", r.URL.Path)
					}
					w.WriteHeader(tt.status)
					_, _ = io.WriteString(w, tt.text)
				}))
				server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
				at := serviceFlags{}
				if encrypted {
					server.StartTLS()
					at.WebCert = "web.crt"
				} else {
					server.Start()
				}
				defer server.Close()
				at.Listen = server.Listener.Addr().String()
				d := &doctor{cmd: &doctorCmd{serviceFlags: at}}
				d.service(t.Context())
				if got := d.findings[0]; got.Status != tt.want.Status || got.Text != tt.want.Text || got.Status != statusOK && got.Advice == "" {
					t.Errorf("got %+v, want %+v", got, tt.want)
				}
				if !encrypted {
					return
				}
				at.WebCert = ""
				d = &doctor{cmd: &doctorCmd{serviceFlags: at}}
				d.service(t.Context())
				if got := d.findings[0]; got.Status != statusWarn || !strings.Contains(got.Advice, "--web-cert") {
					t.Errorf("asked without TLS: %+v", got)
				}
			})
		}
	}
	d := &doctor{cmd: &doctorCmd{serviceFlags: serviceFlags{Listen: noAddress}}}
	if d.service(t.Context()); len(d.findings) > 0 {
		t.Errorf("none was asked: %+v", d.findings)
	}
}

// TestDoctorClocks: the difference of the clocks is told by its size and direction.
func TestDoctorClocks(t *testing.T) {
	for name, tt := range map[string]struct {
		ahead time.Duration
		want  status
		text  string
	}{
		"equal":  {0, statusOK, "agrees"},
		"behind": {time.Minute, statusWarn, "1m0s behind"},
		"ahead":  {-time.Minute, statusWarn, "1m0s ahead of"},
		"far":    {time.Hour, statusFail, "1h0m0s behind"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &doctor{app: &app{clock: &settle.Clock{Machine: time.Now}}}
			d.clocks(t.Context(), &backend{serverTime: func(context.Context) (time.Time, error) { return time.Now().Add(tt.ahead), nil }})
			if got := d.findings[0]; got.Status != tt.want || !strings.Contains(got.Text, tt.text) {
				t.Errorf("got %+v, want %s, %s", got, tt.want, tt.text)
			}
		})
	}
}

// TestDoctorVersions: versions before and after those that are supported, and what the docs say of them.
func TestDoctorVersions(t *testing.T) {
	page, err := os.ReadFile("../../docs/install.md")
	if says := fmt.Sprintf("| Elasticsearch | %d.%d and later %d.x;", leastMajor, leastMinor, mostMajor); err != nil || !strings.Contains(string(page), says) {
		t.Errorf("docs/install.md does not say %q (%v)", says, err)
	}
	for version, want := range map[string]status{
		"7.17.29": statusFail, "8.15.5": statusFail, "8.16.0": statusOK, "8.19.7": statusOK, "9.2.0-SNAPSHOT": statusWarn, "10.0.0": statusWarn, "new": statusWarn,
	} {
		d := &doctor{}
		if d.version(elastic.Info{Name: "c", Version: version}); d.findings[0].Status != want {
			t.Errorf("%s: %+v, want %s", version, d.findings[0], want)
		}
	}
}

// TestDoctorAddresses: each address has its own line, and one that answers is enough.
func TestDoctorAddresses(t *testing.T) {
	good := httptest.NewServer(http.HandlerFunc(emptyCluster))
	defer good.Close()
	gone := httptest.NewServer(http.HandlerFunc(emptyCluster))
	gone.Close()
	var out, errs bytes.Buffer
	_ = execute(t.Context(), []string{"doctor", "--listen", "none", "--elasticsearch", gone.URL, "--elasticsearch", good.URL}, stdio{strings.NewReader(""), &out, &errs})
	var lines []string
	for line := range strings.Lines(out.String()) {
		if words := strings.Fields(line); len(words) > 1 && words[1] == "connection" {
			lines = append(lines, strings.Join(words, " "))
		}
	}
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "fail connection "+gone.URL) || lines[1] != "ok connection "+good.URL+": it answers" || !slices.Contains(strings.Fields(out.String()), "credentials") {
		t.Errorf("%q\n%s%s", lines, out.String(), errs.String())
	}
}
