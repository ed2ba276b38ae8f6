//go:build integration

package integration

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestNothingWrong: of normal traffic nothing is told: events that come late and in bursts, rules of every interval, reloads, rollovers of the
// events' index, runners that join and leave. TOCSIN_HEALTH_SOAK is how long.
func TestNothingWrong(t *testing.T) {
	n := newNode(t)
	length, err := time.ParseDuration(cmp.Or(os.Getenv("TOCSIN_HEALTH_SOAK"), "15s"))
	must(t, err)
	s := &faulty{node: n, namespace: n.Name("soak"), events: n.Name("soak-events-1"), rules: ruleDir(t.TempDir())}
	n.CreateIndex(t, s.events, eventMapping())
	index := n.Name("soak-events-*")
	for i := range 20 {
		query := fmt.Sprintf(`any where event.action == "a%d"`, i)
		if i%4 == 0 {
			query = `any where nothing.maps.this == "x" or event.action == "bad"` // a field that was never there
		}
		s.rules.add(t, fmt.Sprint("r", i), index, query, fmt.Sprintf(`interval = "%ds"`, 1+i%5))
	}
	s.rules.add(t, "elsewhere", n.Name("never-there-*"), "any where true", `interval = "2s"`)
	stop := s.start(t, n.URL, []string{"--spread", "100ms"})
	defer func() { stop() }()
	random := rand.New(rand.NewPCG(1, 2))
	end := time.Now().Add(length)
	for turn := 0; time.Now().Before(end); turn++ {
		var docs strings.Builder
		for range random.IntN(20) {
			at := time.Now().Add(-time.Duration(random.ExpFloat64() * float64(3*time.Second)))
			_, _ = fmt.Fprintf(&docs, "{\"create\":{\"_index\":%q}}\n{\"@timestamp\":%q,\"event\":{\"action\":\"a%d\"}}\n", s.events, at.UTC().Format(time.RFC3339Nano), random.IntN(30))
		}
		if docs.Len() > 0 {
			n.Bulk(t, docs.String())
		}
		time.Sleep(time.Duration(random.IntN(800)) * time.Millisecond)
		switch {
		case turn%40 == 10: // another index, and later the first goes
			s.events = n.Name(fmt.Sprint("soak-events-", turn+2))
			n.CreateIndex(t, s.events, eventMapping())
		case turn%40 == 20:
			s.rules.add(t, fmt.Sprint("new", turn), index, `any where event.action == "a1"`, `interval = "3s"`)
		case turn%40 == 25:
			must(t, os.Remove(filepath.Join(string(s.rules), fmt.Sprint("new", turn-5, ".toml"))))
		case turn%40 == 30:
			also := s.start(t, n.URL, nil)
			time.Sleep(3 * time.Second)
			also()
		case turn%80 == 35:
			stop()
			stop = s.start(t, n.URL, nil)
		}
	}
	if states := s.states("state"); len(states) > 0 {
		t.Errorf("states of a sound service: %+v\n%s", states, s.log())
	}
}

// TestStartRefused: what only a person can put right ends the start with exit code 2, so that a supervisor does not restart the service for
// ever, and names the object.
func TestStartRefused(t *testing.T) {
	n := newNode(t)
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", n.Name("*"), "any where true")
	alias := func(name string, more object) func(namespace string) (string, object) {
		return func(namespace string) (string, object) {
			return n.Name("foreign-" + namespace[len(n.Prefix)+1:]), object{"aliases": object{strings.ReplaceAll(name, "NS", namespace): more}}
		}
	}
	wrong := object{"properties": object{"@timestamp": object{"type": "keyword"}, "rule_id": object{"type": "long"}, "epoch": object{"type": "text"}}}
	named := func(name string, body object) func(namespace string) (string, object) {
		return func(namespace string) (string, object) { return strings.ReplaceAll(name, "NS", namespace), body }
	}
	tests := []struct {
		name string
		make func(namespace string) (index string, body object)
		want string
	}{
		{"a foreign index has the alias", alias("tocsin-alerts-NS", object{"is_write_index": true}), "is not Tocsin's"},
		{"an alias without a write index", alias("tocsin-alerts-NS", object{"is_write_index": false}), "none of its indices is the write index"},
		{"an index in place of the alias", named("tocsin-alerts-NS", object{}), "where an alias of that name is needed"},
		{"the first index without the alias", named("tocsin-alerts-NS-000001", object{}), "no alias"},
		{"a ledger of another mapping", named("tocsin-ledger-NS", object{"mappings": wrong}), "is not Tocsin's"},
		{"leases of another mapping", named("tocsin-leases-NS", object{"mappings": wrong}), "is not Tocsin's"},
		{"an alias in place of the ledger", alias("tocsin-ledger-NS", object{}), "rename or delete the alias"},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			namespace := n.Name(fmt.Sprint("s", i))
			index, body := tt.make(namespace)
			n.Must(t, http.MethodPut, "/"+index, body)
			o := runner(t, nil, "run", "--elasticsearch", n.URL, "--namespace", namespace, "--rules", string(rules), "--listen", "none")
			equal(t, "exit code", o.code, 2)
			if !strings.Contains(o.err, tt.want) || !strings.Contains(o.err, namespace) {
				t.Errorf("stderr: %s", o.err)
			}
		})
	}
}
