package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/runner/internal/config"
	"tocsin/cmd/runner/internal/metrics"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/testkit/conformance"
)

// settingKeys finds the keys of a configuration file.
var settingKeys = regexp.MustCompile(`(?m)^([a-z-]+) = `)

func operationsPage(t *testing.T) conformance.Page {
	t.Helper()
	p, err := conformance.ReadPage("operations.md")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDocsOperations reads the configuration files of docs/operations.md, and wants every key that a
// file may have in that page: those of a script of the command, which has them all.
func TestDocsOperations(t *testing.T) {
	script, err := os.ReadFile("testdata/script/configuration_every_flag.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, m := range settingKeys.FindAllStringSubmatch(string(script), -1) {
		keys = append(keys, m[1])
	}
	p := operationsPage(t)
	for _, key := range keys {
		if !strings.Contains(p.Text, "`"+key+"`") && !strings.Contains(p.Text, "`--"+key) {
			t.Errorf("operations.md does not speak of %s", key)
		}
	}
	examples := 0
	for _, b := range p.Blocks {
		if b.Info != "toml" {
			continue
		}
		examples++
		name := t.TempDir() + "/runner.toml"
		if err := os.WriteFile(name, []byte(b.Text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, diags := config.Load(name); len(diags) > 0 {
			t.Errorf("line %d: %v", b.Line, diags)
		}
		for _, m := range settingKeys.FindAllStringSubmatch(b.Text, -1) {
			if !slices.Contains(keys, m[1]) {
				t.Errorf("line %d: %s is no key", b.Line, m[1])
			}
		}
	}
	if examples == 0 {
		t.Error("operations.md has no example of a configuration file")
	}
}

// TestDocsMetrics wants every metric of the runner in docs/operations.md.
func TestDocsMetrics(t *testing.T) {
	m := metrics.New()
	m.Execution(pipeline.Execution{RuleID: "r", Status: pipeline.Succeeded, Slot: time.Unix(1, 0)})
	m.Rules(metrics.Rules{Valid: 1})
	m.Hooks(slog.New(slog.DiscardHandler)).Missed("r", 1)
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	found := regexp.MustCompile(`(?m)^# TYPE (tocsin_\w+) `).FindAllStringSubmatch(answer.Body.String(), -1)
	if len(found) < 10 {
		t.Errorf("found %d metrics", len(found))
	}
	p := operationsPage(t)
	for _, name := range found {
		if !strings.Contains(p.Text, "| `"+name[1]+"` |") {
			t.Errorf("operations.md does not list %s", name[1])
		}
	}
}

// TestDocsRoles: the roles in docs/operations.md are those that the command prints for the shipped rules.
func TestDocsRoles(t *testing.T) {
	var want, got []string
	for _, args := range [][]string{nil, {"--first"}} {
		var out, errs bytes.Buffer
		if code := execute(t.Context(), append([]string{"setup", "role", "--namespace", "production"}, args...), stdio{strings.NewReader(""), &out, &errs}); code != exitDone {
			t.Fatalf("exit code %d, %s", code, errs.String())
		}
		_, body, _ := strings.Cut(out.String(), "tocsin-production\n")
		want = append(want, strings.TrimSpace(body))
	}
	for _, b := range operationsPage(t).Blocks {
		if b.Info == "json" && strings.Contains(b.Text, "tocsin-alerts-production") {
			got = append(got, strings.TrimSpace(b.Text))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/operations.md (-printed +documented):\n%s", diff)
	}
}
