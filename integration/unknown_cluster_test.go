//go:build integration

package integration

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

// TestUnknownCluster: a rule that names a remote cluster that is not known, wanted or excluded, fails and says so, with security and without. It is
// never taken for one without indices, and rules beside it run.
func TestUnknownCluster(t *testing.T) {
	for name, node := range map[string]func(*testing.T) *Node{"open": newNode, "secured": SecuredNode} {
		t.Run(name, func(t *testing.T) {
			n := node(t)
			slot, index := aSlot(), n.Name("logs")
			n.CreateIndex(t, index, eventMapping())
			put(t, n, []doc{login(index, "1", "bob", slot, 100)})
			p := elasticsearch(n)
			if n.Password != "" {
				p.env = []string{"TOCSIN_USERNAME=elastic", "TOCSIN_PASSWORD=" + n.Password}
			}
			for _, more := range []string{`"eu:logs-*"`, `"-eu:*"`, `"-eu:logs-x"`, `"*:logs-*", "-eu:*"`, `"-none-*", "-eu:logs-*"`, `"` + n.Name("lo*") + `", "-eu:*"`, `"eu:logs-*", "-eu:logs-x"`} {
				rules := ruleDir(t.TempDir())
				rules.add(t, "away", index, `any where true`)
				rules.add(t, "here", index, `any where true`)
				text, err := os.ReadFile(string(rules) + "/away.toml")
				must(t, err)
				must(t, os.WriteFile(string(rules)+"/away.toml", bytes.Replace(text, []byte(`"`+index+`"`), []byte(`"`+index+`", `+more), 1), 0o600))
				o := p.once(t, string(rules), slot, "--no-ledger")
				ran := o.executions(t)
				if ran["away"].Status == "succeeded" || o.code == 0 || !strings.Contains(o.err, "eu") {
					t.Errorf("%s: %s, exit code %d\n%s", more, ran["away"].Status, o.code, o.err)
				}
				if ran["here"].Status != "succeeded" || ran["here"].Hits != 1 {
					t.Errorf("%s: the rule beside it: %+v", more, ran["here"])
				}
				slot = slot.Add(time.Minute) // the event is in this window, too
			}
		})
	}
}

// TestDoctorOpen: in a cluster without security, that is what doctor says of it, and nothing fails.
func TestDoctorOpen(t *testing.T) {
	n := newNode(t)
	rules, index := ruleDir(t.TempDir()), n.Name("logs")
	n.CreateIndex(t, index, eventMapping())
	rules.add(t, "one", index, `any where true`)
	o := runner(t, nil, "doctor", "--listen", "none", "--rules", string(rules), "--elasticsearch", n.URL, "--namespace", n.Prefix)
	if !strings.Contains(o.out, "the cluster has no security") || strings.Contains(o.out, "fail  ") || o.code != 0 {
		t.Errorf("exit code %d\n%s%s", o.code, o.out, o.err)
	}
}
