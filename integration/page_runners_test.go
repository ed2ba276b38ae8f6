//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// shownRule is what the API says of a rule.
type shownRule struct {
	ID      string `json:"rule_id"`
	State   string `json:"state"`
	Problem string `json:"problem"`
	Owner   string `json:"runner"`
}

// pageOf is a service and its API.
type pageOf struct {
	mu      sync.Mutex
	address string
	all     []string
	stop    func()
}

func (p *pageOf) read(t *testing.T, path string, into any) {
	t.Helper()
	p.mu.Lock()
	address := p.address
	p.mu.Unlock()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/api/v1/"+path, http.NoBody)
	must(t, err)
	response, err := client.Do(request)
	must(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s", path, response.StatusCode, text)
	}
	must(t, json.Unmarshal(text, into))
}

// shown is what must be equal on all runners.
type shown struct {
	rules  map[string]shownRule
	states []string
	// runners has the ids of the live runners, this the one that answers.
	runners []string
	this    string
}

func (p *pageOf) shown(t *testing.T) shown {
	t.Helper()
	out := shown{rules: map[string]shownRule{}}
	var rules struct{ Rules []shownRule }
	p.read(t, "rules?limit=100", &rules)
	for _, r := range rules.Rules {
		r.Problem = strings.SplitN(r.Problem, ":", 2)[0] // the rest may have numbers of the run
		out.rules[r.ID] = r
	}
	var states struct {
		States []struct {
			Kind, Subject, Status string
		}
	}
	p.read(t, "states", &states)
	for _, s := range states.States {
		out.states = append(out.states, s.Kind+" "+s.Subject+" "+s.Status)
	}
	slices.Sort(out.states)
	var runners struct {
		Runners []struct {
			ID   string
			This bool
		}
	}
	p.read(t, "runners", &runners)
	for _, r := range runners.Runners {
		if out.runners = append(out.runners, r.ID); r.This {
			out.this = r.ID
		}
	}
	slices.Sort(out.runners)
	return out
}

// same says what differs between what two runners show; "" if nothing does.
func (s shown) same(o shown) string {
	switch {
	case !maps.Equal(s.rules, o.rules):
		return fmt.Sprintf("rules %+v and %+v", s.rules, o.rules)
	case !slices.Equal(s.states, o.states):
		return fmt.Sprintf("states %v and %v", s.states, o.states)
	case !slices.Equal(s.runners, o.runners):
		return fmt.Sprintf("runners %v and %v", s.runners, o.runners)
	}
	return ""
}

// TestPagesOfRunners: whichever runner is asked, it shows the same rules with the same health, states, runners and owners, also when one
// has gone; what runs at another one is not said to be well, or not to run.
func TestPagesOfRunners(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	namespace, rules := n.Name("pages"), ruleDir(t.TempDir())
	n.CreateIndex(t, n.Name("well"), eventMapping())
	n.CreateIndex(t, n.Name("ill"), withType("long"))
	const ofEach = 12 // so many that a single runner gets all of them only once in millions of runs
	for i := range ofEach {
		rules.add(t, fmt.Sprint("well", i), n.Name("well"), `any where event.action == "x"`, `interval = "2s"`)
		rules.add(t, fmt.Sprint("ill", i), n.Name("ill"), `any where event.action regex "x.*"`, `interval = "2s"`)
	}
	start := func() *pageOf {
		p := &pageOf{}
		args := []string{"run", "--elasticsearch", n.URL, "--namespace", namespace, "--rules", string(rules), "--listen", "127.0.0.1:0", "--log-format", "json", "--settle", "0s", "--lease", "2s"}
		p.stop = startLogged(t, args, []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}, func(text []byte) {
			var l securedLine
			_ = json.Unmarshal(text, &l) // other lines have nothing of it
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.all = append(p.all, string(text)); l.Message == "listening" {
				p.address = l.Address
			}
		})
		t.Cleanup(p.stop)
		for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
			p.mu.Lock()
			ready, log := p.address != "", strings.Join(p.all, "\n")
			p.mu.Unlock()
			if ready {
				return p
			}
			if time.Since(begun) > toldWithin {
				t.Fatalf("it does not listen:\n%s", log)
			}
		}
	}
	all := []*pageOf{start(), start(), start()}
	agreed := func(what string) {
		t.Helper()
		for begun := time.Now(); ; time.Sleep(time.Second) {
			shows := make([]shown, len(all))
			differs, owners := "", map[string]bool{}
			for i, p := range all {
				if shows[i] = p.shown(t); differs == "" {
					differs = shows[0].same(shows[i])
				}
				if shows[i].this == "" || len(shows[i].runners) != len(all) {
					differs = fmt.Sprintf("runner %d shows the runners %v, and is %q", i, shows[i].runners, shows[i].this)
				}
			}
			for id, r := range shows[0].rules {
				owners[r.Owner] = true
				if want := map[bool]string{true: "failing", false: "ok"}[strings.HasPrefix(id, "ill")]; differs == "" && r.State != want {
					differs = fmt.Sprintf("rule %s is %s, %s", id, r.State, r.Problem)
				}
				if differs == "" && !slices.Contains(shows[0].runners, r.Owner) {
					differs = fmt.Sprintf("rule %s is at %q", id, r.Owner)
				}
			}
			if differs == "" && len(shows[0].rules) == 2*ofEach && len(owners) >= 2 {
				t.Logf("%s: agreed after %s", what, time.Since(begun).Round(time.Second))
				return
			}
			if time.Since(begun) > 3*toldWithin {
				t.Fatalf("%s: %s; owners %v", what, differs, owners)
			}
		}
	}
	agreed("three runners")
	all[1].stop()
	all = []*pageOf{all[0], all[2]}
	agreed("one has gone")
	all = append(all, start())
	agreed("another has come")
}
