//go:build integration

package integration

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/run/health"
)

// fault is something that goes wrong with a running service, and what is told of it.
type fault struct {
	name string
	// answers, if not nil, answers requests in place of the node while the fault lasts; it returns false for those that it leaves alone.
	answers func(w http.ResponseWriter, r *http.Request) bool
	// begin and end make the fault in the node or the files, if answers does not.
	begin, end func(t *testing.T, s *faulty)
	// silent stops the events while the fault lasts.
	silent bool
	// kind is what is told, alone. Of a kind that is passing the end is not told.
	kind    string
	passing bool
	args    []string
	// alerts: alerts go to the webhook, too, which refuses them while the fault lasts.
	alerts bool
}

const (
	faultSlot = 2 * time.Second
	// toldWithin is how soon a fault has to be told, and its end: two slots, and what the calls and probes take on a busy machine.
	toldWithin = 45 * time.Second
	// atATime is how many services run together.
	atATime = 6
)

func refuse(w http.ResponseWriter, status int, kind, reason string) bool {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":{"root_cause":[{"type":%q,"reason":%q}],"type":%q,"reason":%q},"status":%d}`, kind, reason, kind, reason, status)
	return true
}

// ofIndex answers requests to an index, by the beginning of its name, that read or write documents.
func ofIndex(part string, status int, kind, reason string, verbs ...string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		path, _ := url.PathUnescape(r.URL.Path)
		body := ""
		if strings.Contains(path, "_msearch") {
			data, _ := io.ReadAll(r.Body)
			body = string(data)
			r.Body = io.NopCloser(strings.NewReader(body))
		}
		if !strings.Contains(path+body, part) || !slices.ContainsFunc(verbs, func(v string) bool { return strings.Contains(path, v) }) {
			return false
		}
		return refuse(w, status, kind, reason)
	}
}

func settings(index func(s *faulty) string, name string, value any) func(*testing.T, *faulty) {
	return func(t *testing.T, s *faulty) {
		t.Helper()
		for one := range strings.SplitSeq(index(s), ",") {
			s.node.Must(t, http.MethodPut, "/"+one+"/_settings", object{name: value})
		}
	}
}

func alertsIndex(s *faulty) string { return "tocsin-alerts-" + s.namespace + "-000001" }
func ledgerIndex(s *faulty) string { return "tocsin-ledger-" + s.namespace }
func outboxIndex(s *faulty) string { return "tocsin-outbox-" + s.namespace }
func leasesIndex(s *faulty) string { return "tocsin-leases-" + s.namespace }
func eventsIndex(s *faulty) string { return s.events }
func ownIndices(s *faulty) string {
	return alertsIndex(s) + "," + ledgerIndex(s) + "," + leasesIndex(s)
}

const (
	flood    = "index.blocks.read_only_allow_delete"
	noWrites = "index.blocks.write"
)

func recreate(mapping, more object) func(*testing.T, *faulty) {
	return func(t *testing.T, s *faulty) {
		t.Helper()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.node.Do(t, http.MethodDelete, "/"+s.events, nil)
		if mapping != nil {
			body := object{"settings": object{"number_of_replicas": 0}, "mappings": mapping}
			if more != nil {
				body["settings"] = more
			}
			s.node.Must(t, http.MethodPut, "/"+s.events, body)
		}
	}
}

func withoutField() object {
	return object{"dynamic": false, "properties": object{"@timestamp": object{"type": "date"}}}
}

func withType(kind string) object {
	m := eventMapping()
	m["properties"].(object)["event"].(object)["properties"].(object)["action"] = object{"type": kind, "ignore_malformed": true}
	return m
}

// beside makes another index that the rule reads; then does something with it.
func beside(settings object, then func(t *testing.T, s *faulty, index string)) func(*testing.T, *faulty) {
	return func(t *testing.T, s *faulty) {
		t.Helper()
		index := s.events + "-beside"
		s.node.Must(t, http.MethodPut, "/"+index, object{"settings": settings, "mappings": eventMapping()})
		then(t, s, index)
	}
}

// alone removes the other index.
func alone(t *testing.T, s *faulty) {
	t.Helper()
	s.node.Must(t, http.MethodDelete, "/"+s.events+"-beside", nil)
}

