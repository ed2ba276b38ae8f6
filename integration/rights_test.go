//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/ledger"
)

// holder is a user, or the holder of an API key, whose privileges change.
type holder struct {
	n      *Node
	client elastic.Config
	// grant grants these privileges on indices, and revokes all others.
	grant func(t *testing.T, entries ...object)
}

// may is an entry of a role.
func may(privileges string, names ...string) object {
	return object{"names": names, "privileges": strings.Split(privileges, ",")}
}

// someUser creates a user with only the cluster privilege monitor.
func someUser(t *testing.T, n *Node, cluster ...string) holder {
	t.Helper()
	role := func(entries []object) object {
		return object{"cluster": append([]string{}, cluster...), "indices": append([]object{}, entries...)}
	}
	user(t, n, "holder", role(nil))
	name := n.Name("holder")
	return holder{
		n: n, client: elastic.Config{URLs: []string{n.URL}, Username: name, Password: "s3cret-holder"},
		grant: func(t *testing.T, entries ...object) {
			t.Helper()
			n.Must(t, http.MethodPut, "/_security/role/"+name, role(entries))
		},
	}
}

// someKey creates an API key of the superuser with only the cluster privilege monitor.
func someKey(t *testing.T, n *Node) holder {
	t.Helper()
	role := func(entries []object) object {
		return object{"limited": object{"cluster": []string{"monitor"}, "indices": append([]object{}, entries...)}}
	}
	key := n.Must(t, http.MethodPost, "/_security/api_key", object{"name": n.Name("key"), "role_descriptors": role(nil)})
	return holder{
		n: n, client: elastic.Config{URLs: []string{n.URL}, APIKey: key.At("encoded").String()},
		grant: func(t *testing.T, entries ...object) {
			t.Helper()
			n.Must(t, http.MethodPut, "/_security/api_key/"+key.At("id").String(), object{"role_descriptors": role(entries)})
		},
	}
}

