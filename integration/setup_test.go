//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// needyRules are rules by what they need, as TOML or YAML with the names of indices in place of EVENTS and INDICATORS.
var needyRules = map[string]string{
	"plain.toml":      needy("plain", "eql", "eql", `any where true`, ""),
	"threshold.toml":  needy("threshold", "threshold", "kuery", `*`, "[rule.threshold]\nfield = [\"host.name\"]\nvalue = 1"),
	"suppress.toml":   needy("suppress", "query", "kuery", `*`, "[rule.alert_suppression]\ngroup_by = [\"host.name\"]\nduration = {value = 5, unit = \"h\"}"),
	"each-run.toml":   needy("each-run", "query", "kuery", `*`, "[rule.alert_suppression]\ngroup_by = [\"host.name\"]"),
	"terms.toml":      needy("terms", "new_terms", "kuery", `*`, "[rule.new_terms]\nfield = \"new_terms_fields\"\nvalue = [\"host.name\"]\nhistory_window_start = [{field = \"history_window_start\", value = \"now-1h\"}]"),
	"indicators.toml": needy("indicators", "threat_match", "kuery", `*`, "threat_index = [\"INDICATORS\"]\nthreat_query = \"*\"\nthreat_language = \"kuery\"\nthreat_mapping = [{entries = [{field = \"host.name\", type = \"mapping\", value = \"threat.indicator.name\"}]}]"),
	"esql.toml":       strings.Replace(needy("esql", "esql", "esql", `from EVENTS metadata _id, _index, _version | where host.name is not null`, ""), "index = [\"EVENTS\"]\n", "", 1),
	"correlation.yml": "title: base\nname: base\nlogsource: {product: x}\ndetection: {s: {host.name: a}, condition: s}\ncustom: {interval: 1m, from: now-10m, index: [EVENTS]}\n---\ntitle: many\nname: many\ncorrelation: {type: event_count, rules: [base], group-by: [host.name], timespan: 10m, condition: {gte: 1}}\ncustom: {interval: 1m, from: now-10m, index: [EVENTS]}\n",
	"spl.yml":         "name: Counted\nid: 7f1b6a5e-0000-4000-8000-000000000001\nversion: 1\ndate: '2026-01-01'\nauthor: x\nstatus: production\ntype: TTP\ndescription: d\nsearch: action=* | stats count by action\nhow_to_implement: x\nknown_false_positives: x\nrba: {message: m, risk_objects: [{field: action, type: other, score: 5}], threat_objects: []}\n",
	"spl-written.yml": "name: Written\nid: 7f1b6a5e-0000-4000-8000-000000000002\nversion: 1\ndate: '2026-01-01'\nauthor: x\nstatus: production\ntype: Hunting\ndescription: d\nsearch: action=* | stats count by action | outputlookup seen_hosts.csv\nhow_to_implement: x\nknown_false_positives: x\n",
}

func needy(id, kind, language, query, more string) string {
	return fmt.Sprintf("[rule]\nrule_id = %q\nname = %q\ndescription = \"d\"\nrisk_score = 21\nseverity = \"low\"\ntype = %q\nlanguage = %q\nindex = [\"EVENTS\"]\nquery = '''%s'''\ninterval = \"1m\"\nfrom = \"now-10m\"\n%s\n", id, id, kind, language, query, more)
}

// setUp is a namespace on a secured node with its rules.
type setUp struct {
	n     *Node
	env   []string
	flags []string
	slot  time.Time
	// told is what the last runs have written.
	told string
}

// role is the role that setup prints.
func (s *setUp) role(t *testing.T, more ...string) object {
	t.Helper()
	o := runner(t, nil, slices.Concat([]string{"setup", "role", "--format", "json"}, s.flags[2:], more)...)
	if o.code != 0 {
		t.Fatalf("setup role: exit code %d\n%s%s", o.code, o.out, o.err)
	}
	var requests []struct{ Body object }
	must(t, json.Unmarshal([]byte(o.out), &requests))
	return requests[0].Body
}