// rewrite replaces a text of the rule.
func rewrite(old, replacement string) func(*testing.T, *faulty) {
	return edit(func(dir string) error {
		name := filepath.Join(dir, "r.toml")
		text, err := os.ReadFile(name)
		return cmp.Or(err, os.WriteFile(name, []byte(strings.Replace(string(text), old, replacement, 1)), 0o600))
	})
}

// restarted stops the service for a while.
func restarted(pause time.Duration) func(*testing.T, *faulty) {
	return func(t *testing.T, s *faulty) {
		t.Helper()
		s.stop()
		time.Sleep(pause)
		s.stop = s.start(t, s.address, s.args)
	}
}

func mapped(index func(s *faulty) string, body object) func(*testing.T, *faulty) {
	return func(t *testing.T, s *faulty) {
		t.Helper()
		s.node.Must(t, http.MethodPut, "/"+index(s)+"/_mapping", body)
	}
}

// replayed sends the notifications again that were given up, as a person does.
func replayed(t *testing.T, s *faulty) {
	t.Helper()
	time.Sleep(faultSlot) // none is under way to be given up any more
	binary, err := buildRunner()
	must(t, err)
	command := exec.CommandContext(t.Context(), binary, "notify", "replay", "--all", "--elasticsearch", s.node.URL, "--namespace", s.namespace)
	command.Env = s.environment()
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("replay: %v: %s", err, out)
	}
}

func edit(change func(dir string) error) func(*testing.T, *faulty) {
	return func(t *testing.T, s *faulty) {
		t.Helper()
		must(t, change(string(s.rules)))
	}
}

