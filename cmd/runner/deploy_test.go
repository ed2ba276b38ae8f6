package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	alertRules     = "../../deploy/prometheus/tocsin.rules.yml"
	alertRuleTests = "../../deploy/prometheus/tocsin.rules.test.yml"
	dashboardFile  = "../../deploy/grafana/tocsin.json"
)

// promtool runs the real promtool. It is in Debian's package prometheus, which CI installs.
func promtool(t *testing.T, stdin string, args ...string) {
	t.Helper()
	tool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("promtool is missing: .ci/run installs it")
		}
		t.Skip("promtool is not installed: apt-get install prometheus")
	}
	command := exec.CommandContext(t.Context(), tool, args...)
	command.Stdin = strings.NewReader(stdin)
	if out, err := command.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "" && args[1] == "metrics" {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAlertRules: Prometheus takes the alert rules, and each fires in one case and is silent in another.
func TestAlertRules(t *testing.T) {
	promtool(t, "", "check", "rules", alertRules)
	promtool(t, "", "test", "rules", alertRuleTests)
	tests := readText(t, alertRuleTests)
	names := regexp.MustCompile(`(?m)- alert: (\w+)$`).FindAllStringSubmatch(readText(t, alertRules), -1)
	if len(names) < 10 {
		t.Errorf("only %d alert rules were found", len(names))
	}
	for _, name := range names {
		for _, want := range []string{`\n\s+exp_alerts:\n\s+- exp_labels: \{`, `\n\s+exp_alerts: \[\]\n`} {
			if !regexp.MustCompile(`alertname: ` + name[1] + want).MatchString(tests) {
				t.Errorf("%s: no test matches %s", name[1], want)
			}
		}
	}
}

// dashboard is what is looked at of a Grafana dashboard.
type dashboard struct {
	UID        string `json:"uid"`
	Title      string `json:"title"`
	Schema     int    `json:"schemaVersion"`
	Templating struct {
		List []struct {
			Name string `json:"name"`
		} `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []struct {
			Expr string `json:"expr"`
		} `json:"list"`
	} `json:"annotations"`
	Panels []struct {
		ID          int    `json:"id"`
		Type        string `json:"type"`
		Title       string `json:"title"`
		Description string `json:"description"`
		GridPos     struct{ X, Y, W, H int }
		Targets     []struct {
			RefID string `json:"refId"`
			Expr  string `json:"expr"`
		} `json:"targets"`
	} `json:"panels"`
}

func readDashboard(t *testing.T) (dashboard, []string) {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(readText(t, dashboardFile)), &d); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, a := range d.Annotations.List {
		all = append(all, a.Expr)
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	return d, all
}

// TestDashboard: the dashboard is one that Grafana can import, and Prometheus understands every query of it.
func TestDashboard(t *testing.T) {
	d, queries := readDashboard(t)
	known := map[string]bool{}
	for _, v := range d.Templating.List {
		known[v.Name] = true
	}
	if d.UID != "tocsin" || d.Title == "" || d.Schema < 30 || len(d.Panels) < 20 || !known["datasource"] || !known["job"] {
		t.Errorf("dashboard %+v", d)
	}
	ids := map[int]bool{}
	for _, p := range d.Panels {
		switch {
		case ids[p.ID], p.ID == 0, p.Title == "", p.GridPos.W == 0, p.GridPos.X+p.GridPos.W > 24:
			t.Errorf("panel %+v", p)
		case p.Type == "row":
		case p.Description == "" || len(p.Targets) == 0:
			t.Errorf("panel %s has no description or no query", p.Title)
		}
		ids[p.ID] = true
		refs := map[string]bool{}
		for _, target := range p.Targets {
			if refs[target.RefID] {
				t.Errorf("panel %s has two queries %s", p.Title, target.RefID)
			}
			refs[target.RefID] = true
		}
	}
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for i, query := range queries {
		for _, v := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(query, -1) {
			if !known[v[1]] && v[1] != "__rate_interval" && v[1] != "__range" {
				t.Errorf("%s: there is no variable %s", query, v[1])
			}
		}
		query = strings.NewReplacer("$__rate_interval", "5m", "$__range", "6h", "$job", ".+").Replace(query)
		fmt.Fprintf(&rules, "  - record: query:%d\n    expr: %q\n", i, query)
	}
	name := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(name, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "", "check", "rules", name)
}

// TestDashboardShows: with a series of every metric, every panel shows something: labels by which queries choose, join and group are there.
func TestDashboardShows(t *testing.T) {
	d, _ := readDashboard(t)
	var rules, tests strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	tests.WriteString("rule_files: [shown.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n")
	counts := map[string]bool{}
	for line := range strings.SplitSeq(everyMetric(t)+"up 1\n", "\n") {
		if kind := regexp.MustCompile(`^# TYPE (\S+) (\S+)$`).FindStringSubmatch(line); kind != nil {
			counts[kind[1]] = kind[2] != "gauge"
		}
		m := regexp.MustCompile(`^([a-z_]+)(?:\{(.*)\})? \S+$`).FindStringSubmatch(line)
		if m == nil {
			continue
		}
		values := "1x60"
		if base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(m[1], ""); counts[m[1]] || counts[base] {
			values = "0+1x60"
		}
		fmt.Fprintf(&tests, "  - {series: '%s{job=\"tocsin\",instance=\"a:9464\",%s}', values: '%s'}\n", m[1], m[2], values)
	}
	tests.WriteString("  alert_rule_test:\n")
	n := 0
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			query := strings.NewReplacer("$__rate_interval", "5m", "$__range", "30m", "$job", ".+").Replace(target.Expr)
			fmt.Fprintf(&rules, "  - alert: Shown%d\n    expr: %q\n", n, "count("+query+") > 0")
			fmt.Fprintf(&tests, "  - {eval_time: 50m, alertname: Shown%d, exp_alerts: [{exp_labels: {}}]} # %s\n", n, p.Title)
			n++
		}
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"shown.yml": rules.String(), "test.yml": tests.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	promtool(t, "", "test", "rules", filepath.Join(dir, "test.yml"))
}