// TestRightsTakenAway: whatever happens to the privileges on the indices of a rule, no slot is covered without its
// events, and once the privilege is back all of them alert.
func TestRightsTakenAway(t *testing.T) {
	const read, sees = "read,view_index_metadata", "view_index_metadata"
	for _, tt := range []struct {
		name     string
		patterns []string
		// with is what exists before the events: an alias, a data stream.
		with func(t *testing.T, c *course)
		// rights are the privileges before, meanwhile and after. nil before: those of meanwhile from the start.
		before, meanwhile []object
		// whole: --require-whole-patterns; key: an API key; blind: also without the cluster privilege monitor.
		whole, key, blind bool
		// gone: meanwhile the role does not exist.
		gone bool
	}{
		{name: "of all that there is", patterns: []string{"o*"}, before: []object{may(read, "o*")}},
		{name: "but for seeing it", patterns: []string{"o*"}, before: []object{may(read, "o*")}, meanwhile: []object{may(sees, "o*")}, blind: true},
		{
			name: "of one of two patterns", patterns: []string{"one", "other"}, before: []object{may(read, "one", "other")},
			meanwhile: []object{may(read, "other")},
		},
		{
			name: "of one of two patterns, but for seeing it", patterns: []string{"one", "other"}, before: []object{may(read, "one", "other")},
			meanwhile: []object{may(read, "other"), may(sees, "one")},
		},
		{name: "of a part of a pattern", patterns: []string{"o*"}, before: []object{may(read, "o*")}, meanwhile: []object{may(read, "other")}, blind: true},
		{
			name: "of a part of a pattern that was read in part", patterns: []string{"*"}, before: []object{may(read, "one"), may(read, "other")},
			meanwhile: []object{may(read, "other"), may(sees, "one")},
		},
		{name: "from the start", patterns: []string{"o*"}},
		{name: "with the role", patterns: []string{"o*"}, before: []object{may(read, "o*")}, gone: true},
		{name: "with the role, from the start", patterns: []string{"o*"}, gone: true},
		{name: "to a pattern of several, from the start", patterns: []string{"one", "ot*"}, meanwhile: []object{may(read, "other")}},
		{
			name: "to a pattern of several, from the start, but for seeing it", patterns: []string{"one", "ot*"},
			meanwhile: []object{may(read, "other"), may(sees, "o*")},
		},
		{name: "of a part, which is wanted whole", patterns: []string{"o*"}, meanwhile: []object{may(read, "other")}, whole: true},
		{name: "of an API key", patterns: []string{"o*"}, before: []object{may(read, "o*")}, meanwhile: []object{may(read, "other")}, key: true},
		{name: "of an API key, from the start", patterns: []string{"o*"}, key: true},
		{
			name: "to all but an alias", patterns: []string{"all"}, meanwhile: []object{may(read, "all")},
			with: func(t *testing.T, c *course) {
				t.Helper()
				made := c.make
				c.make = func(t *testing.T) {
					t.Helper()
					made(t)
					c.n.Must(t, http.MethodPut, "/"+c.n.Name("o*")+"/_alias/"+c.n.Name("all"), nil)
				}
			},
		},
		{
			name: "to a data stream", patterns: []string{"o*"}, before: []object{may(read, "o*")}, meanwhile: []object{may(read, "other")},
			with: func(t *testing.T, c *course) {
				t.Helper()
				c.make = func(t *testing.T) {
					t.Helper()
					c.n.Must(t, http.MethodPut, "/_index_template/"+c.n.Name("stream"), object{
						"index_patterns": []string{c.index}, "data_stream": object{}, "priority": 1000,
						"template": object{"settings": object{"number_of_replicas": 0}, "mappings": eventMapping()},
					})
				}
			},
		},
	} {
		for _, cluster := range [][]string{{"monitor"}, {}} {
			if !tt.blind && len(cluster) == 0 {
				continue
			}
			t.Run(fmt.Sprint(tt.name, " ", cluster), func(t *testing.T) {
				t.Parallel()
				n := SecuredNode(t)
				who := someUser(t, n, cluster...)
				if tt.key {
					who = someKey(t, n)
				}
				named := func(entries []object) []object {
					out := make([]object, len(entries))
					for i, e := range entries {
						names := slices.Clone(e["names"].([]string))
						for i := range names {
							names[i] = n.Name(names[i])
						}
						out[i] = object{"names": names, "privileges": e["privileges"]}
					}
					return out
				}
				n.CreateIndex(t, n.Name("other"), eventMapping())
				c := newCourse(n, n.Name("one"))
				c.slots = 6
				for _, p := range tt.patterns {
					c.patterns = append(c.patterns, n.Name(p))
				}
				if tt.with != nil {
					tt.with(t, c)
				}
				c.client, c.another = who.client, true // a denied privilege is checked again after a minute
				c.client.WholePatterns = tt.whole
				meanwhile := func(t *testing.T) { t.Helper(); who.grant(t, named(tt.meanwhile)...) }
				if tt.gone {
					meanwhile = func(t *testing.T) { t.Helper(); n.Must(t, http.MethodDelete, "/_security/role/"+n.Name("holder"), nil) }
				}
				if tt.before == nil {
					meanwhile(t)
				} else {
					who.grant(t, named(tt.before)...)
					c.before[3] = meanwhile
				}
				c.before[5] = func(t *testing.T) { t.Helper(); who.grant(t, may(read, n.Prefix+"*")) }
				c.why = map[int]ledger.Reason{}
				for slot := 1; slot < 5; slot++ {
					if slot < 3 && tt.before != nil {
						c.status[slot] = ledger.Covered
					} else {
						c.why[slot] = ledger.Forbidden
					}
				}
				c.run(t)
			})
		}
	}
}

