package elastic_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// TestConfirm: Confirm names exactly the places that were readable at the beginning of a moment and are not
// at its end; the next moment finds all places that were not named.
func TestConfirm(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := &guarded{indices: map[string]bool{"logs-a": true, "logs-b": true, "other": true}}
		c := newServer(t, g.ServeHTTP)
		rights := func(label string) []string {
			return rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"logs-*", "logs-a", "logs-b", "other"}), 0, 4, rapid.ID[string]).Draw(rt, label)
		}
		change := func(label string) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.may, g.sees = rights(label), rights(label+", shown")
		}
		change("before")
		for range rapid.IntRange(1, 4).Draw(rt, "moments") {
			elastic.ForgetRights(c)
			moment, err := c.Snapshot(t.Context())
			if err != nil {
				rt.Fatal(err)
			}
			patterns := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"logs-*", "logs-a", "logs-b", "other"}), 1, 4, rapid.ID[string]).Draw(rt, "patterns")
			target, err := moment.Resolve(t.Context(), patterns, nil)
			if err != nil {
				rt.Fatal(err)
			}
			could := map[string]bool{}
			for name := range g.indices {
				could[name] = g.reads(name) && slices.Contains(target.Indices, name) &&
					!slices.ContainsFunc(target.Unread, func(u search.Unread) bool { return mapping.Glob(u.Name, name) })
			}
			if rapid.Bool().Draw(rt, "changes") {
				change("after")
			}
			g.mu.Lock()
			for _, name := range []string{"logs-a", "logs-b", "other"} {
				g.indices[name] = rapid.IntRange(0, 3).Draw(rt, name+" is open") > 0
			}
			g.mu.Unlock()
			confirmer, ok := search.As[search.Confirmer](moment)
			if !ok {
				rt.Fatal("nobody confirms")
			}
			lost, err := confirmer.Confirm(t.Context())
			if err != nil {
				rt.Fatal(err)
			}
			for name := range g.indices {
				told := func(why failure.Unread) bool {
					return slices.ContainsFunc(lost, func(u search.Unread) bool { return mapping.Glob(u.Name, name) && u.Why == why })
				}
				if could[name] && !g.reads(name) && !told(failure.Forbidden) {
					rt.Fatalf("%s may not be read any more: %v", name, lost)
				}
				if could[name] && g.reads(name) && !g.indices[name] && !told(failure.Closed) {
					rt.Fatalf("%s was closed: %v", name, lost)
				}
			}
			for _, u := range lost {
				if u.Why == failure.Forbidden && g.reads(u.Name) || u.Why == failure.Closed && g.indices[u.Name] {
					rt.Fatalf("%s may be read: %v", u.Name, lost)
				}
			}
		}
	})
}

// TestConfirmBlind: Confirm also works for a moment whose cluster state could not be read.
func TestConfirmBlind(t *testing.T) {
	g := &guarded{indices: map[string]bool{"logs-a": true, "logs-b": true}, may: []string{"logs-*"}}
	c := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/_cluster/state") {
			answer(w, http.StatusInternalServerError, `{"error":"no"}`)
			return
		}
		g.ServeHTTP(w, r)
	})
	for _, tt := range []struct {
		name   string
		change func()
		why    failure.Unread
	}{
		{"right", func() { g.may = []string{"logs-a"} }, failure.Forbidden},
		{"closed", func() { g.indices["logs-b"] = false }, failure.Closed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			moment, err := c.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := moment.Resolve(t.Context(), []string{"logs-*"}, nil); err != nil {
				t.Fatal(err)
			}
			g.mu.Lock()
			tt.change()
			g.mu.Unlock()
			confirmer, _ := search.As[search.Confirmer](moment)
			lost, err := confirmer.Confirm(t.Context())
			if err != nil || len(lost) != 1 || lost[0].Why != tt.why {
				t.Errorf("%v %v", lost, err)
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			g.may, g.indices["logs-b"] = []string{"logs-*"}, true
			elastic.ForgetRights(c)
		})
	}
}

// TestConfirmWithoutSecurity: a cluster without security is asked for rights once a minute, not in each round.
func TestConfirmWithoutSecurity(t *testing.T) {
	g := &guarded{indices: map[string]bool{"logs-a": true}}
	c := newServer(t, g.ServeHTTP)
	for range 5 {
		moment, err := c.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := moment.Resolve(t.Context(), []string{"logs-*", "other"}, nil); err != nil {
			t.Fatal(err)
		}
		confirmer, _ := search.As[search.Confirmer](moment)
		if lost, err := confirmer.Confirm(t.Context()); err != nil || len(lost) > 0 {
			t.Fatal(lost, err)
		}
	}
	if g.asked != 1 {
		t.Errorf("asked %d times", g.asked)
	}
}
