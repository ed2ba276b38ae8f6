//go:build integration

package integration

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ailment is something wrong, and what doctor must say of it: checks with their status and a part of object or text.
type ailment struct {
	name string
	give func(t *testing.T)
	want []string
}

// TestDoctorNames: doctor names each of several things that are wrong together, and nothing else.
func TestDoctorNames(t *testing.T) {
	rounds, most := 3, 5
	if os.Getenv("TOCSIN_SETUP_FULL") != "" {
		rounds = 25
	}
	for range rounds {
		t.Run("some", func(t *testing.T) {
			n := SecuredNode(t)
			dir := ruleDir(t.TempDir())
			n.CreateIndex(t, n.Name("events"), eventMapping())
			n.CreateIndex(t, n.Name("shut"), eventMapping())
			dir.add(t, "good", n.Name("events"), "any where true")
			flags := []string{"--elasticsearch", n.URL, "--namespace", n.Prefix, "--rules", string(dir)}
			admin := []string{"TOCSIN_USERNAME=elastic", "TOCSIN_PASSWORD=" + n.Password}
			if o := runner(t, admin, slices.Concat([]string{"setup", "templates", "--apply"}, flags)...); o.code != 0 {
				t.Fatalf("exit code %d\n%s%s", o.code, o.out, o.err)
			}
			alerts := "tocsin-alerts-" + n.Prefix
			settings := func(index string, of object) {
				n.Must(t, http.MethodPut, "/"+index+"/_settings", of)
			}
			env := admin
			ailments := []ailment{
				{"a closed index", func(t *testing.T) {
					t.Helper()
					dir.add(t, "shut", n.Name("shut"), "any where true")
					n.Must(t, http.MethodPost, "/"+n.Name("shut")+"/_close", nil)
				}, []string{"patterns warn " + n.Name("shut"), "rules here warn shut"}},
				{"a closed index of three patterns", func(t *testing.T) {
					t.Helper()
					n.CreateIndex(t, n.Name("more-shut"), eventMapping())
					n.CreateIndex(t, n.Name("more-open"), eventMapping())
					for i, pattern := range []string{"more-*", "more-sh*", "mor*"} {
						dir.add(t, "more-"+strconv.Itoa(i), n.Name(pattern), "any where true")
					}
					n.Must(t, http.MethodPost, "/"+n.Name("more-shut")+"/_close", nil)
				}, []string{"patterns warn " + n.Name("more-shut"), "rules here warn more-1"}},
				{"no such index", func(t *testing.T) {
					t.Helper()
					dir.add(t, "none", n.Name("none-*"), "any where true")
				}, []string{"patterns warn " + n.Name("none-*"), "rules here warn none"}},
				{"no such remote cluster", func(t *testing.T) {
					t.Helper()
					dir.add(t, "away", "nowhere:logs-*", "any where true")
				}, []string{"remote clusters fail nowhere:logs-*", "rules here fail away"}},
				{"a rule with a mistake", func(t *testing.T) {
					t.Helper()
					must(t, os.WriteFile(filepath.Join(string(dir), "bad.toml"), []byte("[rule]\nname = 1\n"), 0o600))
				}, []string{"rules fail "}},
				{"a block", func(t *testing.T) {
					t.Helper()
					settings(alerts+"-000001", object{"index.blocks.write": true})
				}, []string{"blocks fail " + alerts + "-000001"}},
				{"a full disk", func(t *testing.T) {
					t.Helper()
					settings("tocsin-ledger-"+n.Prefix, object{"index.blocks.read_only_allow_delete": true})
				}, []string{"blocks fail tocsin-ledger-" + n.Prefix}},
				{"a template that outranks", func(t *testing.T) {
					t.Helper()
					n.Must(t, http.MethodPut, "/_index_template/"+n.Name("foreign"), object{"index_patterns": []string{alerts + "-*"}, "priority": 5000, "template": object{"mappings": object{"properties": object{"kibana": object{"type": "keyword"}}}}})
				}, []string{"mappings fail index template [" + n.Name("foreign") + "]"}},
				{"no template", func(t *testing.T) {
					t.Helper()
					n.Must(t, http.MethodDelete, "/_index_template/"+alerts, nil)
				}, []string{"templates warn index template [" + alerts + "]"}},
				{"no leases", func(t *testing.T) {
					t.Helper()
					n.Must(t, http.MethodDelete, "/tocsin-leases-"+n.Prefix, nil)
				}, []string{"indices warn leases"}},
				{"a key that expires", func(t *testing.T) {
					t.Helper()
					key := n.Must(t, http.MethodPost, "/_security/api_key", object{"name": n.Prefix, "expiration": "1h"})
					env = []string{"TOCSIN_API_KEY=" + key.At("encoded").String()}
				}, []string{"credentials warn "}},
			}
			rand.Shuffle(len(ailments), func(i, j int) { ailments[i], ailments[j] = ailments[j], ailments[i] })
			var want, names []string
			for _, a := range ailments[:rand.IntN(most)+1] {
				if a.name == "no template" && slices.Contains(names, "a template that outranks") || a.name == "a template that outranks" && slices.Contains(names, "no template") {
					continue // the first is then part of the second
				}
				a.give(t)
				names, want = append(names, a.name), append(want, a.want...)
			}
			time.Sleep(100 * time.Millisecond)
			o := runner(t, env, slices.Concat([]string{"doctor", "--listen", "none", "--format", "json"}, flags)...)
			var found []struct{ Check, Status, Object, Text, Advice string }
			if err := json.Unmarshal([]byte(o.out), &found); err != nil {
				t.Fatalf("%v\n%s%s", err, o.out, o.err)
			}
			fails := false
			for _, f := range found {
				if f.Status == "ok" || f.Check == "disk" || f.Check == "health" { // the last are those of the machine
					continue
				}
				fails = fails || f.Status == "fail"
				row := f.Check + " " + f.Status + " " + f.Object
				at := slices.IndexFunc(want, func(w string) bool { return strings.HasPrefix(row, w) })
				switch {
				case at < 0:
					t.Errorf("%v: not expected: %+v", names, f)
				case f.Advice == "":
					t.Errorf("%v: no advice: %+v", names, f)
				default:
					want = slices.Delete(want, at, at+1)
				}
			}
			if len(want) > 0 {
				t.Errorf("%v: %q are not told\n%s", names, want, o.out)
			}
			if fails && o.code != 1 {
				t.Errorf("exit code %d", o.code)
			}
		})
	}
}

