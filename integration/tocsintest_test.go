//go:build integration

package integration

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/tocsintest"
)

// listener is a test that ends when it is told that something is fatal, as a test of its own goroutine.
type listener struct {
	testing.TB
	fatal string
}

func (l *listener) Fatal(args ...any) {
	l.fatal = fmt.Sprint(args...)
	panic(l)
}

// TestSuiteOnNode runs a suite of the public package on the node, with and without security, and then nothing of it is left.
func TestSuiteOnNode(t *testing.T) {
	for name, node := range map[string]func(*testing.T) *Node{"open": newNode, "secured": SecuredNode} {
		t.Run(name, func(t *testing.T) {
			n := node(t)
			at := &tocsintest.Node{URL: n.URL, Password: n.Password}
			if n.Password != "" {
				at.Username = "elastic"
			}
			binary, err := buildRunner()
			if err != nil {
				t.Fatal(err)
			}
			before := everything(t, n)
			t.Run("suite", func(t *testing.T) { suiteOnNode(t, n, tocsintest.Options{Node: at, Runner: binary}) })
			if after := everything(t, n); after != before {
				t.Errorf("after the suite there is\n%s\nbefore it was\n%s", after, before)
			}
		})
	}
}

// everything returns the names of indices and templates of suites.
func everything(t *testing.T, n *Node) string {
	t.Helper()
	var names []string
	all := n.Must(t, http.MethodGet, "/_resolve/index/*tocsintest*,*"+n.Prefix+"*?expand_wildcards=all", nil)
	for _, kind := range []string{"indices", "aliases", "data_streams"} {
		for _, one := range all.At(kind).List() {
			names = append(names, one.At("name").String())
		}
	}
	_, templates := n.Do(t, http.MethodGet, "/_index_template/*tocsintest*", nil)
	for _, one := range templates.At("index_templates").List() {
		names = append(names, one.At("name").String())
	}
	return strings.Join(names, "\n")
}

func suiteOnNode(t *testing.T, n *Node, o tocsintest.Options) {
	t.Helper()
	slot := aSlot()
	file := filepath.Join(t.TempDir(), "rule.toml")
	rule := fmt.Sprintf("[rule]\nrule_id = \"11111111-aaaa-4aaa-8aaa-000000000009\"\nname = \"Shell\"\ndescription = \"d\"\ntype = \"eql\"\nindex = [%q]\nseverity = \"low\"\nrisk_score = 1\ninterval = \"5m\"\nfrom = \"now-6m\"\n"+
		"query = 'process where process.name == \"sh\" and cidrmatch(source.ip, \"10.0.0.0/8\")'\n", n.Name("*"))
	if err := os.WriteFile(file, []byte(rule), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Rules = []string{file}
	for name, start := range map[string]func(testing.TB, tocsintest.Options) *tocsintest.Suite{"node": tocsintest.New, "embedded": tocsintest.NewEmbedded} {
		t.Run(name, func(t *testing.T) {
			s := start(t, o)
			event := func(name, ip string) object {
				return object{"@timestamp": stamp(slot, time.Minute), "event": object{"category": "process"}, "process": object{"name": name}, "source": object{"ip": ip}}
			}
			s.Load(n.Name("a"), event("sh", "10.1.1.1"), tocsintest.Event{ID: "outside", Source: event("sh", "8.8.8.8")})
			s.Load(n.Name("b"), tocsintest.Event{ID: "inside", Source: event("sh", "10.2.2.2")}, event("bash", "10.1.1.1"))
			s.RunAt(slot)
			s.WantAlerts(map[string][]string{"Shell": {"1", "inside"}})
			s.WantCovered(slot)
			if again := s.RunAt(slot); again[0].Created != 0 || again[0].Duplicates != 2 {
				t.Errorf("again: %+v", again)
			}
			s.WantCount("Shell", 2)
		})
	}
	// An index that others made may have their events.
	n.CreateIndex(t, n.Name("others"), nil)
	l := &listener{TB: t}
	func() {
		defer func() {
			if r := recover(); r != nil && r != any(l) {
				panic(r)
			}
		}()
		tocsintest.New(l, o).Load(n.Name("others"), object{"@timestamp": stamp(slot, time.Minute)})
	}()
	if !strings.Contains(l.fatal, "resource_already_exists_exception") {
		t.Errorf("loading into an index of others: %q", l.fatal)
	}
	n.Must(t, http.MethodDelete, "/"+n.Name("others"), nil)
}
