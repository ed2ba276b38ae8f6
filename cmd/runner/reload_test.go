package main

import (
	"fmt"
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
