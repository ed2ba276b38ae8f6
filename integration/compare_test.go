//go:build integration

package integration

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search/batch"
	"tocsin/internal/search/planner"
	"tocsin/internal/translate"
)

// The flags of TestCompareRounds. Without -round.documents it is skipped.
var (
	roundDocuments  = flag.Int("round.documents", 0, "documents to compare ways of running rules over; a fifth of them lies in the window")
	roundRules      = flag.Int("round.rules", 0, "rules to run; 0: all there are")
	roundGroups     = flag.Int("round.groups", 1, "groups of indices, up to 3, whose mappings differ in the fields of every rule")
	roundKeep       = flag.String("round.keep", "", "prefix of indices that are kept, and found again by the next run")
	roundElastAlert = flag.String("round.elastalert", "", "program elastalert of ElastAlert 2; \"\": leave it out")
	roundOnly       = flag.String("round.only", "", "only the ways whose names begin so")
	roundEARules    = flag.Int("round.elastalert-rules", 100, "rules that ElastAlert 2 runs at most")
	roundProfile    = flag.String("round.cpuprofile", "", "file for the profile of the scans")
)

// TestCompareRounds runs the same rules over the same events in each way: by one scan, by batches of searches, by
// one search for each rule, and by ElastAlert 2. The alerts must be the same. The cost of each way is printed,
// without limits, as the machine is shared.
//
// It measures a later round of a service: mappings are resolved, and rules are bound and compiled. Alerts are made
// and compared, but not written.
func TestCompareRounds(t *testing.T) {
	if *roundDocuments == 0 {
		t.Skip("no -round.documents: see docs/performance.md")
	}
	rules := roundRuleSet(t)
	node := newNode(t)
	if *roundKeep != "" {
		node = &Node{URL: node.URL, Password: node.Password, Prefix: *roundKeep, authorization: node.authorization}
	}
	c := &comparison{node: node, slot: time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)}
	c.prepare(t, rules)
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	c.client = client
	ways := []way{
		{name: "scan", planner: &planner.Planner{Pin: planner.Scan}},
		{name: "search", planner: &planner.Planner{Pin: planner.Search}},
		{name: "single, 8 at a time", planner: &planner.Planner{Pin: planner.Single}, concurrency: 8},
		{name: "single, one at a time", planner: &planner.Planner{Pin: planner.Single}, concurrency: 1},
	}
	if *roundOnly != "" {
		ways = slices.DeleteFunc(ways, func(w way) bool { return !strings.HasPrefix(w.name, *roundOnly) })
	}
	for _, w := range ways[:min(3, len(ways))] { // A round before the measured one, as in a service.
		c.run(t, w, c.slot.Add(-2*roundWindow), roundWindow)
	}
	for _, length := range []time.Duration{roundWindow, roundWindow / 10} {
		var table []measured
		for _, w := range ways {
			table = append(table, c.run(t, w, c.slot, length))
		}
		if *roundElastAlert != "" {
			table = append(table, c.elastAlert(t, c.slot, length))
		}
		report(os.Stdout, length, len(c.plans), table)
		for _, m := range table[1:] {
			if diff := cmp.Diff(table[0].alerts, m.alerts); diff != "" && m.alerts != nil {
				t.Errorf("alerts (-%s +%s):\n%s", table[0].way, m.way, diff)
			}
		}
		for _, m := range table[:len(ways)] {
			if m.failed > 0 {
				t.Errorf("%s: %d rules failed", m.way, m.failed)
			}
		}
	}
}

// roundWindow is the window of rules with the default interval and some overlap.
const roundWindow = 9 * time.Minute

// comparison is the common input of all ways.
type comparison struct {
	node   *Node
	client *elastic.Client
	slot   time.Time
	plans  []query.Plan
}

// way is a way to answer the searches of rules.
type way struct {
	name    string
	planner *planner.Planner
	// concurrency is the number of rules that run at the same time; 0: as in a service.
	concurrency int
}

