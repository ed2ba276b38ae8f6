//go:build integration

package integration

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// backfillSize is the size of the test of interruptions: small, unless environment variables set it (the full size
// is 100 rules over 30 days).
func backfillSize(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}

// past is some days of events on a node, and rules for them.
type past struct {
	node     *Node
	rules    string
	from, to time.Time
	url      string
	// few is the process number above which events match the rule with max_signals = 1.
	few int
}

// newPast writes events and rules. Of eight rules, one each counts, finds new terms, suppresses and follows a
// sequence; the others find single events, one of them with more hits than max_signals.
func newPast(t *testing.T, rules, days, perHour int, interval string, few int) past {
	t.Helper()
	n := newNode(t)
	to := aSlot().Truncate(24 * time.Hour)
	p := past{node: n, rules: t.TempDir(), from: to.AddDate(0, 0, -days), to: to, url: n.URL, few: few}
	indices := []string{n.Name("logs-1"), n.Name("logs-2"), n.Name("logs-3")}
	for _, index := range indices {
		n.CreateIndex(t, index, eventMapping())
	}
	random := rand.New(rand.NewPCG(5, 5))
	var docs []doc
	for i := range days * 24 * perHour {
		at := p.from.Add(time.Duration(random.IntN(days*24*3600*1000)) * time.Millisecond)
		docs = append(docs, doc{indices[random.IntN(3)], strconv.Itoa(i), object{
			"@timestamp": at.Format("2006-01-02T15:04:05.000Z"), "event": object{"category": "process"},
			"host": object{"name": fmt.Sprintf("h%d", random.IntN(9))}, "user": object{"name": fmt.Sprintf("u%d", random.IntN(days*100))},
			"process": object{"name": fmt.Sprintf("p%d", random.IntN(200)), "pid": random.IntN(10_000)},
		}})
	}
	for chunk := range slices.Chunk(docs, 5000) {
		put(t, n, chunk)
	}
	for i := range rules {
		p.add(t, i, interval)
	}
	return p
}

func (p past) add(t *testing.T, i int, interval string) {
	t.Helper()
	id := fmt.Sprintf("r%03d", i)
	index := p.node.Name([]string{"logs-*", "logs-1", "logs-2"}[i%3])
	every := fmt.Sprintf("interval = %q", interval)
	dir := ruleDir(p.rules)
	switch i % 8 {
	case 0:
		p.kuery(t, id, "threshold", index, fmt.Sprintf("process.pid >= %d", 9000-i), every, "[rule.threshold]\nfield = [\"host.name\"]\nvalue = 2")
	case 1:
		p.kuery(t, id, "new_terms", index, "process.pid >= 0", every, "history_window_start = \"now-2d\"\nnew_terms_fields = [\"user.name\"]")
	case 2:
		p.kuery(t, id, "query", index, fmt.Sprintf("process.name: p%d", i), every,
			"[rule.alert_suppression]\ngroup_by = [\"host.name\"]\nduration = {value = 3, unit = \"h\"}")
	case 3:
		dir.add(t, id, index, fmt.Sprintf(`sequence by host.name with maxspan=5m [any where process.pid < 500] [any where process.pid > %d]`, 9000-i), every)
	case 4:
		dir.add(t, id, index, fmt.Sprintf(`process where process.pid > %d`, p.few), every, "max_signals = 1")
	default:
		dir.add(t, id, index, fmt.Sprintf(`process where process.name : ("p%d", "P1%d") and process.pid > %d`, i, i, 10*i), every)
	}
}

// kuery writes a rule in KQL.
func (p past) kuery(t *testing.T, id, typ, index, query string, more ...string) {
	t.Helper()
	text := fmt.Sprintf("[rule]\nrule_id = %q\nname = \"rule %s\"\ndescription = \"A rule of a test.\"\ntype = %q\nlanguage = \"kuery\"\nindex = [%q]\nseverity = \"low\"\nrisk_score = 21\nfrom = \"now-20m\"\nquery = '''%s'''\n%s\n",
		id, id, typ, index, query, strings.Join(more, "\n"))
	must(t, os.WriteFile(p.rules+"/"+id+".toml", []byte(text), 0o600))
}