// faults are the faults of the table. Those that begin with the node are made in it.
var faults = []fault{
	{name: "the connection is cut", kind: "cluster-unreachable", answers: func(w http.ResponseWriter, _ *http.Request) bool {
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = c.Close()
		}
		return true
	}},
	{name: "the cluster has no master", kind: "cluster-unreachable", answers: func(w http.ResponseWriter, _ *http.Request) bool {
		return refuse(w, 503, "master_not_discovered_exception", "no master")
	}},
	{name: "a proxy cannot reach the cluster", kind: "cluster-unreachable", answers: func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>bad gateway</html>")
		return true
	}},
	{name: "the cluster does not answer", kind: "cluster-unreachable", answers: func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}},
	{name: "the API key is revoked", kind: "cluster-refused", answers: func(w http.ResponseWriter, _ *http.Request) bool {
		return refuse(w, 401, "security_exception", "unable to authenticate with provided credentials: api key [x] is expired")
	}},
	{
		name: "the API key is revoked when the service starts", kind: "not-started", args: []string{"--start-timeout", "1h"}, begin: restarted(0),
		answers: func(w http.ResponseWriter, _ *http.Request) bool {
			return refuse(w, 401, "security_exception", "unable to authenticate with provided credentials: api key [x] is expired")
		},
	},
	{name: "another server answers", kind: "cluster-refused", answers: func(w http.ResponseWriter, _ *http.Request) bool {
		_, _ = io.WriteString(w, "{}")
		return true
	}},
	{name: "the role lacks what is cleaned up with", kind: "role-incomplete", answers: func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/_has_privileges") {
			return false
		}
		var asked struct {
			Cluster []string
			Index   []struct{ Names, Privileges []string }
		}
		_ = json.NewDecoder(r.Body).Decode(&asked)
		cluster, index := map[string]bool{}, map[string]map[string]bool{}
		for _, privilege := range asked.Cluster {
			cluster[privilege] = true
		}
		for _, g := range asked.Index {
			for _, name := range g.Names {
				if index[name] == nil {
					index[name] = map[string]bool{}
				}
				for _, privilege := range g.Privileges {
					index[name][privilege] = privilege != "delete"
				}
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		_ = json.NewEncoder(w).Encode(object{"has_all_requested": false, "cluster": cluster, "index": index})
		return true
	}},
	{
		name: "the events may not be read", kind: "privilege-missing",
		answers: ofIndex("-events", 403, "security_exception", "action [indices:data/read/search] is unauthorized for user [u] on indices [logs-x], this action is granted by the index privileges [read,all]", "_search", "_pit", "_msearch"),
	},
	{
		name: "alerts may not be written", kind: "alerts-not-writable",
		answers: ofIndex("tocsin-alerts", 403, "security_exception", "action [indices:data/write/bulk] is unauthorized", "_bulk", "_create"),
	},
	{
		name: "the ledger may not be written", kind: "ledger-not-writable",
		answers: ofIndex("tocsin-ledger", 403, "security_exception", "action [indices:data/write/bulk] is unauthorized", "_bulk"),
	},
	{
		name: "the ledger is not available", kind: "ledger-not-writable",
		answers: ofIndex("tocsin-ledger", 503, "unavailable_shards_exception", "primary shard is not active", "_bulk"),
	},
	{name: "the leases may not be written", kind: "lease-lost", answers: func(w http.ResponseWriter, r *http.Request) bool {
		return strings.Contains(r.URL.Path, "tocsin-leases") && strings.HasSuffix(r.URL.Path, "/runners") && r.Method != http.MethodGet &&
			refuse(w, 403, "security_exception", "action [indices:data/write/index] is unauthorized")
	}},
	{
		name: "the search of the rule fails", kind: "rule-failing",
		answers: ofIndex("-events", 400, "search_phase_execution_exception", "no", "_search", "_pit", "_msearch"),
	},
	{
		name: "the shards of the events fail", kind: "rule-failing",
		answers: ofIndex("-events", 500, "illegal_state_exception", "no", "_search", "_pit", "_msearch"),
	},
	{name: "the rule takes too long", kind: "rule-cut-off", args: []string{"--rule-timeout", "6s"}, answers: func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "-events") && strings.Contains(r.URL.Path, "_pit") && r.Method == http.MethodPost {
			<-r.Context().Done()
			return true
		}
		return false
	}},
	{name: "the clock differs", kind: "clock-skew", answers: func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/_nodes/") {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		_, _ = fmt.Fprintf(w, `{"nodes":{"a":{"timestamp":%d}}}`, time.Now().Add(time.Hour).UnixMilli())
		return true
	}},
	{name: "node: the disk is full", kind: "alerts-not-writable", begin: settings(ownIndices, flood, true), end: settings(ownIndices, flood, nil)},
	{name: "node: the alerts are at the flood stage", kind: "alerts-not-writable", begin: settings(alertsIndex, flood, true), end: settings(alertsIndex, flood, nil)},
	{name: "node: the alerts are blocked", kind: "alerts-not-writable", begin: settings(alertsIndex, noWrites, true), end: settings(alertsIndex, noWrites, nil)},
	{name: "node: the alerts are read-only", kind: "alerts-not-writable", begin: settings(alertsIndex, "index.blocks.read_only", true), end: settings(alertsIndex, "index.blocks.read_only", nil)},
	{name: "node: the ledger is at the flood stage", kind: "ledger-not-writable", begin: settings(ledgerIndex, flood, true), end: settings(ledgerIndex, flood, nil)},
	{name: "node: the ledger is blocked", kind: "ledger-not-writable", begin: settings(ledgerIndex, noWrites, true), end: settings(ledgerIndex, noWrites, nil)},
	{name: "node: the leases are blocked", kind: "lease-lost", begin: settings(leasesIndex, noWrites, true), end: settings(leasesIndex, noWrites, nil)},
	{name: "node: the index of the events is gone", kind: "pattern-vacant", begin: recreate(nil, nil), end: recreate(eventMapping(), nil)},
	{name: "node: the index of the events is renamed", kind: "pattern-vacant", begin: func(t *testing.T, s *faulty) {
		t.Helper()
		s.node.CreateIndex(t, s.node.Name(s.namespace[len(s.node.Prefix)+1:]+"-renamed"), eventMapping())
		recreate(nil, nil)(t, s)
	}, end: recreate(eventMapping(), nil)},
	{name: "node: the events may not be read", kind: "privilege-missing", begin: settings(eventsIndex, "index.blocks.read", true), end: settings(eventsIndex, "index.blocks.read", nil)},
	{name: "node: a field is removed", kind: "fields-missing", begin: recreate(withoutField(), nil), end: recreate(eventMapping(), nil)},
	{name: "node: a field has another type", kind: "rule-failing", begin: recreate(withType("long"), nil), end: recreate(eventMapping(), nil)},
	{
		name: "node: the shards refuse the search", kind: "rule-failing",
		begin: recreate(eventMapping(), object{"number_of_replicas": 0, "index.max_regex_length": 3}), end: recreate(eventMapping(), nil),
	},
	{name: "node: the source is silent", kind: "source-silent", silent: true, args: []string{"--silent-after", "8s"}},
	{
		name: "node: the cluster is busy, and slots stay open", kind: "gap", args: []string{"--gap-after", "10s"}, begin: restarted(4 * faultSlot),
		answers: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/_cluster/health" {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("X-Elastic-Product", "Elasticsearch")
			_, _ = io.WriteString(w, `{"status":"red"}`)
			return true
		},
	},
	{
		name: "node: the service was off for too long", kind: "slots-given-up", passing: true, args: []string{"--catch-up-age", "10s"}, begin: restarted(10 * faultSlot),
	},
	{
		name: "node: the mapping of the alerts is another one", kind: "index-unfit",
		begin: mapped(alertsIndex, object{"dynamic": true}), end: mapped(alertsIndex, object{"dynamic": false}),
	},
	{
		name: "node: the ledger has fields of its own", kind: "index-unfit",
		begin: mapped(ledgerIndex, object{"runtime": object{"x": object{"type": "keyword"}}}), end: mapped(ledgerIndex, object{"runtime": object{"x": nil}}),
	},
	{name: "node: the outbox is blocked", kind: "outbox-not-writable", alerts: true, begin: settings(outboxIndex, noWrites, true), end: settings(outboxIndex, noWrites, nil)},
	{
		name: "node: an index is closed", kind: "index-closed", args: []string{"--closed", "unread"}, end: alone,
		begin: beside(object{"number_of_replicas": 0}, func(t *testing.T, s *faulty, index string) {
			t.Helper()
			s.node.Must(t, http.MethodPost, "/"+index+"/_close", nil)
		}),
	},
	{
		name: "node: one of two shards refuses the search", kind: "shards-failed", end: alone,
		begin: beside(object{"number_of_replicas": 0, "index.max_regex_length": 3}, func(t *testing.T, s *faulty, index string) {
			t.Helper()
			for i := range 120 { // else the shard is left out of searches
				s.node.Must(t, http.MethodPost, "/"+index+"/_doc", object{"@timestamp": time.Now().Add(time.Duration(i) * time.Second).UTC().Format(time.RFC3339), "event": object{"action": "x"}})
			}
			s.node.Must(t, http.MethodPost, "/"+index+"/_refresh", nil)
		}),
	},
	{name: "node: a remote cluster is not there", kind: "remote-unreachable", begin: rewrite(`index = [`, `index = ["nowhere:logs-*", `), end: rewrite(`"nowhere:logs-*", `, "")},
	{name: "node: a receiver refuses alerts", kind: "notifications-undelivered", alerts: true, end: replayed},
	{
		name: "a rule has a mistake after a reload", kind: "reload-broken",
		begin: edit(func(dir string) error { return appendTo(filepath.Join(dir, "r.toml"), "\nx = [\n") }),
		end: edit(func(dir string) error {
			text, err := os.ReadFile(filepath.Join(dir, "r.toml"))
			return cmp.Or(err, os.WriteFile(filepath.Join(dir, "r.toml"), []byte(strings.TrimSuffix(string(text), "\nx = [\n")), 0o600))
		}),
	},
	{
		name: "a new rule has a mistake", kind: "reload-broken",
		begin: edit(func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "new.toml"), []byte("[rule]\nname = 1\n"), 0o600)
		}),
		end: edit(func(dir string) error { return os.Remove(filepath.Join(dir, "new.toml")) }),
	},
	{
		name: "all rules are gone", kind: "reload-broken",
		begin: edit(func(dir string) error { return os.Rename(filepath.Join(dir, "r.toml"), filepath.Join(dir, "r.away")) }),
		end:   edit(func(dir string) error { return os.Rename(filepath.Join(dir, "r.away"), filepath.Join(dir, "r.toml")) }),
	},
}