// faults runs the rules with new events, once and for a moment as a service, and returns what went wrong.
func (s *setUp) faults(t *testing.T) string {
	t.Helper()
	s.slot = s.slot.Add(20 * time.Minute)
	host := fmt.Sprint("h", s.slot.Unix())
	put(t, s.n, []doc{
		{s.n.Name("events"), host, object{"@timestamp": stamp(s.slot, time.Minute), "host": object{"name": host}, "action": host}},
		{s.n.Name("events"), host + "a", object{"@timestamp": stamp(s.slot, time.Minute), "host": object{"name": "a"}}},
		{s.n.Name("iocs"), host, object{"@timestamp": stamp(s.slot, time.Minute), "threat": object{"indicator": object{"name": host}}}},
	})
	var out []string
	s.told = ""
	for _, args := range [][]string{{"run", "--once", "--settle", "0s", "--at", s.slot.Format(time.RFC3339)}, {"run", "--listen", "none"}} {
		var o outcome
		if args[1] == "--once" {
			o = runner(t, s.env, slices.Concat(args, s.flags)...)
		} else {
			o = s.moment(t, slices.Concat(args, s.flags))
		}
		s.told += o.out + o.err
		if o.code != 0 {
			out = append(out, fmt.Sprintf("exit code %d: %s", o.code, o.err))
		}
		for line := range strings.Lines(o.err) {
			stopped := strings.Contains(line, "context canceled") // by the end of the moment
			if !stopped && (strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR")) {
				out = append(out, line)
			}
		}
	}
	return strings.Join(out, "\n")
}

// moment runs a service until it has joined and caught up, or has failed.
func (s *setUp) moment(t *testing.T, args []string) outcome {
	t.Helper()
	binary, err := buildRunner()
	must(t, err)
	command := exec.CommandContext(t.Context(), binary, args...)
	command.Env = append([]string{"PATH=" + os.Getenv("PATH")}, s.env...)
	file, err := os.CreateTemp(t.TempDir(), "log")
	must(t, err)
	command.Stderr = file
	must(t, command.Start())
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }()
	text := func() string {
		data, err := os.ReadFile(file.Name())
		must(t, err)
		return string(data)
	}
	for begun := time.Now(); time.Since(begun) < patience && !strings.Contains(text(), "msg=joined"); time.Sleep(50 * time.Millisecond) {
		select {
		case <-ended:
			return outcome{command.ProcessState.ExitCode(), "", text()}
		default:
		}
	}
	select {
	case <-ended:
	case <-time.After(time.Second): // for a look at the ledger
		_ = command.Process.Signal(syscall.SIGTERM)
	}
	<-ended
	return outcome{command.ProcessState.ExitCode(), "", text()}
}

// missing are the privileges that doctor names.
func (s *setUp) missing(t *testing.T, more ...string) []string {
	t.Helper()
	o := runner(t, s.env, slices.Concat([]string{"doctor", "--listen", "none", "--format", "json"}, more, s.flags)...)
	var found []struct{ Check, Status, Object string }
	if err := json.Unmarshal([]byte(o.out), &found); err != nil {
		t.Fatalf("doctor: exit code %d: %v\n%s%s", o.code, err, o.out, o.err)
	}
	var out []string
	for _, f := range found {
		if f.Check == "privileges" && f.Object != "" {
			out = append(out, f.Object)
		}
	}
	slices.Sort(out)
	return out
}

// without returns a role without one privilege, by number, and the lacks that doctor must name.
func without(role object, number int) (object, []string) {
	var copied object
	text, _ := json.Marshal(role)
	_ = json.Unmarshal(text, &copied)
	cluster := copied["cluster"].([]any)
	if number < len(cluster) {
		gone := cluster[number]
		copied["cluster"] = slices.Delete(cluster, number, number+1)
		return copied, []string{fmt.Sprint("cluster privilege ", gone)}
	}
	number -= len(cluster)
	for _, one := range copied["indices"].([]any) {
		grant := one.(map[string]any)
		privileges := grant["privileges"].([]any)
		if number >= len(privileges) {
			number -= len(privileges)
			continue
		}
		var lacks []string
		for _, name := range grant["names"].([]any) {
			lacks = append(lacks, fmt.Sprintf("%s on %s", privileges[number], name))
		}
		grant["privileges"] = slices.Delete(privileges, number, number+1)
		slices.Sort(lacks)
		return copied, lacks
	}
	return nil, nil
}