// TestKeyEnds: an expired and a revoked API key are one clear line each, and exit code 3.
func TestKeyEnds(t *testing.T) {
	n := SecuredNode(t)
	revoked := n.Must(t, http.MethodPost, "/_security/api_key", object{"name": n.Prefix})
	n.Must(t, http.MethodDelete, "/_security/api_key", object{"ids": []string{revoked.At("id").String()}})
	brief := n.Must(t, http.MethodPost, "/_security/api_key", object{"name": n.Prefix, "expiration": "1ms"})
	time.Sleep(50 * time.Millisecond)
	for name, tt := range map[string]struct{ key, want string }{
		"revoked": {revoked.At("encoded").String(), "was revoked: make another one with runner setup apikey"},
		"expired": {brief.At("encoded").String(), "has expired: make another one with runner setup apikey"},
		"unknown": {"dW5rbm93bjp1bmtub3du", "is not one of this cluster: make another one with runner setup apikey"},
	} {
		o := runner(t, []string{"TOCSIN_API_KEY=" + tt.key}, "alerts", "list", "--elasticsearch", n.URL)
		if o.code != 3 || !strings.Contains(o.err, "the API key from TOCSIN_API_KEY "+tt.want) || strings.Count(o.err, "\n") != 1 {
			t.Errorf("%s: exit code %d: %s", name, o.code, o.err)
		}
	}
}
