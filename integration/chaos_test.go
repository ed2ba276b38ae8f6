//go:build integration

package integration

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The tests in this file kill runners while they work. Environment variables make them longer: TOCSIN_CHAOS_KILLS
// and TOCSIN_CHAOS_RULES (see `make chaos`).

func sizeOf(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv(variable), strconv.Itoa(otherwise)))
	must(t, err)
	return n
}

// chaos is one scenario with runners that are killed.
type chaos struct {
	// runners is the number of parallel runners; wrong is the clock offset of the last one.
	runners int
	wrong   time.Duration
	// rollover rolls the alerts' write index over in between.
	rollover bool
	// listen is the metrics address of the runner.
	listen string
	// correlations: the rules are correlations, which need several events.
	correlations bool
}

func TestChaos(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		chaos
	}{
		{"one runner", chaos{runners: 1}},
		{"two runners, rollover", chaos{runners: 2, rollover: true}},
		{"three runners, one clock fast", chaos{runners: 3, wrong: 90 * time.Second}},
		// The slots of the slow one come so much later; it is more than the look-back.
		{"two runners, one clock slow, correlations", chaos{runners: 2, wrong: -50 * time.Second, correlations: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.play(t, newNode(t), nil)
		})
	}
}

// play kills runners at random times. In the end the alerts are the same as in an undisturbed run, and no slot is
// open.
func (c chaos) play(t *testing.T, n *Node, between func(kill int)) {
	t.Helper()
	kills, rules := sizeOf(t, "TOCSIN_CHAOS_KILLS", 12), sizeOf(t, "TOCSIN_CHAOS_RULES", 40)
	index := n.Name("chaos")
	n.CreateIndex(t, index, eventMapping())
	write := chaosRules
	if c.correlations {
		write = chaosCorrelations
	}
	dir := write(t, index, rules, "2s", "40s")
	p := elasticsearch(n)
	crew := c.hire(t, p, dir)
	// Runners are not killed, and no events are written, before all rules are in the ledger: a rule has no open
	// slots from before.
	hired := time.Now()
	awaitCoverage(t, p, dir, hired.Add(-time.Minute), hired)
	feed := startFeed(t, n, index, rules)
	for kill := range kills {
		time.Sleep(500*time.Millisecond + rand.N(2*time.Second))
		crew[rand.IntN(len(crew))].signal(os.Kill, false)
		if c.rollover && kill%4 == 3 {
			n.Do(t, http.MethodPost, "/tocsin-alerts-"+n.Prefix+"/_rollover", nil) // may fail if it is too early
		}
		if between != nil {
			between(kill)
		}
	}
	written, last := feed.stop()
	t.Logf("%d kills, %d rules, %d events", kills, rules, len(written))
	awaitCoverage(t, p, dir, feed.begun, last.Add(10*time.Second))
	for _, r := range crew {
		r.stop(t)
	}
	n.Refresh(t, "tocsin-alerts-"+n.Prefix)
	got := p.list(t)
	count := n.Must(t, http.MethodPost, "/tocsin-alerts-"+n.Prefix+"/_count", nil).At("count").Int()
	equal(t, "alerts in all indices, each once", count, int64(len(got)))

	calm := p
	calm.flags = []string{"--elasticsearch", n.URL, "--namespace", n.Name("calm"), "--no-ledger"}
	calm.alerts = calm.flags[:4]
	n.Refresh(t, index)
	calm.mustOnce(t, write(t, index, rules, "2s", "3h"), time.Now().Add(time.Minute).Truncate(time.Second))
	want := calm.list(t)
	if c.correlations {
		// Late events may be members for one run and not for the other: the alerts are the same, their building blocks need not be.
		got, want = wholeGroups(t, got), wholeGroups(t, want)
		if len(want) < 10 {
			t.Errorf("an undisturbed run makes %d alerts only", len(want))
		}
	} else {
		equal(t, "alerts of an undisturbed run", len(want), len(written))
	}
	for id, a := range want {
		if got[id] == nil {
			t.Errorf("missing: %v of an event of %v; the last was written at %s", a["kibana.alert.rule.rule_id"], a["kibana.alert.original_time"], last)
		}
	}
	for id := range got {
		if want[id] == nil {
			t.Errorf("nobody expects alert %s", id)
		}
	}
}