// privilegesOf returns the numbers of the privileges of a role: some at random, all of them in the full test.
func privilegesOf(role object, some int) []int {
	var numbers []int
	for number := 0; ; number++ {
		if less, _ := without(role, number); less == nil {
			break
		}
		numbers = append(numbers, number)
	}
	if os.Getenv("TOCSIN_SETUP_FULL") != "" {
		return numbers
	}
	rand.Shuffle(len(numbers), func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] })
	return numbers[:some]
}

// TestSetupRole: the printed roles suffice for rules of all kinds; without any one of their privileges something fails or
// warns, and doctor names exactly that one.
func TestSetupRole(t *testing.T) {
	sets := [][]string{nil} // all kinds together
	if os.Getenv("TOCSIN_SETUP_FULL") != "" {
		for name := range needyRules {
			// With a rule that makes alerts of events, and for searches one that scores: others need less.
			set := []string{"plain.toml", name}
			if strings.HasPrefix(name, "spl") {
				set = append(set, "spl.yml")
			}
			sets = append(sets, set)
		}
	}
	for _, set := range sets {
		t.Run(strings.Join(append(set, "rules"), " "), func(t *testing.T) {
			n := SecuredNode(t)
			dir := t.TempDir()
			for name, text := range needyRules {
				if set == nil || slices.Contains(set, name) {
					text = strings.NewReplacer("EVENTS", n.Name("events"), "INDICATORS", n.Name("iocs")).Replace(text)
					must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
				}
			}
			keyword := object{"type": "keyword"}
			n.CreateIndex(t, n.Name("events"), object{"properties": object{"@timestamp": object{"type": "date"}, "host": object{"properties": object{"name": keyword}}, "action": keyword}})
			n.CreateIndex(t, n.Name("iocs"), object{"properties": object{"@timestamp": object{"type": "date"}, "threat": object{"properties": object{"indicator": object{"properties": object{"name": keyword}}}}}})
			s := &setUp{n: n, slot: time.Now().Add(-100 * time.Hour).Truncate(time.Minute)}
			s.flags = []string{"--elasticsearch", n.URL, "--namespace", n.Prefix, "--rules", dir, "--splunk-index", n.Name("events")}
			if len(set) == 0 || set[len(set)-1] == "plain.toml" {
				hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				t.Cleanup(hook.Close)
				routes := filepath.Join(t.TempDir(), "notify.toml")
				must(t, os.WriteFile(routes, fmt.Appendf(nil, "[[route]]\nname = \"hook\"\ntype = \"webhook\"\nurl = %q\n", hook.URL), 0o600))
				s.flags = append(s.flags, "--notify", routes)
			}
			first := s.role(t, "--first")
			s.env = user(t, n, "service", first)
			role := "/_security/role/" + n.Name("service")
			if wrong := s.faults(t); wrong != "" {
				t.Fatalf("with the role of a first run: %s", wrong)
			}
			equal(t, "missing for a first run", s.missing(t, "--first"), nil)
			later := s.role(t)
			n.Must(t, http.MethodPut, role, later)
			if wrong := s.faults(t); wrong != "" {
				t.Fatalf("with the role of later runs: %s", wrong)
			}
			equal(t, "missing for later runs", s.missing(t), nil)
			for _, number := range privilegesOf(later, 4) {
				less, lacks := without(later, number)
				n.Must(t, http.MethodPut, role, less)
				old := object{"kind": "page", "rule_id": "gone", "day": "2001-01-01T00:00:00Z", "@timestamp": "2001-01-01T00:00:00Z"}
				n.Must(t, http.MethodPut, "/tocsin-ledger-"+n.Prefix+"/_doc/old?refresh=true", old)
				if slices.Contains(s.flags, "--notify") {
					n.Must(t, http.MethodPut, "/tocsin-outbox-"+n.Prefix+"/_doc/old?refresh=true", object{"id": "old", "status": "delivered", "at": "2001-01-01T00:00:00Z", "entry": "{}"})
				}
				wrong := s.faults(t)
				if wrong == "" { // the moment of the service was perhaps too short for what needs the privilege
					wrong = s.faults(t)
				}
				if wrong == "" {
					t.Errorf("nothing fails without %v:\n%s", lacks, s.told)
				}
				equal(t, "missing", s.missing(t), lacks)
			}
			for _, number := range privilegesOf(first, 3) {
				less, lacks := without(first, number)
				n.Must(t, http.MethodPut, role, less)
				equal(t, "missing for a first run", s.missing(t, "--first"), lacks)
			}
		})
	}
}