func appendTo(name, text string) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return cmp.Or(err, f.Close())
}

// faulty is a service behind a proxy, with events that come all the time.
type faulty struct {
	node      *Node
	namespace string
	events    string
	rules     ruleDir
	broken    atomic.Bool
	silent    atomic.Bool
	// address is where the service finds the node, args are its further arguments; stop stops it.
	address string
	args    []string
	stop    func()
	// told are the keys of notices that came to the webhook, each once.
	told []string

	// mu guards the index of the events.
	mu    sync.Mutex
	logMu sync.Mutex
	lines []stateLine
	all   []string
}

type stateLine struct {
	Message string `json:"msg"`
	Kind    string `json:"kind"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	Created int    `json:"created"`
}

// states returns the lines about states so far.
func (s *faulty) states(message string) []stateLine {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	var out []stateLine
	for _, l := range s.lines {
		// Templates that runners of another version have left on a shared node are not what is tested here.
		if l.Message == message && (l.Kind != "index-unfit" || !strings.HasPrefix(l.Subject, "index template")) {
			out = append(out, l)
		}
	}
	return out
}

func (s *faulty) log() string {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	return strings.Join(s.all, "\n")
}

// await waits for as many lines as there must be.
func (s *faulty) await(t *testing.T, message string, n int) {
	t.Helper()
	begun := time.Now()
	for len(s.states(message)) < n {
		if time.Since(begun) > toldWithin {
			t.Fatalf("no %q within %s:\n%s", message, toldWithin, s.log())
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("%q after %s: %+v", message, time.Since(begun).Round(100*time.Millisecond), s.states(message)[n-1])
}

// TestFaults: each fault is told once, alone and soon, and so is its end, which comes by itself. TOCSIN_HEALTH_FAULTS is the number of the
// faults that are tried, or all.
func TestFaults(t *testing.T) {
	t.Parallel()
	node := newNode(t)
	n, err := strconv.Atoi(cmp.Or(os.Getenv("TOCSIN_HEALTH_FAULTS"), "4"))
	if err != nil {
		n = len(faults)
	}
	places := make(chan struct{}, atATime)
	for i, f := range faults {
		if (i+1)*n/len(faults) == i*n/len(faults) {
			continue // a sample, spread over the table
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			places <- struct{}{}
			defer func() { <-places }()
			tryFault(t, node, i, f)
		})
	}
}

// TestFaultOfEveryKind: no kind of state is told only in theory, and what is said to be passing is.
func TestFaultOfEveryKind(t *testing.T) {
	for _, d := range health.Kinds {
		i := slices.IndexFunc(faults, func(f fault) bool { return f.kind == string(d.Kind) })
		if i < 0 {
			t.Errorf("no fault is told as %s", d.Kind)
		} else if faults[i].passing != d.Passing {
			t.Errorf("%s: passing is %t", faults[i].name, faults[i].passing)
		}
	}
}

func tryFault(t *testing.T, node *Node, i int, f fault) {
	t.Helper()
	s := &faulty{node: node, namespace: node.Name(fmt.Sprint("f", i)), events: node.Name(fmt.Sprint("f", i, "-events")), rules: ruleDir(t.TempDir())}
	node.CreateIndex(t, s.events, eventMapping())
	s.rules.add(t, "r", s.events+"*", `any where event.action regex "b(a|e)d"`, `interval = "2s"`)
	name := filepath.Join(string(s.rules), "r.toml")
	text, err := os.ReadFile(name)
	must(t, err)
	must(t, os.WriteFile(name, []byte(strings.Replace(string(text), `"now-10m"`, `"now-10s"`, 1)), 0o600))

	target, err := url.Parse(node.URL)
	must(t, err)
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.answers == nil || !s.broken.Load() || !f.answers(w, r) {
			forward.ServeHTTP(w, r)
		}
	}))
	defer proxy.CloseClientConnections()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/alerts" {
			if s.broken.Load() {
				w.WriteHeader(http.StatusBadRequest)
			}
			return
		}
		var body struct {
			Notice struct {
				Key string `json:"key"`
			} `json:"notice"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		s.logMu.Lock()
		defer s.logMu.Unlock()
		if key := stateKey(body.Notice.Key); !slices.Contains(s.told, key) && !strings.HasPrefix(key, "state/index-unfit/index template") {
			s.told = append(s.told, key)
		}
	}))
	defer hook.Close()
	routes := filepath.Join(t.TempDir(), "routes.toml")
	routing := "[[route]]\nname = \"hook\"\ntype = \"webhook\"\nkinds = [\"state\", \"recovery\"]\nurl = \"" + hook.URL + "\"\n"
	if f.alerts {
		routing += "[[route]]\nname = \"alerts\"\ntype = \"webhook\"\nkinds = [\"alert\"]\nurl = \"" + hook.URL + "/alerts\"\n"
	}
	must(t, os.WriteFile(routes, []byte(routing), 0o600))
	s.address, s.args = proxy.URL, append([]string{"--notify", routes}, f.args...)
	s.stop = s.start(t, s.address, s.args)
	defer func() { s.stop() }()
	stopEvents := s.feed(t)
	defer stopEvents()

	begun := time.Now()
	for !slices.ContainsFunc(s.states("executed"), func(l stateLine) bool { return l.Created > 0 }) {
		if time.Since(begun) > toldWithin {
			t.Fatalf("no alert:\n%s", s.log())
		}
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(2 * faultSlot)
	if states := s.states("state"); len(states) > 0 {
		t.Fatalf("before the fault: %+v", states)
	}
	s.broken.Store(true)
	s.silent.Store(f.silent)
	if f.begin != nil {
		f.begin(t, s)
	}
	s.await(t, "state", 1)
	s.awaitNotices(t, 1)
	time.Sleep(4 * faultSlot)
	s.broken.Store(false)
	s.silent.Store(false)
	if f.end != nil {
		f.end(t, s)
	}
	if !f.passing {
		s.await(t, "state ended", 1)
		s.awaitNotices(t, 2)
	}
	time.Sleep(3 * faultSlot)
	states, ended := s.states("state"), s.states("state ended")
	told := "state/" + f.kind + "/" + states[0].Subject + "/1/"
	want := []string{told + "raised", told + "recovered"}
	if f.passing {
		want = want[:1]
	}
	equal(t, "notices", s.notices(), want)
	if len(states) != 1 || len(ended) != len(want)-1 || states[0].Kind != f.kind || slices.ContainsFunc(ended, func(l stateLine) bool { return l.Kind != f.kind || l.Subject != states[0].Subject }) {
		t.Errorf("want %s once, got %+v, ended %+v\n%s", f.kind, states, ended, s.log())
	}
}

