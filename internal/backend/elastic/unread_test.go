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

	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// guarded is a cluster that shows a user only the indices that the user may read or see, as Elasticsearch
// does: others seem not to exist.
type guarded struct {
	mu sync.Mutex
	// indices says of each whether it is open; may are the patterns that the user may read, nil: the cluster
	// has no security; sees are the patterns whose indices the user may see but not read.
	indices   map[string]bool
	may, sees []string
	remote    string
	// asked is the number of questions for rights.
	asked int
}

func (g *guarded) reads(name string) bool {
	return g.may == nil || slices.ContainsFunc(g.may, func(p string) bool { return mapping.Glob(p, name) })
}

func (g *guarded) shows(name string) bool {
	return g.reads(name) || slices.ContainsFunc(g.sees, func(p string) bool { return mapping.Glob(p, name) })
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
			if asked && g.shows(name) {
				out = append(out, index{name, []string{map[bool]string{true: "open", false: "closed"}[g.indices[name]]}})
			}
		}
		text, _ := json.Marshal(map[string]any{"indices": out, "aliases": []any{}, "data_streams": []any{}})
		answer(w, http.StatusOK, string(text))
	case strings.HasPrefix(path, "/_cluster/state"):
		states := map[string]any{}
		for name, open := range g.indices {
			states[name] = map[string]string{"state": map[bool]string{true: "open", false: "close"}[open]}
		}
		text, _ := json.Marshal(map[string]any{"state_uuid": fmt.Sprint(g.indices), "metadata": map[string]any{"indices": states}})
		answer(w, http.StatusOK, string(text))
	case strings.HasPrefix(path, "/_resolve/cluster/"):
		if g.remote == "" {
			answer(w, http.StatusNotFound, `{"error":{"type":"no_such_remote_cluster_exception","reason":"no such remote cluster"},"status":404}`)
			return
		}
		answer(w, http.StatusOK, g.remote)
	case strings.HasSuffix(path, "/_has_privileges"):
		g.asked++
		if g.may == nil {
			answer(w, http.StatusBadRequest, `{"error":"no handler found for uri [/_security/user/_has_privileges] and method [POST]"}`)
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

// TestUnreadPlaces: whatever happens to privileges and indices, every existing place that was found before,
// or that a pattern names, is either read or reported as unread; places that no longer exist are not
// reported.
func TestUnreadPlaces(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := &guarded{indices: map[string]bool{}, may: []string{}}
		c := newServer(t, g.ServeHTTP)
		names := []string{"logs-a", "logs-b", "other"}
		some := func(label string, least int) []string {
			return rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"logs-*", "logs-a", "other", "none-*"}), least, 4, rapid.ID[string]).Draw(rt, label)
		}
		patterns := some("patterns", 1)
		seen := map[string]bool{}
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			g.mu.Lock()
			clear(g.indices)
			for _, name := range names {
				if rapid.Bool().Draw(rt, name) {
					g.indices[name] = rapid.IntRange(0, 4).Draw(rt, "open") > 0
				}
			}
			g.may, g.sees = some("rights", 0), some("sees", 0)
			g.mu.Unlock()
			elastic.ForgetRights(c)
			target, err := c.Resolve(t.Context(), patterns, nil)
			if err != nil {
				rt.Fatal(err)
			}
			unread := func(name string) bool {
				return slices.ContainsFunc(target.Unread, func(u search.Unread) bool { return mapping.Glob(u.Name, name) })
			}
			for _, name := range names {
				meant := slices.ContainsFunc(patterns, func(p string) bool { return mapping.Glob(p, name) })
				open, there := g.indices[name]
				switch {
				case !meant:
				case there && open && g.reads(name):
					seen[name] = true
					if !slices.Contains(target.Indices, name) || unread(name) {
						rt.Fatalf("%s can be read: indices %v, unread %v", name, target.Indices, target.Unread)
					}
				case there && !open && g.reads(name) && !unread(name):
					rt.Fatalf("%s is closed and not named: %v", name, target.Unread)
				case !g.reads(name) && (seen[name] || slices.Contains(patterns, name)) && !unread(name):
					rt.Fatalf("%s may not be read, which is not named: %v", name, target.Unread)
				case !there && g.reads(name):
					delete(seen, name)
					if slices.ContainsFunc(target.Unread, func(u search.Unread) bool { return u.Name == name }) {
						rt.Fatalf("%s is gone, and named: %v", name, target.Unread)
					}
				}
			}
			for _, p := range patterns {
				read := slices.ContainsFunc(names, func(name string) bool { return g.indices[name] && g.reads(name) && mapping.Glob(p, name) })
				if !read && !g.reads(p) && !unread(p) {
					rt.Fatalf("nothing is read of %s, for want of the right: missing %v, unread %v", p, target.Missing, target.Unread)
				}
				if read && slices.Contains(target.Missing, p) {
					rt.Fatalf("%s is read, and missing", p)
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
		{"broken", `{"edge":{"connected":true,"error":"handshake failed"}}`, "remote cluster edge: handshake failed"},
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

// TestUnreadRemoteRights: privileges on another cluster cannot be checked. A name that the pattern matches
// shows them.
func TestUnreadRemoteRights(t *testing.T) {
	const denied = `{"edge":{"connected":false,"skip_unavailable":true,"error":"action [indices:admin/resolve/cluster] is unauthorized for user [u]"}}`
	for _, tt := range []struct {
		name, pattern, whole, one string
		want                      failure.Unread
	}{
		{"denied", "edge:logs-*", denied, denied, failure.Forbidden},
		{"nothing may be read of it", "edge:logs-*", `{"edge":{"connected":true,"matching_indices":false}}`, denied, failure.Forbidden},
		{"nothing is there", "edge:logs-*", `{"edge":{"connected":true,"matching_indices":false}}`, `{"edge":{"connected":true,"error":"no such index [logs-0]"}}`, ""},
		{"a name", "edge:logs", denied, "", failure.Forbidden},
		{"nothing may be read of any", "*:logs-*", `{"edge":{"connected":true,"matching_indices":false}}`, denied, failure.Forbidden},
		{"one of several", "*:logs-*", `{"edge":{"connected":true,"matching_indices":true},"far":{"connected":false}}`, "", failure.Remote},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				switch path := r.URL.Path; {
				case path == "/_resolve/cluster/"+tt.pattern:
					answer(w, http.StatusOK, tt.whole)
				case path == "/_resolve/cluster/edge:logs-0" && tt.one != "":
					answer(w, http.StatusOK, tt.one)
				case strings.HasPrefix(path, "/_resolve/index/") && tt.want == failure.Remote:
					answer(w, http.StatusOK, `{"indices":[{"name":"edge:logs-1","attributes":["open"]}],"aliases":[],"data_streams":[]}`)
				case strings.HasPrefix(path, "/_resolve/index/"):
					answer(w, http.StatusOK, `{"indices":[],"aliases":[],"data_streams":[]}`)
				default:
					answer(w, http.StatusBadRequest, `{"error":"not asked for here: `+path+`"}`)
				}
			})
			target, err := c.Resolve(t.Context(), []string{tt.pattern}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got failure.Unread
			if len(target.Unread) == 1 {
				got = target.Unread[0].Why
			}
			if got != tt.want || len(target.Unread) > 1 {
				t.Errorf("unread %v, want %q", target.Unread, tt.want)
			}
		})
	}
}

