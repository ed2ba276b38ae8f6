package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// namedRule is the rule of the service's tests with another id.
func namedRule(n int, query string) string {
	text := strings.Replace(serviceRule, "000000000001", fmt.Sprintf("%012d", n), 1)
	return strings.Replace(text, `query = 'process where process.parent.name == "nginx" and process.name == "sh"'`, "query = '"+query+"'", 1)
}

func (s *served) post(t *testing.T, path string) (status int, body string) {
	t.Helper()
	return s.ask(t, http.MethodPost, path)
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestServiceReloads rules by a request, by SIGHUP and when files change, and runs a rule with errors as it was before.
func TestServiceReloads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "one.toml", namedRule(1, "process where true"))
	write(t, dir, "two.toml", namedRule(2, "process where true"))
	s := startService(t, "--rules", dir, "--events", writeFile(t, "e.ndjson", serviceEvents), "--store", t.TempDir(), "--no-reload")
	s.until(t, "executed")

	want := func(status int, body, wanted string) {
		t.Helper()
		if wantStatus := map[bool]int{true: http.StatusOK, false: http.StatusUnprocessableEntity}[strings.HasPrefix(wanted, "reloaded")]; status != wantStatus || strings.TrimSpace(body) != wanted {
			t.Errorf("status %d, %q, want %q", status, body, wanted)
		}
	}
	reload := func(wanted string) {
		t.Helper()
		status, body := s.post(t, "/reload")
		want(status, body, wanted)
	}
	reload("reloaded: 0 added, 0 changed, 0 removed, 0 broken that run as before")
	write(t, dir, "one.toml", namedRule(1, "process where ((("))
	write(t, dir, "two.toml", namedRule(2, "file where true"))
	write(t, dir, "three.toml", namedRule(3, "any where true"))
	reload("reloaded: 1 added, 1 changed, 0 removed, 1 broken that run as before")
	if _, body := s.get(t, "/readyz"); !strings.Contains(body, "rules that have errors now, and run as they were before: 11111111-aaaa-4aaa-8aaa-000000000001") {
		t.Errorf("/readyz: %s", body)
	}
	write(t, dir, "one.toml", "no toml at all (")
	reload("reloaded: 0 added, 0 changed, 0 removed, 1 broken that run as before")
	if err := os.Remove(filepath.Join(dir, "two.toml")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "one.toml", namedRule(1, "process where true"))
	if err := s.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.until(t, "rules removed")
	if status, body := s.get(t, "/readyz"); status != http.StatusOK || body != "ready\n" {
		t.Errorf("/readyz: status %d, %s", status, body)
	}
	for _, name := range []string{"one.toml", "three.toml"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	reload("not reloaded: the files have no rule that can run: the rules run as before")
	if _, body := s.get(t, "/metrics"); !strings.Contains(body, `tocsin_reloads_total{outcome="failed"} 1`) || !strings.Contains(body, `tocsin_reloads_total{outcome="succeeded"} 4`) {
		t.Error(body)
	}
	s.stop(t)
	s.until(t, "stopped")
	s.ended(t)
}

// TestServiceWatches its files: also those that a symbolic link leads to, which is exchanged as a whole.
func TestServiceWatches(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for version, query := range []string{"process where true", "file where true"} {
		below := filepath.Join(dir, fmt.Sprintf("..version_%d", version))
		if err := os.Mkdir(below, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, below, "one.toml", namedRule(1, query))
	}
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(dir, name+".new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, name+".new"), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("..version_0", "..data")
	link("..data/one.toml", "one.toml")
	s := startService(t, "--rules", filepath.Join(dir, "one.toml"), "--events", writeFile(t, "e.ndjson", serviceEvents), "--store", t.TempDir())
	s.until(t, "running")
	time.Sleep(200 * time.Millisecond) // until the files are watched
	link("..version_1", "..data")
	s.until(t, "rules changed")
	s.stop(t)
	s.until(t, "stopped")
	s.ended(t)
}

// TestServiceReloadsCredentials: who may use the service and what enriches alerts follow their files; while these are broken, it stays as it
// was, and the state says why.
func TestServiceReloadsCredentials(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "rule.toml", namedRule(1, "process where true"))
	tokens, settings := filepath.Join(dir, "tokens"), filepath.Join(dir, "enrichment.toml")
	const second, third = "second-token-0123456789", "third-token-0123456789"
	write(t, dir, "tokens", "soar "+webToken+"\n")
	table := func(field string) string {
		return "[[table]]\nname = \"assets\"\nfile = \"assets.csv\"\nkey = \"name\"\nfields = \"process.name\"\nadd = { \"" + field + "\" = \"owner\" }\n"
	}
	write(t, dir, "assets.csv", "name,owner\nsh,ann\n")
	write(t, dir, "enrichment.toml", table("labels.one"))
	s := startService(t, "--rules", filepath.Join(dir, "rule.toml"), "--events", writeFile(t, "e.ndjson", serviceEvents), "--store", t.TempDir(), "--web-token-file", tokens, "--enrichment", settings)
	s.until(t, "running")
	go func() { // the log must not stop the service
		for s.lines.Scan() {
		}
	}()
	status := func(token, path string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.address+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(body)
	}
	is := func(want map[string]int) func() bool {
		return func() bool {
			for token, code := range want {
				if got, _ := status(token, "/api/v1/runs"); got != code {
					return false
				}
			}
			return true
		}
	}
	stateSays := func(token, state, part string) func() bool {
		return func() bool {
			_, body := status(token, "/api/v1/states?kind=reload-broken&status="+state)
			return strings.Contains(body, part)
		}
	}
	waitFor(t, "access by the first token", is(map[string]int{webToken: 200, second: 401}))
	write(t, dir, "tokens", "soar "+second+"\n")
	waitFor(t, "access by the second token", is(map[string]int{webToken: 401, second: 200}))

	write(t, dir, "tokens", "short\n")
	waitFor(t, "the state", stateSays(second, "open", "the users and tokens of the status page stay as they were"))
	if _, body := status(second, "/readyz"); !strings.Contains(body, "tokens:1: a token has less than 16 characters") || strings.Contains(body, "short\n") {
		t.Errorf("/readyz: %s", body)
	}
	if !is(map[string]int{webToken: 401, second: 200, third: 401})() {
		t.Error("while the file is broken, others may")
	}
	write(t, dir, "tokens", "soar "+third+"\n")
	waitFor(t, "access by the third token", is(map[string]int{second: 401, third: 200}))
	waitFor(t, "the end of the state", stateSays(third, "ended", "reload-broken"))

	write(t, dir, "enrichment.toml", strings.Replace(table("labels.two"), "file =", "fole =", 1))
	waitFor(t, "the state", stateSays(third, "open", "the sources of enrichment stay as they were"))
	write(t, dir, "enrichment.toml", table("labels.two"))
	waitFor(t, "the end of the state", stateSays(third, "ended", "reload-broken"))
	s.stop(t)
}
