package elastic_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/elastic"
	"tocsin/internal/failure"
	"tocsin/internal/mapping"
	"tocsin/internal/search"
	"tocsin/internal/window"
)

// guarded is a cluster that shows to a user what the user may read, as Elasticsearch does: what may not be
// read is as if it were not there.
type guarded struct {
	mu sync.Mutex
	// indices tells of each whether it is open; may are the patterns that the user may read, nil: the cluster
	// has no security.
	indices map[string]bool
	may     []string
	remote  string
}

func (g *guarded) reads(name string) bool {
	return g.may == nil || slices.ContainsFunc(g.may, func(p string) bool { return mapping.Glob(p, name) })
}

func (g *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/_resolve/index/"):
		type index struct {
			Name       string   `json:"name"`
			Attributes []string `json:"attributes"`
		}
		out := []index{}
		for _, name := range slices.Sorted(maps.Keys(g.indices)) {
			asked := slices.ContainsFunc(strings.Split(strings.TrimPrefix(path, "/_resolve/index/"), ","), func(p string) bool { return mapping.Glob(p, name) })
			if asked && g.reads(name) {
				out = append(out, index{name, []string{map[bool]string{true: "open", false: "closed"}[g.indices[name]]}})
			}
		}
		text, _ := json.Marshal(map[string]any{"indices": out, "aliases": []any{}, "data_streams": []any{}})
		answer(w, http.StatusOK, string(text))
	case strings.HasPrefix(path, "/_resolve/cluster/"):
		if g.remote == "" {
			answer(w, http.StatusNotFound, `{"error":{"type":"no_such_remote_cluster_exception","reason":"no such remote cluster"},"status":404}`)
			return
		}
		answer(w, http.StatusOK, g.remote)
	case strings.HasSuffix(path, "/_has_privileges"):
		if g.may == nil {
			answer(w, http.StatusBadRequest, `{"error":"no handler found for uri","status":400}`)
			return
		}
		var body struct {
			Index []struct{ Names []string }
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		out := map[string]map[string]bool{}
		for _, name := range body.Index[0].Names {
			out[name] = map[string]bool{"read": g.reads(name)}
		}
		text, _ := json.Marshal(map[string]any{"index": out})
		answer(w, http.StatusOK, string(text))
	case strings.Contains(path, "/_settings"):
		out := map[string]any{}
		for name := range g.indices {
			out[name] = map[string]any{"settings": map[string]string{"index.creation_date": "1767225600000"}} // 2026-01-01
		}
		text, _ := json.Marshal(out)
		answer(w, http.StatusOK, string(text))
	default:
		answer(w, http.StatusBadRequest, fmt.Sprintf(`{"error":"not asked for here: %s","status":400}`, path))
	}
}

// TestUnreadPlaces: whatever becomes of rights and indices, all that was once found and is there, or that a
// pattern names, is either read or named as unread; and what is gone is not held against anybody.
func TestUnreadPlaces(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := &guarded{indices: map[string]bool{}, may: []string{}}
		c := newServer(t, g.ServeHTTP)
		names := []string{"logs-a", "logs-b", "other"}
		patterns := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"logs-*", "logs-a", "other", "none-*"}), 1, 4, rapid.ID[string]).Draw(rt, "patterns")
		seen := map[string]bool{}
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			g.mu.Lock()
			clear(g.indices)
			for _, name := range names {
				if rapid.Bool().Draw(rt, name) {
					g.indices[name] = rapid.IntRange(0, 4).Draw(rt, "open") > 0
				}
			}
			g.may = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"logs-*", "logs-a", "other", "none-*"}), 0, 4, rapid.ID[string]).Draw(rt, "rights")
			g.mu.Unlock()
			elastic.ForgetRights(c)
			target, err := c.Resolve(t.Context(), patterns, nil)
			if err != nil {
				rt.Fatal(err)
			}
			why := map[string]failure.Unread{}
			for _, u := range target.Unread {
				why[u.Name] = u.Why
			}
			for _, name := range names {
				meant := slices.ContainsFunc(patterns, func(p string) bool { return mapping.Glob(p, name) })
				open, there := g.indices[name]
				switch read := slices.Contains(target.Indices, name); {
				case !meant:
				case there && open && g.reads(name):
					seen[name] = true
					if !read || why[name] != "" {
						rt.Fatalf("%s can be read: read %v, unread %q", name, read, why[name])
					}
				case there && !open && g.reads(name) && why[name] != failure.Closed:
					rt.Fatalf("%s is closed and not named: %v", name, target.Unread)
				case !g.reads(name) && seen[name] && why[name] != failure.Forbidden:
					rt.Fatalf("the right to %s was taken away, which is not named: %v", name, target.Unread)
				case !there && g.reads(name):
					delete(seen, name)
					if why[name] != "" {
						rt.Fatalf("%s is gone, and named as %s", name, why[name])
					}
				}
			}
			for _, p := range patterns {
				found := slices.ContainsFunc(target.Indices, func(name string) bool { return mapping.Glob(p, name) })
				_, named := g.indices[p]
				if !found && !named && g.reads(p) != slices.Contains(target.Missing, p) {
					rt.Fatalf("%s finds nothing, with the right to read %v: missing %v, unread %v", p, g.reads(p), target.Missing, target.Unread)
				}
			}
		}
	})
}

func TestUnreadRemote(t *testing.T) {
	for _, tt := range []struct{ name, answer, want string }{
		{"unknown", "", "no remote cluster edge is known"},
		{"none", `{}`, "no remote cluster edge is known"},
		{"down", `{"edge":{"connected":false,"skip_unavailable":true}}`, "remote cluster edge is not connected"},
		{"no right", `{"edge":{"connected":true,"error":"action is unauthorized"}}`, "remote cluster edge: action is unauthorized"},
		{"nothing there", `{"edge":{"connected":true,"matching_indices":false}}`, ""},
		{"no such index", `{"edge":{"connected":true,"error":"no such index [x]"}}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := &guarded{remote: tt.answer}
			target, err := newServer(t, g.ServeHTTP).Resolve(t.Context(), []string{"edge:logs-*"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var want []search.Unread
			missing := []string{"edge:logs-*"}
			if tt.want != "" {
				want, missing = []search.Unread{{Name: "edge:logs-*", Why: failure.Remote, Reason: tt.want}}, []string{}
			}
			if diff := cmp.Diff(want, target.Unread); diff != "" {
				t.Errorf("unread (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(missing, target.Missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
		})
	}
}

// TestClosedIndexOfWildcard: windows of which a closed index may hold events miss it, others do not.
func TestClosedIndexOfWildcard(t *testing.T) {
	g := &guarded{indices: map[string]bool{"logs-a": false, "logs-b": true}}
	c := newServer(t, g.ServeHTTP)
	target, err := c.Resolve(t.Context(), []string{"logs-*"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]int{"2025-12-31T23:00:00Z": 0, "2025-12-31T23:58:00Z": 1, "2026-01-02T00:00:00Z": 1, "2999-01-01T00:00:00Z": 0} {
		from, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := search.UnreadIn(target, window.Window{From: from, To: from.Add(5 * time.Minute)}); len(got) != want {
			t.Errorf("a window from %s misses %v", at, got)
		}
	}
}
