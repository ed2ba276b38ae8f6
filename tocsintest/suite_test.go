package tocsintest_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/tocsintest"
)

func TestMain(m *testing.M) { os.Exit(tocsintest.Main(m)) }

const shell = `[rule]
rule_id = "11111111-aaaa-4aaa-8aaa-000000000001"
name = "Shell from a web server"
description = "A web server starts a shell."
type = "eql"
index = ["logs-*"]
severity = "high"
risk_score = 73
interval = "5m"
from = "now-6m"
query = 'process where process.parent.name == "nginx" and process.name == "sh"'
`

const pair = `[rule]
rule_id = "11111111-aaaa-4aaa-8aaa-000000000002"
name = "Shell, then a connection"
description = "A shell that talks."
type = "eql"
index = ["logs-*"]
severity = "low"
risk_score = 10
interval = "5m"
from = "now-6m"
query = 'sequence by host.name with maxspan=1m [process where process.name == "sh"] [network where cidrmatch(destination.ip, "10.0.0.0/8")]'
`

var slot = time.Date(2026, 1, 15, 14, 5, 0, 0, time.UTC)

// rules writes files of rules and returns their folder.
func rules(t *testing.T, texts ...string) []string {
	t.Helper()
	dir := t.TempDir()
	for i, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.toml", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{dir}
}

func process(at time.Duration, name, parent string) string {
	return fmt.Sprintf(`{"@timestamp": %q, "host": {"name": "web-1"}, "event": {"category": "process"}, "process": {"name": %q, "parent": {"name": %q}}}`,
		slot.Add(-at).Format(time.RFC3339), name, parent)
}

// complaints is a test that notes what it is told, and goes on.
type complaints struct {
	testing.TB
	texts []string
}

func (c *complaints) Errorf(format string, args ...any) {
	c.texts = append(c.texts, fmt.Sprintf(format, args...))
}

// TestEmbedded runs two rules over three events, and has the assertions hold and fail.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	told := &complaints{TB: t}
	s := tocsintest.NewEmbedded(told, tocsintest.Options{Rules: rules(t, shell, pair)})
	s.Load("logs-web", process(4*time.Minute, "sh", "nginx"), tocsintest.Event{ID: "other", Source: process(3*time.Minute, "bash", "sshd")})
	file := filepath.Join(t.TempDir(), "events.ndjson")
	connection := fmt.Sprintf(`{"@timestamp": %q, "host": {"name": "web-1"}, "event": {"category": "network"}, "destination": {"ip": "10.1.2.3"}}`, slot.Add(-230*time.Second).Format(time.RFC3339))
	if err := os.WriteFile(file, []byte(`{"_index": "logs-net", "_id": "talk", "_source": `+connection+"}\n\n"+process(time.Hour, "sh", "nginx")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.LoadFile("logs-web", file)
	executions := s.RunAt(slot)
	if len(executions) != 2 || executions[0].Hits != 1 || executions[1].Hits != 1 {
		t.Errorf("executions %+v", executions)
	}
	s.WantAlerts(map[string][]string{"Shell from a web server": {"1"}, "11111111-aaaa-4aaa-8aaa-000000000002": {"1+talk"}})
	s.WantCount("Shell from a web server", 1)
	s.WantCovered(slot)
	if again := s.RunAt(slot); again[0].Created != 0 || again[0].Duplicates != 1 {
		t.Errorf("again: %+v", again)
	}
	alert := s.Alerts()[slices.IndexFunc(s.Alerts(), func(a tocsintest.Alert) bool { return a.RuleName() == "Shell from a web server" })]
	if alert.Severity() != "high" || alert.Text("process.parent.name") != "nginx" || alert.Text("kibana.alert.nothing") != "" || alert.ID == "" {
		t.Errorf("alert %+v", alert)
	}
	if len(told.texts) > 0 {
		t.Errorf("complaints: %q", told.texts)
	}
	s.WantAlerts(map[string][]string{"Shell from a web server": {"1", "other"}})
	s.WantCount("Shell from a web server", 2)
	s.WantCovered(slot.Add(5 * time.Minute))
	want := []string{"the alerts are\n", "Shell from a web server has made 1 alerts, want 2", "is not covered", "is not covered"}
	if len(told.texts) != len(want) {
		t.Fatalf("complaints: %q", told.texts)
	}
	for i, text := range told.texts {
		if !strings.Contains(text, want[i]) {
			t.Errorf("complaint %q, want %q", text, want[i])
		}
	}
}

// TestRulesFail: a rule that fails is told, and may.
func TestRulesFail(t *testing.T) {
	t.Parallel()
	esql := strings.NewReplacer(`type = "eql"`, "type = \"esql\"\nlanguage = \"esql\"", `index = ["logs-*"]`+"\n", "", `process where process.parent.name == "nginx" and process.name == "sh"`, "FROM logs-* METADATA _id").Replace(shell)
	broken := strings.Replace(shell, "process.name ==", "process.name ===", 1)
	for name, text := range map[string]string{"of a cluster only": esql, "with a mistake": broken} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := &complaints{TB: t}
			s := tocsintest.NewEmbedded(told, tocsintest.Options{Rules: rules(t, text, pair), RulesMayFail: true})
			s.Load("logs-web", process(4*time.Minute, "sh", "nginx"))
			s.RunAt(slot)
			if len(told.texts) > 0 {
				t.Errorf("complaints: %q", told.texts)
			}
		})
	}
}

