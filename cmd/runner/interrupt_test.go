package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestInterrupt interrupts commands while they wait for a cluster or for events: they end with one line, and without
// the words of a failure.
func TestInterrupt(t *testing.T) {
	rules := filepath.Join(t.TempDir(), "r.toml")
	if err := os.WriteFile(rules, []byte(serviceRule), 0o600); err != nil {
		t.Fatal(err)
	}
	cluster := []string{"--elasticsearch", "SERVER"}
	for _, line := range [][]string{
		append([]string{"run", "--once", "--rules", rules}, cluster...),
		append([]string{"run", "--rules", rules, "--listen", "none"}, cluster...),
		append([]string{"check", "--live", rules}, cluster...),
		append([]string{"explain", rules}, cluster...),
		append([]string{"query", "--language", "eql", "any where true"}, cluster...),
		append([]string{"alerts", "list"}, cluster...),
		append([]string{"alerts", "show", "x"}, cluster...),
		append([]string{"coverage", "--rules", rules}, cluster...),
		append([]string{"coverage", "gaps", "--rules", rules}, cluster...),
		append([]string{"coverage", "fill", "--rules", rules}, cluster...),
		append([]string{"backfill", "--rules", rules, "--from", "2026-01-15", "--to", "2026-01-16"}, cluster...),
		append([]string{"backfill", "list"}, cluster...),
		{"query", "--language", "eql", "any where true", "--events", "-"},
		{"run", "--once", "--rules", rules, "--events", "-"},
		{"check", rules, "--events", "-"},
	} {
		t.Run(strings.Join(line[:2], " "), func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			var once sync.Once
			ended := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				once.Do(interrupt)
				select {
				case <-ended:
				case <-r.Context().Done():
				}
			}))
			defer server.Close()
			defer close(ended)
			args := append([]string{}, line...)
			for i, word := range args {
				args[i] = strings.ReplaceAll(word, "SERVER", server.URL)
			}
			in, feed := io.Pipe()
			defer func() { _ = in.Close() }()
			if args[len(args)-1] == "-" {
				go func() {
					for { // until nobody reads it any more
						if _, err := io.WriteString(feed, "{\"a\":1}\n"); err != nil {
							return
						}
						once.Do(interrupt)
					}
				}()
			}
			var out, errs bytes.Buffer
			if code := execute(ctx, args, stdio{in: in, out: &out, err: &errs}); code != exitFailed {
				t.Errorf("exit code %d", code)
			}
			if got := errs.String(); got != "runner: interrupted\n" {
				t.Errorf("%q", got)
			}
		})
	}
}