// TestRightsTakenAwayMeanwhile revokes the privilege before each single request of a run.
func TestRightsTakenAwayMeanwhile(t *testing.T) {
	for _, part := range []bool{false, true} {
		for request := range 6 {
			t.Run(fmt.Sprintf("ahead of request %d, in part %v", request, part), func(t *testing.T) {
				t.Parallel()
				n := SecuredNode(t)
				who := someUser(t, n, "monitor")
				all := may("read,view_index_metadata", n.Name("o*"))
				who.grant(t, all)
				n.CreateIndex(t, n.Name("other"), eventMapping())
				c := newCourse(n, n.Name("one"))
				c.patterns, c.another = []string{n.Name("o*")}, true
				left := atomic.Int64{}
				left.Store(-1)
				c.client = who.client
				c.client.URLs = []string{between(t, n, func() {
					if left.Add(-1) != -1 {
						return
					}
					if part {
						who.grant(t, may("read", n.Name("other")))
					} else {
						who.grant(t)
					}
				})}
				c.slots, c.status[1] = 4, ledger.Covered
				c.why = map[int]ledger.Reason{3: ledger.Forbidden}
				c.before[2] = func(t *testing.T) { t.Helper(); left.Store(int64(request)) }
				c.before[4] = func(t *testing.T) { t.Helper(); who.grant(t, all) }
				c.run(t)
			})
		}
	}
}