// stateKey returns the key of a notice without the process, which keys of states have that only one process knows.
func stateKey(key string) string {
	for _, change := range []string{"/raised", "/recovered"} {
		if before, _, ok := strings.Cut(key, change+"/"); ok {
			return before + change
		}
	}
	return key
}

// awaitNotices waits for as many notices as there must be.
func (s *faulty) awaitNotices(t *testing.T, n int) {
	t.Helper()
	begun := time.Now()
	for len(s.notices()) < n {
		if time.Since(begun) > toldWithin {
			t.Fatalf("notices %v within %s, want %d:\n%s", s.notices(), toldWithin, n, s.log())
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (s *faulty) notices() []string {
	s.logMu.Lock()
	defer s.logMu.Unlock()
	return slices.Clone(s.told)
}

// feed writes an event each second until it is stopped.
func (s *faulty) feed(t *testing.T) (stop func()) {
	t.Helper()
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-time.After(time.Second):
			}
			if s.silent.Load() {
				continue
			}
			s.mu.Lock()
			// It must not make the index anew, and is refused while the index is blocked.
			if status, _ := s.node.Do(t, http.MethodHead, "/"+s.events, nil); status != http.StatusOK {
				s.mu.Unlock()
				continue
			}
			_, _ = s.node.Do(t, http.MethodPost, "/"+s.events+"/_doc?refresh=true", object{
				"@timestamp": time.Now().UTC().Format(time.RFC3339Nano), "event": object{"action": "bad"},
			})
			s.mu.Unlock()
		}
	})
	return func() { close(done); running.Wait() }
}