// awaitCoverage waits until no slot of a time range is open.
func awaitCoverage(t *testing.T, p place, rules string, from, to time.Time) {
	t.Helper()
	args := slices.Concat([]string{
		"coverage", "gaps", "--settle", "0s", "--rules", rules, "--from", from.UTC().Format(time.RFC3339), "--to", to.UTC().Format(time.RFC3339),
	}, p.flags)
	deadline := time.Now().Add(3 * time.Minute)
	for {
		if time.Now().After(to.Add(2 * time.Second)) {
			o := runner(t, p.env, args...)
			if o.code == 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("slots are still open:\n%s%s", o.out, o.err)
			}
		}
		time.Sleep(time.Second)
	}
}

// chaosRules writes rules; each alerts on the events with its own number.
func chaosRules(t *testing.T, index string, rules int, interval, from string) string {
	t.Helper()
	dir := ruleDir(t.TempDir())
	for i := range rules {
		file := dir.add(t, fmt.Sprintf("chaos-%03d", i), index, fmt.Sprintf("any where process.pid == %d", i), fmt.Sprintf("interval = %q", interval))
		text, err := os.ReadFile(file)
		must(t, err)
		must(t, os.WriteFile(file, bytes.Replace(text, []byte(`"now-10m"`), []byte(strconv.Quote("now-"+from)), 1), 0o600))
	}
	return string(dir)
}

// chaosCorrelations writes correlations over the numbers of events, one of them about others. More events never make them find less.
func chaosCorrelations(t *testing.T, index string, rules int, interval, from string) string {
	t.Helper()
	dir := t.TempDir()
	custom := fmt.Sprintf("custom: {interval: %s, from: now-%s, index: [%s], max_signals: 10000}\n", interval, from, index)
	var text strings.Builder
	for i := range rules {
		fmt.Fprintf(&text, "title: p%d\nname: p%d\nlogsource: {product: chaos}\ndetection: {s: {process.pid: %d}, condition: s}\n%s---\n", i, i, i, custom)
	}
	for i := range rules / 4 {
		a, b, c := 4*i, 4*i+1, 4*i+2
		fmt.Fprintf(&text, "title: count%d\nname: count%d\ncorrelation: {type: event_count, rules: [p%d, p%d], group-by: [host.name], timespan: 10s, condition: {gte: 2}}\n%s---\n", i, i, a, b, custom)
		fmt.Fprintf(&text, "title: order%d\nname: order%d\ncorrelation: {type: temporal_ordered, rules: [p%d, p%d], group-by: [host.name], timespan: 20s}\n%s---\n", i, i, b, c, custom)
		fmt.Fprintf(&text, "title: values%d\nname: values%d\ncorrelation: {type: value_count, rules: [p%d, p%d, p%d], timespan: 5s, condition: {field: host.name, gte: 2}}\n%s---\n", i, i, a, b, c, custom)
		fmt.Fprintf(&text, "title: both%d\nname: both%d\ncorrelation: {type: temporal, rules: [count%d, p%d], group-by: [host.name], timespan: 30s, generate: true}\n%s---\n", i, i, i, c, custom)
	}
	must(t, os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(text.String()), 0o600))
	return dir
}

// wholeGroups returns the alerts without building blocks, each of which must be of one of them.
func wholeGroups(t *testing.T, alerts map[string]map[string]any) map[string]map[string]any {
	t.Helper()
	out := map[string]map[string]any{}
	for id, a := range alerts {
		if a["kibana.alert.building_block_type"] == nil {
			out[id] = a
		}
	}
	for id, a := range alerts {
		if group, _ := a["kibana.alert.group.id"].(string); a["kibana.alert.building_block_type"] != nil && out[group] == nil {
			t.Errorf("building block %s of the group %s, which has no alert", id, group)
		}
	}
	return out
}

// feed writes events, late and out of order.
type feed struct {
	begun time.Time
	end   context.CancelFunc
	done  sync.WaitGroup
	ids   map[string]bool
	last  time.Time
}

// latest is the maximum delay of an event; it is shorter than the look-back of the rules.
const latest = 15 * time.Second