// TestSkippedCluster: Elasticsearch says nothing of a remote cluster that was not there when a point in time was
// opened. Something was found on it, so it is missed.
func TestSkippedCluster(t *testing.T) {
	for _, tt := range []struct{ name, clusters, want string }{
		{"answers", `"_clusters":{"total":2,"successful":2,"skipped":0,"details":{"(local)":{"status":"successful"},"edge":{"status":"successful"}}},`, ""},
		{"is not mentioned", "", "remote clusters did not answer: edge"},
		{"is skipped", `"_clusters":{"total":2,"successful":1,"skipped":1,"details":{"edge":{"status":"skipped"}}},`, "remote clusters did not answer: edge"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				switch path := r.URL.Path; {
				case strings.HasPrefix(path, "/_resolve/index/"):
					answer(w, http.StatusOK, `{"indices":[{"name":"edge:logs-1","attributes":["open"]},{"name":"logs-1","attributes":["open"]}],"aliases":[],"data_streams":[]}`)
				case strings.HasSuffix(path, "/_pit"):
					answer(w, http.StatusOK, `{"id":"x"}`)
				case strings.HasSuffix(path, "/_search"):
					answer(w, http.StatusOK, `{`+tt.clusters+`"_shards":{"total":1,"successful":1,"failed":0},"hits":{"hits":[]}}`)
				default:
					answer(w, http.StatusBadRequest, `{"error":"no handler found"}`)
				}
			})
			patterns := []string{"logs-*", "edge:logs-*"}
			if _, err := c.Resolve(t.Context(), patterns, nil); err != nil {
				t.Fatal(err)
			}
			_, err := c.Search(t.Context(), search.Request{Patterns: patterns, Where: condition.Const(true)}, func([]event.Event) (bool, error) { return true, nil })
			if tt.want == "" && err != nil || tt.want != "" && (failure.UnreadOf(err) != failure.Remote || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// TestAliasOfHiddenIndices: a user who may read an alias need not be allowed to see its indices.
func TestAliasOfHiddenIndices(t *testing.T) {
	g := &guarded{may: []string{"public"}}
	c := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/_resolve/index/public":
			answer(w, http.StatusOK, `{"indices":[],"aliases":[{"name":"public","indices":["hidden-1"]}],"data_streams":[]}`)
		case "/_resolve/index/hidden-1":
			answer(w, http.StatusOK, `{"indices":[],"aliases":[],"data_streams":[]}`)
		default:
			g.ServeHTTP(w, r)
		}
	})
	target, err := c.Resolve(t.Context(), []string{"public"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"public"}, target.Indices); diff != "" || len(target.Missing)+len(target.Unread) > 0 {
		t.Errorf("missing %v, unread %v, indices (-want +got):\n%s", target.Missing, target.Unread, diff)
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
