package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// planted is a secret, where the command gets it from, and the forms in which it must not be seen.
type planted struct {
	core string // what no form but base64 changes
	args []string
	env  map[string]string
	says []string // what a server, or somebody on the way, can make of what it is sent
}

// seenIn returns the form of the secret that is in a text; "" if none is.
func (p planted) seenIn(text string) string {
	forms := []string{p.core}
	for _, said := range p.says {
		forms = append(forms, said, base64.StdEncoding.EncodeToString([]byte(said)), base64.URLEncoding.EncodeToString([]byte(said)))
	}
	for _, form := range forms {
		if strings.Contains(text, form) {
			return form
		}
	}
	return ""
}

// secretEnvironment are the variables that the test sets.
var secretEnvironment = []string{
	"TOCSIN_PASSWORD", "TOCSIN_API_KEY", "TOCSIN_BEARER_TOKEN", "TOCSIN_PROXY", "TOCSIN_ELASTICSEARCH_URL", "TOCSIN_ELASTICSEARCH", "TOCSIN_TRACE_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_ENDPOINT",
	"HTTP_PROXY", "http_proxy",
}

// plant draws a secret and a place for it. The server is the address of what answers as Elasticsearch.
func plant(t *rapid.T, dir, server, collector string) planted {
	core := "sesame" + rapid.StringMatching(`[a-zA-Z0-9]{12}`).Draw(t, "secret")
	secret := core + rapid.SampledFrom([]string{"", "@", ":x", "/y", "%41", "+", "=", "&z", "ü", `"`, `\`, "#", "?"}).Draw(t, "odd")
	file := func(content string) string {
		name := filepath.Join(dir, "secret")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	p := planted{core: core, env: map[string]string{}, says: []string{secret, "elastic:" + secret, "Basic " + base64.StdEncoding.EncodeToString([]byte("elastic:"+secret))}}
	at := []string{"--elasticsearch", server}
	with := func(more ...string) []string { return slices.Concat(at, more) }
	withUser := func(user string) string { return strings.Replace(server, "://", "://"+user+"@", 1) }
	key := "id-1234567890:" + secret
	encoded := base64.StdEncoding.EncodeToString([]byte(key))
	switch rapid.SampledFrom([]string{
		"password", "password file", "key", "encoded key", "key file", "token", "token file", "URL", "raw URL", "URL of the environment", "configuration", "trace headers", "trace URL", "proxy", "proxy flag", "argument",
	}).Draw(t, "place") {
	case "password":
		p.env["TOCSIN_PASSWORD"], p.args = secret, with("--username", "elastic")
	case "password file":
		p.args = with("--username", "elastic", "--password-file", file(secret+"\n"))
	case "key":
		p.env["TOCSIN_API_KEY"], p.args, p.says = key, at, []string{secret, key, encoded, "ApiKey " + encoded}
	case "encoded key":
		p.env["TOCSIN_API_KEY"], p.args, p.says = encoded, at, []string{secret, key, encoded, "ApiKey " + encoded}
	case "key file":
		p.args, p.says = with("--api-key-file", file(encoded+"\n")), []string{secret, key, encoded, "ApiKey " + encoded}
	case "token":
		p.env["TOCSIN_BEARER_TOKEN"], p.args, p.says = core, at, []string{core, "Bearer " + core}
	case "token file":
		p.args, p.says = with("--bearer-token-file", file(core+"\n")), []string{core, "Bearer " + core}
	case "URL":
		p.args = []string{"--elasticsearch", withUser(url.UserPassword("elastic", secret).String())}
	case "raw URL":
		p.args = []string{"--elasticsearch", withUser("elastic:" + secret)}
	case "URL of the environment":
		p.env["TOCSIN_ELASTICSEARCH_URL"] = withUser(url.UserPassword("elastic", secret).String())
	case "configuration":
		name := rapid.SampledFrom([]string{"password", "api-key", "token", "elasticsearch", "trace-endpoint"}).Draw(t, "key")
		if name == "trace-endpoint" {
			p.says = []string{core, "elastic:" + core}
		}
		value := map[string]string{"elasticsearch": withUser(url.UserPassword("elastic", secret).String()), "trace-endpoint": "http://elastic:" + core + "@127.0.0.1:1"}[name]
		if value == "" {
			value = secret
		}
		config := filepath.Join(dir, "runner.toml")
		if err := os.WriteFile(config, fmt.Appendf(nil, "%s = %q\n", name, value), 0o600); err != nil {
			t.Fatal(err)
		}
		p.args = []string{"--config", config}
		if name != "elasticsearch" {
			p.args = append(p.args, at...)
		}
	case "trace headers":
		p.env["OTEL_EXPORTER_OTLP_HEADERS"] = rapid.SampledFrom([]string{"authorization=Bearer%20", "x-key=", ""}).Draw(t, "header") + strings.ReplaceAll(url.QueryEscape(secret), "+", "%20")
		p.env["OTEL_EXPORTER_OTLP_ENDPOINT"], p.args = collector, at
	case "trace URL":
		p.args = at
		p.env["TOCSIN_TRACE_ENDPOINT"] = strings.Replace(collector, "://", "://"+url.UserPassword("elastic", secret).String()+"@", 1)
	case "proxy":
		p.env["HTTP_PROXY"], p.args = "http://"+url.UserPassword("elastic", secret).String()+"@127.0.0.1:1", []string{"--elasticsearch", "http://es.example.invalid:9200"}
	case "proxy flag":
		p.env["TOCSIN_PROXY"], p.args = "http://"+url.UserPassword("elastic", secret).String()+"@127.0.0.1:1", []string{"--elasticsearch", "http://es.example.invalid:9200"}
	case "argument":
		p.args, p.says = with(withUser("elastic:"+core)), []string{core, "elastic:" + core}
	}
	return p
}

// fault is what the server does instead of working.
type fault func(w http.ResponseWriter, r *http.Request, echo string)

// faults are servers that say what they were sent, in every way in which an answer becomes a message.
var faults = map[string]fault{
	"works": nil,
	"refuses": func(w http.ResponseWriter, _ *http.Request, echo string) {
		refuse(w, http.StatusUnauthorized, "security_exception", "unable to authenticate with "+echo)
	},
	"forbids": func(w http.ResponseWriter, r *http.Request, echo string) {
		if r.URL.Path == "/" {
			_, _ = io.WriteString(w, `{"cluster_name":"fake","version":{"number":"8.19.0"}}`)
			return
		}
		refuse(w, http.StatusForbidden, "security_exception", "not for "+echo)
	},
	"breaks": func(w http.ResponseWriter, _ *http.Request, echo string) {
		refuse(w, http.StatusBadRequest, "exception", echo)
	},
	"is overloaded": func(w http.ResponseWriter, _ *http.Request, echo string) {
		refuse(w, http.StatusServiceUnavailable, "exception", echo)
	},
	"is a page": func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprintf(w, "<html><body>upstream %s</body></html>", echo)
	},
	"is something else": func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.Header().Del("X-Elastic-Product")
		_, _ = fmt.Fprintf(w, `{"name":%q}`, echo)
	},
	"is no JSON": func(w http.ResponseWriter, _ *http.Request, echo string) {
		_, _ = fmt.Fprintf(w, `{"cluster_name": %s`, echo)
	},
	"sends elsewhere": func(w http.ResponseWriter, r *http.Request, echo string) {
		http.Redirect(w, r, "http://"+url.UserPassword("elastic", echo).String()+"@127.0.0.1:1/", http.StatusMovedPermanently)
	},
	"hangs up": func(w http.ResponseWriter, _ *http.Request, _ string) {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
	},
}

func refuse(w http.ResponseWriter, status int, kind, reason string) {
	w.WriteHeader(status)
	body, _ := json.Marshal(map[string]any{"status": status, "error": map[string]any{"type": kind, "reason": reason, "root_cause": []any{map[string]any{"type": kind, "reason": reason}}}})
	_, _ = w.Write(body)
}

// secretCommands are what is run; each has what it needs but the place of the events.
func secretCommands(dir string) [][]string {
	rules := []string{"--rules", filepath.Join(dir, "rule.toml")}
	return [][]string{
		append([]string{"run", "--once", "--at", "2026-01-15T14:05:00Z"}, rules...),
		append([]string{"run", "--lease", "1s", "--listen", "127.0.0.1:0"}, rules...),
		append([]string{"check", "--live"}, rules...),
		append([]string{"backfill", "--from", "2026-01-15T14:00:00Z", "--to", "2026-01-15T14:05:00Z"}, rules...),
		append([]string{"coverage", "--from", "2026-01-15T14:00:00Z"}, rules...),
		append([]string{"runners"}, rules...),
		append([]string{"doctor", "--listen", "none"}, rules...),
		append([]string{"config"}, rules...),
		append([]string{"config", "--format", "json"}, rules...),
		append([]string{"setup", "role"}, rules...),
		append([]string{"setup", "templates", "--apply"}, rules...),
		{"query", "--language", "kuery", "process.name: sh", "--index", "logs-*"},
		{"alerts", "list"},
		{"backfill", "list"},
		{"alerts", "show", "0123456789"},
	}
}

// patient are faults that the client tries to outlast, which takes seconds.
var patient = []string{"is overloaded", "hangs up", "is no JSON"}

// TestSecretsNowhere: wherever a secret comes from, whatever the cluster and the collector make of it, and whichever command is run: it
// is in no output, no log and no trace. (What a running service answers and keeps: TestSecretsOfService, on a node.)
func TestSecretsNowhere(t *testing.T) {
	for _, name := range secretEnvironment {
		t.Setenv(name, "")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rule.toml"), []byte(serviceRule), 0o600); err != nil {
		t.Fatal(err)
	}
	ran := map[string]int{}
	limitChecks(t, 25)
	var drawn []string
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		if slices.Contains(patient, name) {
			drawn = append(drawn, name)
		} else {
			drawn = append(drawn, slices.Repeat([]string{name}, 6)...)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		what := rapid.SampledFrom(drawn).Draw(rt, "the server")
		command := rapid.SampledFrom(secretCommands(dir)).Draw(rt, "command")
		decoded := rapid.Bool().Draw(rt, "the header is decoded")
		var secret planted
		fake, err := newFakeServer(strings.NewReader(""), nil)
		if err != nil {
			rt.Fatal(err)
		}
		defer fake.Close()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("X-Elastic-Product", "Elasticsearch")
			do := faults[what]
			if do == nil {
				fake.ServeHTTP(w, r)
				return
			}
			echo := r.Header.Get("Authorization") + " in " + fmt.Sprint(r.Header)
			if _, encoded, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && decoded {
				plain, _ := base64.StdEncoding.DecodeString(encoded)
				_, password, _ := strings.Cut(string(plain), ":")
				echo = string(plain) + " with " + password
			}
			do(w, r, echo)
		}))
		defer server.Close()
		collector := &keptBodies{refuses: rapid.Bool().Draw(rt, "the collector refuses")}
		collects := httptest.NewServer(collector)
		defer collects.Close()

		secret = plant(rt, dir, server.URL, collects.URL)
		for name, value := range secret.env {
			if err := os.Setenv(name, value); err != nil { //nolint:usetesting // for this check
				rt.Fatal(err)
			}
		}
		defer func() {
			for name := range secret.env {
				_ = os.Unsetenv(name)
			}
		}()
		args := slices.Concat(command, secret.args, []string{"--log-level", "debug", "--log-format", rapid.SampledFrom([]string{"text", "json"}).Draw(rt, "log"), "--request-timeout", "2s"})
		if secret.env["OTEL_EXPORTER_OTLP_ENDPOINT"] == "" && secret.env["TOCSIN_TRACE_ENDPOINT"] == "" && (command[0] == "run" || command[0] == "backfill" && command[1] != "list") && !slices.Contains(args, "--config") {
			args = append(args, "--trace-endpoint", collects.URL)
		}
		var out, errs safeBuffer
		limit := 2 * time.Second
		switch {
		case slices.Contains(patient, what) || secret.env["HTTP_PROXY"]+secret.env["TOCSIN_PROXY"] != "":
			limit = time.Second
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		code := execute(ctx, args, stdio{strings.NewReader(""), &out, &errs})
		cancel()
		ran[fmt.Sprintf("%s %s", command[0], what)]++
		for place, text := range map[string]string{"the output": out.String(), "the log": errs.String(), "a trace": collector.String()} {
			if form := secret.seenIn(text); form != "" {
				rt.Errorf("runner %s (exit code %d): %s has %s:\n%s", strings.Join(args, " "), code, place, form, text)
			}
		}
	})
	if len(ran) < 10 {
		t.Errorf("only %d ways were tried", len(ran))
	}
}

// keptBodies is a collector that keeps what it is sent.
type keptBodies struct {
	safeBuffer

	refuses bool
}

func (k *keptBodies) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(body)
	}
	text, _ := io.ReadAll(body)
	_, _ = k.Write(text)
	if k.refuses {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprintf(w, "not with %v", r.Header)
	}
}

// safeBuffer is a buffer that can be read while it is written.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p) //nolint:wrapcheck // it never fails
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// limitChecks makes rapid check n cases, unless a number was given.
func limitChecks(t *testing.T, n int) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() != checks.DefValue {
		return
	}
	if err := checks.Value.Set(strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = checks.Value.Set(checks.DefValue) })
}