// between returns the address of a proxy between the runner and a node, which reports each request.
func between(t *testing.T, n *Node, tell func()) string {
	t.Helper()
	target, err := url.Parse(n.URL)
	must(t, err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tell()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// printedRoles returns the roles in the documentation: for later runs, and for the first run.
func printedRoles(t *testing.T, n *Node) (later, first object) {
	t.Helper()
	text, err := os.ReadFile("../docs/operations.md")
	must(t, err)
	var roles []object
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(block[1], "tocsin-alerts-production") {
			continue
		}
		var role object
		must(t, json.Unmarshal([]byte(strings.NewReplacer("logs-*", n.Name("o*"), "production", n.Prefix).Replace(block[1])), &role))
		roles = append(roles, role)
	}
	if len(roles) != 2 {
		t.Fatalf("%d roles are printed", len(roles))
	}
	return roles[0], roles[1]
}

// TestRightsOfService runs the service as a user with the documented privileges. The privilege to read is revoked
// and granted again: meanwhile no slot is covered and coverage shows gaps, and in the end the alerts are the same
// as in an undisturbed run.
func TestRightsOfService(t *testing.T) {
	n := SecuredNode(t)
	index := n.Name("one")
	n.CreateIndex(t, index, eventMapping())
	later, first := printedRoles(t, n)
	env := user(t, n, "service", first)
	role := "/_security/role/" + n.Name("service")
	without := object{"cluster": later["cluster"], "indices": later["indices"].([]any)[1:]}
	p := elasticsearch(n)
	p.env = env
	dir := chaosRules(t, n.Name("o*"), 1, "1s", "2s")
	if o := p.once(t, dir, time.Now()); o.code != 0 || strings.Contains(o.err, "WARN") {
		t.Fatalf("the first run: exit code %d\n%s%s", o.code, o.out, o.err)
	}
	n.Must(t, http.MethodPut, role, later)
	log, err := os.CreateTemp(t.TempDir(), "log")
	must(t, err)
	h := &hand{
		args: slices.Concat([]string{"run", "--rules", dir, "--settle", "0s", "--listen", "none"}, p.flags),
		env:  append([]string{"PATH=" + os.Getenv("PATH")}, env...), log: log,
	}
	h.start(t)
	t.Cleanup(func() { h.drop(t) })
	written := 0
	feed := func(d time.Duration) {
		for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
			put(t, n, []doc{{index, fmt.Sprint("e", written), object{"@timestamp": time.Now().UTC().Format(time.RFC3339Nano), "process": object{"pid": 0}}}})
			written++
		}
	}
	account := func(command ...string) outcome {
		return runner(t, env, slices.Concat([]string{"coverage"}, command, []string{"--rules", dir}, p.flags)...)
	}
	covered := func() int64 {
		decoded, err := decode([]byte(account("show", "--format", "json").out))
		must(t, err)
		return decoded.At(0, "covered").Int()
	}
	feed(3 * time.Second)
	n.Must(t, http.MethodPut, role, without)
	feed(2 * time.Second) // running rounds have ended
	before := covered()
	if before == 0 {
		t.Error("nothing is covered though it was read")
	}
	feed(3 * time.Second)
	equal(t, "covered without the right", covered(), before)
	o := account("gaps", "--settle", "1s")
	if o.code != 1 || !strings.Contains(o.out, "forbidden") {
		t.Errorf("gaps: exit code %d\n%s%s", o.code, o.out, o.err)
	}
	n.Must(t, http.MethodPut, role, later)
	feed(time.Second)
	time.Sleep(2 * time.Second)
	h.stop(t)
	time.Sleep(2 * time.Second) // the last slot can be filled only after the next one has started
	if o := account("fill"); o.code != 0 {
		t.Errorf("fill: exit code %d\n%s%s", o.code, o.out, o.err)
	}
	if o := account("gaps"); o.code != 0 {
		t.Errorf("gaps in the end: exit code %d\n%s%s", o.code, o.out, o.err)
	}
	text, err := os.ReadFile(log.Name())
	must(t, err)
	if !strings.Contains(string(text), "no right to read") && !strings.Contains(string(text), "taken away") {
		t.Errorf("the log does not say what is wrong:\n%s", text)
	}
	calm := elasticsearch(n)
	calm.flags = []string{"--elasticsearch", n.URL, "--namespace", n.Prefix + "-calm"}
	calm.alerts, calm.env = calm.flags, []string{"TOCSIN_USERNAME=elastic", "TOCSIN_PASSWORD=" + n.Password}
	calm.mustOnce(t, chaosRules(t, n.Name("o*"), 1, "1s", "1h"), time.Now().Add(time.Minute))
	want := calm.list(t)
	got := p.list(t)
	equal(t, "alerts of an undisturbed run", len(want), written)
	equal(t, "alerts", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
}

// TestRightsInPart: if the role covers a part of a pattern, that part is read, and the other indices are reported.
func TestRightsInPart(t *testing.T) {
	n := SecuredNode(t)
	for _, name := range []string{"one", "other"} {
		n.CreateIndex(t, n.Name(name), eventMapping())
	}
	slot := aSlot()
	for _, name := range []string{"one", "other"} {
		put(t, n, []doc{{n.Name(name), name, object{"@timestamp": stamp(slot, time.Minute)}}})
	}
	_, role := printedRoles(t, n)
	role["indices"].([]any)[0] = may("read", n.Name("other"))
	p := elasticsearch(n)
	p.env = user(t, n, "part", role)
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", n.Name("o*"), "any where true")
	for _, tt := range []struct {
		flags   []string
		code    int
		created int
	}{{nil, 0, 1}, {[]string{"--require-whole-patterns"}, 1, 0}} {
		o := p.once(t, string(rules), slot, tt.flags...)
		equal(t, "exit code", o.code, tt.code)
		equal(t, "created", o.executions(t)["r"].Created, tt.created)
		if !strings.Contains(o.err, "a part of") || !strings.Contains(o.err, n.Name("one")) {
			t.Errorf("what is left out is not named:\n%s", o.err)
		}
	}
	for _, command := range [][]string{{"explain", "r"}, {"check", "--live"}} {
		o := runner(t, p.env, slices.Concat(command, []string{"--rules", string(rules)}, p.flags)...)
		if o.code != 0 || !strings.Contains(o.out, "only a part of it, not "+n.Name("one")) {
			t.Errorf("%s: exit code %d\n%s%s", command, o.code, o.out, o.err)
		}
	}
}