func startFeed(t *testing.T, n *Node, index string, rules int) *feed {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &feed{begun: time.Now(), end: cancel, ids: map[string]bool{}}
	f.done.Go(func() {
		for k := 0; ctx.Err() == nil; k++ {
			var bulk strings.Builder
			encoder := json.NewEncoder(&bulk)
			for range 5 {
				id := fmt.Sprintf("e%d-%d", k, len(f.ids))
				at := time.Now().Add(-min(rand.N(latest), time.Since(f.begun)))
				_ = encoder.Encode(object{"create": object{"_index": index, "_id": id}})
				_ = encoder.Encode(object{
					"@timestamp": at.UTC().Format(time.RFC3339Nano), "process": object{"pid": rand.IntN(rules)}, "event": object{"category": "process"},
					"host": object{"name": fmt.Sprint("host-", rand.IntN(2))},
				})
				f.ids[id] = true
			}
			// Retries are sent with create, so that a node refuses existing events.
			for {
				status, _, err := n.send(context.WithoutCancel(ctx), http.MethodPost, "/_bulk", "application/x-ndjson", bulk.String())
				if err == nil && status == http.StatusOK {
					break
				}
				if t.Context().Err() != nil {
					return
				}
				time.Sleep(200 * time.Millisecond)
			}
			f.last = time.Now()
			time.Sleep(250 * time.Millisecond)
		}
	})
	t.Cleanup(func() { cancel(); f.done.Wait() })
	return f
}

// stop ends the feed and returns the written events and the time of the last one.
func (f *feed) stop() (map[string]bool, time.Time) {
	f.end()
	f.done.Wait()
	return f.ids, f.last
}

// hand restarts a runner whenever it ends, like a service manager: after a kill, and when Elasticsearch was
// unavailable at start.
type hand struct {
	args, env []string
	log       *os.File

	mu      sync.Mutex
	command *exec.Cmd
	off     bool
	ended   chan error
}

func (c chaos) hire(t *testing.T, p place, rules string) []*hand {
	t.Helper()
	var crew []*hand
	for i := range c.runners {
		log, err := os.Create(filepath.Join(t.TempDir(), fmt.Sprintf("runner-%d.log", i)))
		must(t, err)
		h := &hand{
			args: slices.Concat([]string{"run", "--rules", rules, "--lease", "3s", "--listen", cmp.Or(c.listen, "none")}, p.flags),
			env:  []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}, log: log,
		}
		if i == c.runners-1 && c.wrong != 0 {
			h.env = append(h.env, "TOCSIN_CLOCK_OFFSET="+c.wrong.String())
		}
		h.start(t)
		t.Cleanup(func() { h.drop(t) })
		crew = append(crew, h)
	}
	return crew
}

func (h *hand) start(t *testing.T) {
	t.Helper()
	binary, err := buildRunner()
	must(t, err)
	h.ended = make(chan error, 1)
	must(t, h.begin(t.Context(), binary))
	go func() {
		for {
			err := h.command.Wait()
			h.mu.Lock()
			if h.off || t.Context().Err() != nil {
				h.mu.Unlock()
				h.ended <- err
				return
			}
			h.mu.Unlock()
			if h.command.ProcessState.Exited() {
				time.Sleep(500 * time.Millisecond)
			}
			if err := h.begin(t.Context(), binary); err != nil {
				h.ended <- err
				return
			}
		}
	}()
}

// begin starts the process.
func (h *hand) begin(ctx context.Context, binary string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.command = exec.CommandContext(ctx, binary, h.args...)
	h.command.Stdout, h.command.Stderr, h.command.Env = h.log, h.log, h.env
	return h.command.Start()
}

// signal sends a signal to the running process; last stops the restarts.
func (h *hand) signal(s os.Signal, last bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.off = h.off || last
	_ = h.command.Process.Signal(s) // It may have ended, and be restarted.
}

// stop ends the runner with SIGTERM.
func (h *hand) stop(t *testing.T) {
	t.Helper()
	h.signal(os.Interrupt, true)
	err := <-h.ended
	if h.ended <- err; err != nil {
		t.Errorf("the runner ended with %v", err)
	}
}

// drop ends the runner at the end of a test, and shows the end of its log if the test failed.
func (h *hand) drop(t *testing.T) {
	t.Helper()
	h.signal(os.Kill, true)
	<-h.ended //nolint:errcheck // it was killed
	_ = h.log.Close()
	if text, _ := os.ReadFile(h.log.Name()); t.Failed() {
		lines := bytes.Split(text, []byte("\n"))
		t.Logf("%s:\n%s", h.log.Name(), bytes.Join(lines[max(0, len(lines)-40):], []byte("\n")))
	}
}

// pid returns the id of the running process.
func (h *hand) pid() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.command.Process.Pid
}