// measured is the cost of one way.
type measured struct {
	way              string
	rules            int
	took             time.Duration
	server, own      time.Duration
	peak             int64
	requests, failed int
	plan             string
	scanned          batch.Scanned
	// alerts are the ids of alerts, sorted; nil if they cannot be compared.
	alerts []string
	count  int
}

// roundRuleSet returns the rules on single events of the public corpus, or else rules of our own.
func roundRuleSet(t *testing.T) []*rule.Rule {
	t.Helper()
	loaded, _ := rule.Load("../../shared/corpus/elastic")
	all := loaded.Rules()
	if len(all) == 0 {
		loaded, diags := rule.Load(ownRounds(t))
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		all = loaded.Rules()
	}
	var rules []*rule.Rule
	for _, r := range all {
		if r.Type != rule.TypeEQL && r.Type != rule.TypeQuery || !translate.Supports(r.Language) {
			continue
		}
		q, diags := translate.Parse(r.Language, r.Query, translate.Options{CategoryField: r.EventCategoryOverride})
		if diags.HasErrors() || q.Shape() != translate.Events {
			continue
		}
		rules = append(rules, r)
	}
	if n := *roundRules; n > 0 {
		rules = rules[:min(n, len(rules))]
	}
	return rules
}

// ownRounds writes rules of typical shapes, for machines without the corpus.
func ownRounds(t *testing.T) string {
	t.Helper()
	rules := ruleDir(t.TempDir())
	for i, name := range strings.Fields("cmd powershell rundll32 curl bash python certutil whoami net reg") {
		id := strconv.Itoa(i)
		rules.add(t, "name-"+id, "logs-*", fmt.Sprintf(`process where event.type == "start" and process.name : "%s*" and not user.name : "S-1-*"`, name))
		rules.add(t, "line-"+id, "logs-*", fmt.Sprintf(`process where process.command_line : ("*%s*-enc*", "* /c %s *")`, name, name))
		rules.add(t, "file-"+id, "logs-endpoint.events.*", fmt.Sprintf(`file where file.path : "*\\%s*.exe" and process.name != "%s.exe"`, name, name))
		rules.add(t, "net-"+id, "logs-endpoint.events.network-*", fmt.Sprintf(`network where process.name : "%s*" and not cidrmatch(destination.ip, "10.0.0.0/8", "127.0.0.0/8")`, name))
	}
	return string(rules)
}

// run runs all rules over the window before a slot.
func (c *comparison) run(t *testing.T, w way, slot time.Time, length time.Duration) measured {
	t.Helper()
	alerts := &collector{}
	round := &pipeline.Round{
		Pipeline: &pipeline.Pipeline{Events: c.client, Alerts: alerts, Instances: store.NewMemory(), Now: func() time.Time { return slot }},
		Planner:  w.planner, Concurrency: w.concurrency,
	}
	var plan planner.Round
	round.Observe = func(r planner.Round) { plan = r }
	jobs := make([]pipeline.Job, len(c.plans))
	for i, plan := range c.plans {
		jobs[i] = pipeline.Job{Plan: plan, Slot: slot, Window: window.Window{From: slot.Add(-length), To: slot}}
	}
	m := measured{way: w.name, rules: len(jobs)}
	stop := c.measure(t, &m)
	if *roundProfile != "" && w.planner.Pin == planner.Scan && slot.Equal(c.slot) {
		f, err := os.Create(*roundProfile + "." + strconv.Itoa(int(length.Seconds())))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { must(t, f.Close()) }()
		if err := pprof.StartCPUProfile(f); err != nil {
			t.Fatal(err)
		}
		defer pprof.StopCPUProfile()
	}
	executions := round.RunAll(t.Context(), jobs, nil)
	stop()
	m.plan, m.scanned = plan.String(), plan.Scan
	for _, x := range executions {
		if x.Err != nil || x.Diagnostics.HasErrors() {
			m.failed++
			t.Logf("%s: %s", x.RuleName, x.Problem())
		}
	}
	slices.Sort(alerts.sums)
	m.alerts, m.count = alerts.sums, len(alerts.sums)
	return m
}