// args returns the arguments of a backfill with its own alerts namespace.
func (p past) args(namespace string, more ...string) []string {
	return slices.Concat([]string{
		"backfill", "--elasticsearch", p.url, "--namespace", p.node.Prefix, "--alerts-namespace", p.node.Prefix + namespace,
		"--rules", p.rules, "--from", p.from.Format(time.RFC3339), "--to", p.to.Format(time.RFC3339), "--format", "ndjson", "--log-format", "json",
	}, more)
}

// alerts returns the alerts of a namespace.
func (p past) alerts(t *testing.T, namespace string) map[string]object {
	t.Helper()
	return place{name: namespace, alerts: []string{"--elasticsearch", p.node.URL, "--namespace", p.node.Prefix + namespace}}.list(t)
}

// backfilled is a line of the account.
type backfilled struct {
	Job      string `json:"job"`
	RuleID   string `json:"rule_id"`
	Slots    int64  `json:"slots"`
	Before   int64  `json:"before"`
	Covered  int64  `json:"covered"`
	Left     int64  `json:"left"`
	Runs     int64  `json:"runs"`
	Created  int64  `json:"created"`
	New      int64  `json:"new"`
	Existing int64  `json:"existing"`

	rounds int64
}

// sum adds up the accounts of an invocation's rules.
func sum(t *testing.T, out string) backfilled {
	t.Helper()
	var all backfilled
	for line := range strings.Lines(out) {
		var b backfilled
		must(t, json.Unmarshal([]byte(line), &b))
		all.Job = b.Job
		all.Slots, all.Before, all.Covered, all.Left = all.Slots+b.Slots, all.Before+b.Before, all.Covered+b.Covered, all.Left+b.Left
		all.Runs, all.Created, all.New, all.Existing = all.Runs+b.Runs, all.Created+b.Created, all.New+b.New, all.Existing+b.Existing
	}
	return all
}

// ofBackfill runs a backfill to its end.
func ofBackfill(t *testing.T, args []string) backfilled {
	t.Helper()
	code, out, errs := long(t, args, nil)
	if code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	all := sum(t, out)
	if _, after, ok := strings.Cut(errs, `"rounds":`); ok {
		_, err := fmt.Sscanf(after, "%d", &all.rounds)
		must(t, err)
	}
	return all
}

// untilLine reads up to a line that contains the text.
func untilLine(t *testing.T, r *bufio.Reader, text string) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		must(t, err)
		if strings.Contains(line, text) {
			return
		}
	}
}