// TestChaosNode stops and starts its own node with the script in TOCSIN_CHAOS_NODE
// (integration/engine/node/run.sh), TOCSIN_CHAOS_STOPS times (default 3).
func TestChaosNode(t *testing.T) {
	script := os.Getenv("TOCSIN_CHAOS_NODE")
	if script == "" {
		t.Skip("set TOCSIN_CHAOS_NODE to a script that runs a node")
	}
	const port = "9321"
	n := &Node{URL: "http://127.0.0.1:" + port, Prefix: "chaosnode"}
	home := t.TempDir()
	begin := func() *exec.Cmd {
		command := exec.CommandContext(t.Context(), script, port)
		command.Env = append(os.Environ(), "ES_HOME="+home, "ES_HEAP=512m", "ES_LOG=WARN")
		must(t, command.Start())
		awaitNode(t, n)
		return command
	}
	node := begin()
	t.Cleanup(func() { _ = node.Process.Kill(); _ = node.Wait() })
	stops := sizeOf(t, "TOCSIN_CHAOS_STOPS", 3)
	every := max(1, sizeOf(t, "TOCSIN_CHAOS_KILLS", 12)/stops)
	chaos{runners: 2}.play(t, n, func(kill int) {
		if kill%every != every-1 {
			return
		}
		must(t, node.Process.Signal(os.Interrupt))
		_ = node.Wait()
		time.Sleep(rand.N(5 * time.Second))
		node = begin()
	})
}

func awaitNode(t *testing.T, n *Node) {
	t.Helper()
	for range 120 {
		status, _, err := n.send(t.Context(), http.MethodGet, "/_cluster/health?wait_for_status=yellow&timeout=1s", "application/json", nil)
		if err == nil && status == http.StatusOK {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Fatal("the node does not come up")
}

// TestSoak runs TOCSIN_SOAK_RULES rules at a one-minute interval for TOCSIN_SOAK_MINUTES, and prints their cost.
// It is skipped without these variables.
func TestSoak(t *testing.T) {
	rules, minutes := sizeOf(t, "TOCSIN_SOAK_RULES", 0), sizeOf(t, "TOCSIN_SOAK_MINUTES", 0)
	if rules == 0 || minutes == 0 {
		t.Skip("set TOCSIN_SOAK_RULES and TOCSIN_SOAK_MINUTES")
	}
	n := newNode(t)
	index := n.Name("soak")
	n.CreateIndex(t, index, eventMapping())
	dir := chaosRules(t, index, rules, "1m", "2m")
	p := elasticsearch(n)
	crew := chaos{runners: 1, listen: "127.0.0.1:9467"}.hire(t, p, dir)
	feed := startFeed(t, n, index, rules)
	most := int64(0)
	metrics := map[string]float64{}
	for end := time.Now().Add(time.Duration(minutes) * time.Minute); time.Now().Before(end); time.Sleep(2 * time.Second) {
		most = max(most, residentKiB(t, crew[0].pid()))
		maps.Copy(metrics, scrape(t, "http://127.0.0.1:9467/metrics", "tocsin_schedule_lateness_seconds"))
	}
	_, last := feed.stop()
	awaitCoverage(t, p, dir, feed.begun, last)
	crew[0].stop(t)
	all := metrics["_count"]
	within := metrics[`_bucket{le="2.56"}`]
	t.Logf("%d rules, %d minutes: %.0f live starts, %.2f%% within 2.56 s of their slot, every slot covered, at most %d MiB resident",
		rules, minutes, all, 100*within/max(1, all), most>>10)
	if within < 0.99*all {
		t.Errorf("only %.0f of %.0f starts were within 2.56 s", within, all)
	}
	if most > 256<<10 {
		t.Errorf("%d KiB resident", most)
	}
}

// residentKiB returns the resident set size of a process.
func residentKiB(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0 // not on Linux
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			must(t, err)
			return n
		}
	}
	return 0
}

// scrape returns the series of a metric, by the text after its name.
func scrape(t *testing.T, url, name string) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	must(t, err)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return out // not available yet
	}
	defer func() { _ = response.Body.Close() }()
	var text bytes.Buffer
	_, err = text.ReadFrom(response.Body)
	must(t, err)
	for line := range strings.Lines(text.String()) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			if key, value, ok := strings.Cut(rest, " "); ok {
				out[key], err = strconv.ParseFloat(strings.TrimSpace(value), 64)
				must(t, err)
			}
		}
	}
	return out
}