// TestMetricsAreThere: every metric that alert rules and dashboard look at is in a scrape, with the labels that they use.
func TestMetricsAreThere(t *testing.T) {
	t.Parallel()
	rule, events := writeFile(t, "shell.toml", serviceRule), writeFile(t, "events.ndjson", serviceEvents)
	s := startService(t, "--rules", rule, "--events", events, "--store", t.TempDir())
	s.until(t, "executed")
	_, scraped := s.get(t, "/metrics")
	s.stop(t)
	s.until(t, "stopped")
	s.ended(t)
	promtool(t, scraped, "check", "metrics")
	promtool(t, everyMetric(t), "check", "metrics")
	there := map[string]bool{"up": true}
	for line := range strings.SplitSeq(scraped+everyMetric(t), "\n") {
		if name := regexp.MustCompile(`^[a-z_]+`).FindString(line); name != "" {
			there[name] = true
		}
	}
	for _, want := range []string{`tocsin_rule_info{name="Shell from a web server",rule_id="11111111-aaaa-4aaa-8aaa-000000000001",severity="high",type="eql"} 1`, "tocsin_build_info{", "tocsin_runner_info{", "tocsin_rules_owned 1"} {
		if !strings.Contains(scraped, "\n"+want) {
			t.Errorf("the scrape lacks %s", want)
		}
	}
	_, queries := readDashboard(t)
	used := strings.Join(queries, "\n") + "\n" + readText(t, alertRules)
	names := regexp.MustCompile(`\b(?:tocsin|process|go)_[a-z_]+`).FindAllString(regexp.MustCompile(`#.*`).ReplaceAllString(used, ""), -1)
	if len(names) < 40 {
		t.Errorf("only %d names were found", len(names))
	}
	for _, name := range names {
		if !there[name] {
			t.Errorf("%s is in no scrape", name)
		}
	}
}