// TestMappings: an index has its own mapping, or the one of the suite.
func TestMappings(t *testing.T) {
	t.Parallel()
	s := tocsintest.NewEmbedded(t, tocsintest.Options{Rules: rules(t, shell)})
	s.Index("logs-unmapped", `{"dynamic": false, "properties": {"@timestamp": {"type": "date"}}}`)
	s.Load("logs-unmapped", process(time.Minute, "sh", "nginx"))
	s.Load("logs-web", process(2*time.Minute, "sh", "nginx"))
	s.RunAt(slot)
	s.WantAlerts(map[string][]string{"Shell from a web server": {"2"}})
}

// TestNotify: each alert is told once, also to a receiver that fails at first.
func TestNotify(t *testing.T) {
	t.Parallel()
	s := tocsintest.NewEmbedded(t, tocsintest.Options{Rules: rules(t, shell)})
	r := tocsintest.NewReceiver(t)
	r.FailNext(2, http.StatusServiceUnavailable)
	s.Notify(r)
	s.Load("logs-web", process(4*time.Minute, "sh", "nginx"), process(3*time.Minute, "sh", "nginx"))
	s.RunAt(slot)
	s.RunAt(slot)
	s.WantAlerts(map[string][]string{"Shell from a web server": {"1", "2"}})
	for _, n := range r.WantDelivered(2, 5*time.Second) {
		if n.Key == "" || n.Value("notice.rule_name") != "Shell from a web server" {
			t.Errorf("notification %s, key %q", n.Body, n.Key)
		}
	}
	if len(r.All()) < 4 {
		t.Errorf("%d requests, of which 2 failed", len(r.All()))
	}
}

func TestReceiver(t *testing.T) {
	t.Parallel()
	told := &complaints{TB: t}
	r := tocsintest.NewReceiver(told)
	r.FailNext(1, http.StatusServiceUnavailable)
	send := func(key, body string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.URL+"/hook", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Idempotency-Key", key)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	send("a", `{"alert": {"severity": "high"}}`)
	send("a", `{"alert": {"severity": "high"}}`)
	send("a", `{"alert": {"severity": "high"}}`)
	send("b", `{"alert.severity": "low"}`)
	all := r.WantDelivered(2, time.Second)
	if len(all) != 2 || all[0].Value("alert.severity") != "high" || all[1].Value("alert.severity") != "low" || all[0].Path != "/hook" || all[0].Value("none") != nil {
		t.Errorf("delivered %+v", all)
	}
	if len(r.All()) != 4 || len(told.texts) > 0 {
		t.Errorf("all %+v, complaints %q", r.All(), told.texts)
	}
	r.WantDelivered(1, time.Millisecond)
	r.WantDelivered(3, time.Millisecond)
	if len(told.texts) != 2 {
		t.Errorf("complaints %q", told.texts)
	}
}

// failing is a test whose end is caught.
type failing struct{ testing.TB }

func (failing) Helper() {}

func (failing) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// TestBulkFile: the actions of a bulk request are no events.
func TestBulkFile(t *testing.T) {
	t.Parallel()
	for text, refused := range map[string]bool{
		`{"index": {"_index": "logs-web", "_id": "1"}}`: true, `{"create":{}}`: true, `{"index": {"_id": "1"}}`: true,
		`{"index": "a", "process": {"name": "sh"}}`: false, `{"index": {"name": "a"}}`: false, `{"_index": "logs-web", "_id": "1", "_source": {}}`: false,
	} {
		file := filepath.Join(t.TempDir(), "events.ndjson")
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		said := func() (said any) {
			defer func() { said = recover() }()
			tocsintest.NewEmbedded(failing{t}, tocsintest.Options{Rules: rules(t, shell)}).LoadFile("logs-web", file)
			return nil
		}()
		if told, _ := said.(string); refused != strings.Contains(told, ":1: this is an action of a bulk request") {
			t.Errorf("%s: %v", text, said)
		}
	}
}
