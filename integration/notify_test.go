//go:build integration

package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// hook is a webhook that fails half of the time, before or after it has taken a message, and takes a message with a key that it knows
// only once.
type hook struct {
	*httptest.Server

	mu sync.Mutex
	// taken are the keys of notices by the keys of messages.
	taken           map[string]string
	requests, known int
}

func startHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{taken: map[string]string{}}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var m struct {
		Key    string
		Notice struct{ Key string }
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests++
	luck := rand.IntN(4)
	if luck == 0 || json.Unmarshal(body, &m) != nil || m.Key != r.Header.Get("Idempotency-Key") {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if _, known := h.taken[m.Key]; known {
		h.known++
	}
	h.taken[m.Key] = m.Notice.Key
	if luck == 1 {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// peak returns the largest resident size of a process so far, in MiB; 0 if it has ended.
func (h *hand) peak() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.command == nil || h.command.Process == nil {
		return 0
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", h.command.Process.Pid))
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kb, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(text), " kB"))
			return kb >> 10
		}
	}
	return 0
}

// TestNotifyChaos kills three runners while alerts are made and told to a webhook that fails half of the time. In the end the webhook has
// every alert, each under one key, and nothing else. TOCSIN_NOTIFY_KILLS and TOCSIN_NOTIFY_ALERTS make it longer.
func TestNotifyChaos(t *testing.T) {
	t.Parallel()
	kills, alerts, rules := sizeOf(t, "TOCSIN_NOTIFY_KILLS", 6), sizeOf(t, "TOCSIN_NOTIFY_ALERTS", 300), 20
	n := newNode(t)
	index := n.Name("notify")
	n.CreateIndex(t, index, eventMapping())
	h := startHook(t)
	routes := filepath.Join(t.TempDir(), "routes.toml")
	must(t, os.WriteFile(routes, []byte(fmt.Sprintf("[[route]]\nname = \"hook\"\ntype = \"webhook\"\nurl = %q\nkinds = [\"alert\"]\nretry_max = \"5s\"\n", h.URL)), 0o600))
	p := elasticsearch(n)
	p.flags = append(p.flags, "--notify", routes)
	dir := chaosRules(t, index, rules, "2s", "10m")
	crew := chaos{runners: 3}.hire(t, p, dir)
	hired := time.Now()
	awaitCoverage(t, p, dir, hired.Add(-time.Minute), hired)

	begun, peak, written := time.Now(), 0, 0
	for kill := range kills {
		written += writeEvents(t, n, index, kill, alerts*(kill+1)/kills-alerts*kill/kills, rules)
		time.Sleep(500*time.Millisecond + rand.N(1500*time.Millisecond))
		for _, r := range crew {
			peak = max(peak, r.peak())
		}
		crew[rand.IntN(len(crew))].signal(os.Kill, false)
	}
	last := time.Now()
	awaitCoverage(t, p, dir, begun, last.Add(5*time.Second))
	deadline := time.Now().Add(20 * time.Minute)
	told := func() int {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.taken)
	}
	left := append([]string{"notify", "list", "--status", "pending,collecting,dead", "--limit", "5", "--format", "ndjson"}, p.flags...)
	o := runner(t, p.env, left...)
	for (told() < written || strings.TrimSpace(o.out) != "") && time.Now().Before(deadline) {
		time.Sleep(time.Second)
		o = runner(t, p.env, left...)
	}
	time.Sleep(3 * time.Second) // for what is told too often
	for _, r := range crew {
		peak = max(peak, r.peak())
		r.stop(t)
	}
	n.Refresh(t, "tocsin-alerts-"+n.Prefix)
	made := p.list(t)
	t.Logf("%d kills, %d events, %d alerts, %d requests, %d of them repeated, told %s after the last kill; largest process %d MiB",
		kills, written, len(made), h.requests, h.known, time.Since(last).Round(time.Second), peak)
	equal(t, "alerts", len(made), written)
	keys := map[string]int{}
	for _, key := range h.taken {
		keys[key]++
	}
	for id := range made {
		if keys[id] != 1 {
			t.Errorf("alert %s was told under %d keys", id, keys[id])
		}
	}
	equal(t, "notices", len(keys), len(made))
	if peak > 400 {
		t.Errorf("a runner took %d MiB", peak)
	}
	if o.code != 0 || strings.TrimSpace(o.out) != "" {
		t.Errorf("left over: %s%s", o.out, o.err)
	}
}

// writeEvents writes some events of now, and returns their number.
func writeEvents(t *testing.T, n *Node, index string, part, events, rules int) int {
	t.Helper()
	if events == 0 {
		return 0
	}
	var bulk strings.Builder
	encoder := json.NewEncoder(&bulk)
	for i := range events {
		_ = encoder.Encode(object{"create": object{"_index": index, "_id": fmt.Sprintf("e%d-%d", part, i)}})
		_ = encoder.Encode(object{
			"@timestamp": time.Now().UTC().Format(time.RFC3339Nano), "process": object{"pid": rand.IntN(rules)}, "event": object{"category": "process"},
			"host": object{"name": fmt.Sprint("host-", rand.IntN(2))},
		})
	}
	status, _, err := n.send(t.Context(), http.MethodPost, "/_bulk", "application/x-ndjson", bulk.String())
	if err != nil || status != http.StatusOK {
		t.Fatal("write events:", status, err)
	}
	return events
}