// collector collects the parts of alerts that are compared.
type collector struct {
	mu   sync.Mutex
	sums []string
}

// Create implements [alert.Indexer].
func (c *collector) Create(_ context.Context, docs []alert.Document) ([]alert.Written, error) {
	written := make([]alert.Written, len(docs))
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, d := range docs {
		written[i].Outcome = alert.Created
		c.sums = append(c.sums, d.ID)
	}
	return written, nil
}

// nodeStats is how long the node caches its statistics.
const nodeStats = 1100 * time.Millisecond

// measure starts a measurement; the returned function ends it.
func (c *comparison) measure(t *testing.T, m *measured) func() {
	t.Helper()
	time.Sleep(nodeStats)
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // Resets the peak, on Linux.
	server, requests, own := c.serverCPU(t), c.requests(t), ownCPU()
	start := time.Now()
	return func() {
		m.took = time.Since(start)
		m.peak = peakRSS()
		time.Sleep(nodeStats)
		m.own, m.server = ownCPU()-own, c.serverCPU(t)-server
		m.requests = c.requests(t) - requests
	}
}

// serverCPU returns the total CPU time of the node's process.
func (c *comparison) serverCPU(t *testing.T) time.Duration {
	t.Helper()
	reply := c.node.Must(t, "GET", "/_nodes/stats/process", nil)
	var sum time.Duration
	for _, id := range reply.At("nodes").Keys() {
		sum += time.Duration(reply.At("nodes", id, "process", "cpu", "total_in_millis").Int()) * time.Millisecond
	}
	return sum
}

// requests returns the number of searches that the node has received, including counts and points in time.
func (c *comparison) requests(t *testing.T) int {
	t.Helper()
	reply := c.node.Must(t, "GET", "/_nodes/stats/http", nil)
	sum := 0
	for _, id := range reply.At("nodes").Keys() {
		routes := reply.At("nodes", id, "http", "routes")
		for _, route := range routes.Keys() {
			if strings.Contains(route, "search") || strings.Contains(route, "_pit") {
				sum += int(routes.At(route, "requests", "count").Int())
			}
		}
	}
	return sum
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peakRSS returns the peak resident memory since the last reset, 0 if the system does not report it.
func peakRSS() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// report prints a table with the cost of each way, and its ratio to the scan.
func report(w io.Writer, length time.Duration, rules int, table []measured) {
	write := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	write("\n%d rules, window of %s, %d documents in all; load %s", rules, length, *roundDocuments, load())
	write("| way | rules | time | × scan | rules/s | node's CPU | × scan | own CPU | peak MiB | requests | alerts |")
	write("|---|---|---|---|---|---|---|---|---|---|---|")
	scan := table[0]
	per := func(d time.Duration, rules int) float64 { return d.Seconds() / float64(max(rules, 1)) }
	for _, m := range table {
		write("| %s | %d | %.2f s | %.1f | %.0f | %.2f s | %.1f | %.2f s | %d | %d | %d |", m.way, m.rules, m.took.Seconds(),
			per(m.took, m.rules)/per(scan.took, scan.rules), 1/per(m.took, m.rules), m.server.Seconds(), per(m.server, m.rules)/max(per(scan.server, scan.rules), 1e-9),
			m.own.Seconds(), m.peak>>20, m.requests, m.count)
	}
	for _, m := range table {
		if m.scanned.Events > 0 {
			write("%s: %d hits", m.way, m.scanned.Hits)
		}
		if m.plan != "" {
			write("%s: %s", m.way, m.plan)
		}
	}
}

func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