// environment is that of the commands: nothing of the tests gets into them.
func (s *faulty) environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}
}

// start starts the service and reads its log.
func (s *faulty) start(t *testing.T, address string, more []string) (stop func()) {
	t.Helper()
	args := slices.Concat([]string{
		"run", "--elasticsearch", address, "--namespace", s.namespace, "--rules", string(s.rules), "--listen", "none", "--log-format", "json", "--settle", "0s",
	}, more)
	return startLogged(t, args, s.environment(), func(text []byte) {
		var l stateLine
		_ = json.Unmarshal(text, &l) // other lines have nothing of it
		s.logMu.Lock()
		defer s.logMu.Unlock()
		s.lines, s.all = append(s.lines, l), append(s.all, string(text))
	})
}

// startLogged starts a command, and hands over each line of its log until stop has ended it.
func startLogged(t *testing.T, args, environment []string, said func(text []byte)) (stop func()) {
	t.Helper()
	binary, err := buildRunner()
	must(t, err)
	command := exec.CommandContext(t.Context(), binary, args...)
	command.Env = environment
	pipe, err := command.StderrPipe()
	must(t, err)
	must(t, command.Start())
	var reading sync.WaitGroup
	reading.Go(func() {
		lines := bufio.NewScanner(pipe)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			said(lines.Bytes())
		}
	})
	return sync.OnceFunc(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		reading.Wait()
		_ = command.Wait()
	})
}