// long runs the binary without a timeout, and passes its process to the caller, who may kill it.
func long(t *testing.T, args []string, disturb func(*exec.Cmd, *bufio.Reader)) (code int, out, errs string) {
	t.Helper()
	binary, err := buildRunner()
	must(t, err)
	command := exec.CommandContext(t.Context(), binary, args...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
	if disturb == nil {
		_ = command.Run()
		return command.ProcessState.ExitCode(), stdout.String(), stderr.String()
	}
	command.Stderr = nil
	pipe, err := command.StderrPipe()
	must(t, err)
	must(t, command.Start())
	reader := bufio.NewReader(pipe)
	disturb(command, reader)
	_, _ = stderr.ReadFrom(reader)
	_ = command.Wait()
	return command.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// TestBackfillKilled: a backfill that is killed five times makes the same alerts as an undisturbed one.
// TOCSIN_BACKFILL_RULES=100 and TOCSIN_BACKFILL_DAYS=30 are its full size; TOCSIN_BACKFILL_INTERVAL is then the
// interval of the rules.
func TestBackfillKilled(t *testing.T) {
	rules, days := backfillSize(t, "TOCSIN_BACKFILL_RULES", 16), backfillSize(t, "TOCSIN_BACKFILL_DAYS", 2)
	interval := "10m"
	if days > 5 {
		interval = cmp.Or(os.Getenv("TOCSIN_BACKFILL_INTERVAL"), "5m")
	}
	p := newPast(t, rules, days, 60, interval, 7000)
	start := time.Now()
	whole := ofBackfill(t, p.args("-whole"))
	took := time.Since(start)
	if whole.Left != 0 || whole.Covered != whole.Slots || whole.Created == 0 {
		t.Fatalf("%+v", whole)
	}
	for range 5 {
		code, out, errs := long(t, p.args("-killed", "--log-level", "debug"), func(c *exec.Cmd, r *bufio.Reader) {
			for rounds := rand.Int64N(whole.rounds / 6); rounds >= 0; rounds-- {
				untilLine(t, r, `"msg":"round"`)
			}
			time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond) // a random time
			must(t, c.Process.Kill())
		})
		if code == 0 {
			t.Fatalf("it ended before it was killed: %s%s", out, errs)
		}
	}
	last := ofBackfill(t, p.args("-killed"))
	t.Logf("%d rules, %d days, %d slots in %d runs, %d alerts, %s undisturbed; the last of the killed had %d slots left",
		rules, days, whole.Slots, whole.Runs, whole.Created, took.Round(time.Millisecond), last.Covered)
	if last.Left != 0 || last.Before+last.Covered != whole.Slots || last.Before == 0 {
		t.Errorf("%+v", last)
	}
	want, got := lasting(p.alerts(t, "-whole")), lasting(p.alerts(t, "-killed"))
	byRule := map[string]int{}
	for id, alert := range want {
		byRule[alert["kibana.alert.rule.rule_id"].(string)]++
		if fmt.Sprint(got[id]) != fmt.Sprint(alert) {
			t.Fatalf("alert %s:\nundisturbed %v\nkilled      %v", id, alert, got[id])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d alerts, undisturbed %d", len(got), len(want))
	}
	for i := range min(rules, 5) {
		if id := fmt.Sprintf("r%03d", i); byRule[id] == 0 {
			t.Errorf("rule %s has no alert: the comparison says nothing of its type", id)
		}
	}
	jobs := runner(t, nil, "backfill", "list", "--elasticsearch", p.url, "--namespace", p.node.Prefix)
	if strings.Count(jobs.out, "done") != 2 {
		t.Errorf("jobs:\n%s%s", jobs.out, jobs.err)
	}

	// After that, a dry run and a diff find nothing to do and write nothing.
	before := p.alerts(t, "-whole")
	dry := ofBackfill(t, p.args("-whole", "--dry-run"))
	if dry.New != 0 || dry.Existing == 0 || dry.Left != 0 {
		t.Errorf("dry run: %+v", dry)
	}
	code, out, errs := long(t, p.args("-whole", "--diff"), nil)
	if code != 0 || strings.Count(out, `"change":"same"`) != len(want) || strings.Contains(out, `"change":"new"`) || strings.Contains(out, `"change":"missing"`) {
		t.Errorf("diff: exit code %d, %d same of %d\n%s", code, strings.Count(out, `"change":"same"`), len(want), errs)
	}
	equal(t, "alerts after a dry run", len(p.alerts(t, "-whole")), len(before))
}

// TestBackfillInterrupted: on SIGINT the running round ends, and the command says how to resume the job. Before
// there are any alerts, a dry run creates nothing.
func TestBackfillInterrupted(t *testing.T) {
	p := newPast(t, 5, 2, 30, "10m", 5000)
	dry := ofBackfill(t, p.args("", "--dry-run"))
	if dry.New == 0 || dry.Existing != 0 || len(p.alerts(t, "")) != 0 {
		t.Fatalf("dry run: %+v", dry)
	}
	reply := p.node.Must(t, http.MethodGet, "/_cat/indices/tocsin-*"+p.node.Prefix+"*?format=json&expand_wildcards=all", nil)
	if len(reply.List()) > 0 {
		t.Errorf("a dry run has made indices: %s", reply)
	}
	code, out, errs := long(t, p.args("", "--log-level", "debug"), func(c *exec.Cmd, r *bufio.Reader) {
		for range 5 {
			untilLine(t, r, `"msg":"round"`)
		}
		must(t, c.Process.Signal(syscall.SIGINT))
	})
	first := sum(t, out)
	if code != 1 || first.Left == 0 || !strings.Contains(errs, "interrupted, ") || !strings.Contains(errs, "runner backfill --job "+first.Job) {
		t.Fatalf("exit code %d, %+v\n%s", code, first, errs)
	}
	args := []string{
		"backfill", "--elasticsearch", p.url, "--namespace", p.node.Prefix, "--alerts-namespace", p.node.Prefix,
		"--rules", p.rules, "--job", first.Job, "--format", "ndjson",
	}
	second := ofBackfill(t, args)
	if second.Left != 0 || second.Before != first.Covered || first.Created+second.Created == 0 {
		t.Errorf("%+v, then %+v", first, second)
	}
	if alerts := p.alerts(t, ""); int64(len(alerts)) != dry.New {
		t.Errorf("%d alerts were foreseen, %d are there", dry.New, len(alerts))
	}
}

// TestBackfillMeasured prints the cost of a backfill, with merged slots and slot by slot. It runs if
// TOCSIN_BACKFILL_MEASURE is set to a number of rules.
func TestBackfillMeasured(t *testing.T) {
	rules := backfillSize(t, "TOCSIN_BACKFILL_MEASURE", 0)
	if rules == 0 {
		t.Skip("TOCSIN_BACKFILL_MEASURE is not set")
	}
	days := backfillSize(t, "TOCSIN_BACKFILL_DAYS", 30)
	p := newPast(t, 2*rules, days, 300, "5m", 9990) // half of them find single events
	target, err := url.Parse(p.node.URL)
	must(t, err)
	var requests atomic.Int64
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // a client that has read enough is no error
	counter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		proxy.ServeHTTP(w, r)
	}))
	defer counter.Close()
	p.url = counter.URL
	events := rulesOf(t, p.rules, func(i int) bool { return i%8 >= 4 })
	mixed := rulesOf(t, p.rules, func(i int) bool { return i < rules })
	for _, row := range []struct {
		name, rules string
		days        int
		more        []string
	}{
		{"rules of single events, merged", events, days, nil},
		{"rules of single events, slot by slot", events, 1, []string{"--slot-by-slot"}},
		{"half of the rules slot by slot, as they must", mixed, 1, nil},
	} {
		q := p
		q.rules, q.from = row.rules, p.to.AddDate(0, 0, -row.days)
		requests.Store(0)
		start := time.Now()
		got := ofBackfill(t, q.args(fmt.Sprintf("-%d", start.UnixNano()), row.more...))
		t.Logf("%s: %d days, %d slots in %d runs, %d alerts: %s, %d requests", row.name, row.days, got.Slots, got.Runs, got.Created,
			time.Since(start).Round(100*time.Millisecond), requests.Load())
	}
}

// rulesOf copies some rules to a directory of their own.
func rulesOf(t *testing.T, dir string, wanted func(int) bool) string {
	t.Helper()
	files, err := os.ReadDir(dir)
	must(t, err)
	out := t.TempDir()
	for i, f := range files {
		if !wanted(i) {
			continue
		}
		data, err := os.ReadFile(dir + "/" + f.Name())
		must(t, err)
		must(t, os.WriteFile(out+"/"+f.Name(), data, 0o600))
	}
	return out
}
