//go:build integration

package integration

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRunShardFailure: an index whose shard fails makes a run partial, with the alerts of the others.
func TestRunShardFailure(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	good, bad := n.Name("good"), n.Name("bad")
	n.CreateIndex(t, good, eventMapping())
	// One index refuses regular expressions of the length that the rule has.
	n.Must(t, http.MethodPut, "/"+bad, object{
		"settings": object{"number_of_replicas": 0, "index.max_regex_length": 10}, "mappings": eventMapping(),
	})
	event := object{"@timestamp": stamp(slot, time.Minute), "process": object{"name": "curl"}}
	put(t, n, []doc{{good, "1", event}, {bad, "2", event}})
	rules := ruleDir(t.TempDir())
	rules.add(t, "broken", n.Name("*"), `any where process.name regex "(c|d|e|f)(u|v|w)rl"`)
	rules.add(t, "sound", n.Name("*"), `any where process.name == "curl"`)
	p := elasticsearch(n)
	o := p.once(t, string(rules), slot)
	equal(t, "exit code", o.code, 1)
	executions := o.executions(t)
	equal(t, "status", executions["broken"].Status, "partial_failure")
	equal(t, "status of the other rule", executions["sound"].Status, "succeeded")
	if text := executions["broken"].Error; !strings.Contains(text, "1 of 2 shards failed") || !strings.Contains(text, bad) {
		t.Errorf("error %q", text)
	}
	equal(t, "events", eventsOf(p.list(t)), map[string][]string{"broken": {"1"}, "sound": {"1", "2"}})

	// When the index is mended, the next run over the window makes up for it.
	n.Must(t, http.MethodPut, "/"+bad+"/_settings", object{"index.max_regex_length": nil})
	p.mustOnce(t, string(rules), slot)
	equal(t, "events", eventsOf(p.list(t)), map[string][]string{"broken": {"1", "2"}, "sound": {"1", "2"}})
}

// TestRunTypeConflict: a rule that cannot run on the mappings fails alone, at its place.
func TestRunTypeConflict(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	n.CreateIndex(t, n.Name("a"), object{"properties": object{"my": object{"properties": object{"f": object{"type": "keyword"}}}}})
	n.CreateIndex(t, n.Name("b"), object{"properties": object{"my": object{"properties": object{"f": object{"type": "long"}}}}})
	event := object{"@timestamp": stamp(slot, time.Minute)}
	put(t, n, []doc{{n.Name("a"), "1", event}, {n.Name("b"), "2", event}})
	rules := ruleDir(t.TempDir())
	rules.add(t, "conflict", n.Name("*"), `any where my.f == "x"`)
	rules.add(t, "sound", n.Name("*"), `any where true`)
	o := elasticsearch(n).once(t, string(rules), slot)
	equal(t, "exit code", o.code, 1)
	equal(t, "status", o.executions(t)["conflict"].Status, "failed")
	equal(t, "status of the other rule", o.executions(t)["sound"].Status, "succeeded")
	if !strings.Contains(o.err, "conflict.toml:") || !strings.Contains(o.err, "my.f") {
		t.Errorf("stderr does not name the place:\n%s", o.err)
	}
}

func TestRunUnreachable(t *testing.T) {
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", "x", "any where true")
	for name, host := range map[string]string{"nobody listens": "127.0.0.1:1", "no such host": "tocsin.invalid:9200"} {
		t.Run(name, func(t *testing.T) {
			p := place{flags: []string{"--elasticsearch", "http://" + host}, env: []string{"TOCSIN_USERNAME=elastic", "TOCSIN_PASSWORD=s3cret-word"}}
			o := p.once(t, string(rules), aSlot(), "--request-timeout", "2s")
			equal(t, "exit code", o.code, 3)
			if !strings.Contains(o.err, host) || strings.Contains(o.out+o.err, "s3cret") {
				t.Errorf("stderr %s", o.err)
			}
		})
	}
}

// TestRunTimeout: a node that takes its time is an unreachable one, and not a rule without hits.
func TestRunTimeout(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	n.CreateIndex(t, n.Name("events"), eventMapping())
	put(t, n, []doc{{n.Name("events"), "1", object{"@timestamp": stamp(slot, time.Minute)}}})
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", n.Name("events"), "any where true")
	p := elasticsearch(n)
	p.mustOnce(t, string(rules), aSlot()) // installs
	o := p.once(t, string(rules), slot, "--rule-timeout", "1ns")
	x := o.executions(t)["r"]
	if o.code == 0 || x.Status != "failed" || !strings.Contains(x.Error, "deadline") {
		t.Errorf("exit code %d, %+v", o.code, x)
	}
	o = p.once(t, string(rules), slot, "--request-timeout", "1us")
	equal(t, "exit code", o.code, 3)
	equal(t, "alerts", len(p.list(t)), 0)
}

// user makes a user with one role, and returns the settings of a runner that is that user.
func user(t *testing.T, n *Node, suffix string, role object) []string {
	t.Helper()
	name, password := n.Name(suffix), "s3cret-"+suffix
	n.Must(t, http.MethodPut, "/_security/role/"+name, role)
	n.Must(t, http.MethodPut, "/_security/user/"+name, object{"password": password, "roles": []string{name}})
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		n.delete(ctx, t, "/_security/user/"+name)
		n.delete(ctx, t, "/_security/role/"+name)
	})
	return []string{"TOCSIN_USERNAME=" + name, "TOCSIN_PASSWORD=" + password}
}

func TestRunAccess(t *testing.T) {
	n := SecuredNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	// The second event is that of the user who may not write its alert.
	another := slot.Add(time.Hour)
	put(t, n, []doc{
		{index, "1", object{"@timestamp": stamp(slot, time.Minute)}}, {index, "2", object{"@timestamp": stamp(another, time.Minute)}},
	})
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", index, "any where true")
	key := n.Must(t, http.MethodPost, "/_security/api_key", object{"name": n.Prefix})
	keyFile := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(keyFile, []byte(key.At("encoded").String()+"\n"), 0o600))
	alerts := "tocsin-alerts-" + n.Prefix
	reads := object{"names": []string{index}, "privileges": []string{"read", "view_index_metadata"}}
	reader := user(t, n, "reader", object{"indices": []object{reads, {"names": []string{alerts + "*"}, "privileges": []string{"read", "view_index_metadata"}}}})
	// What a runner needs once its templates and indices are there.
	account := func(more ...string) object {
		return object{
			"names":      []string{"tocsin-ledger-" + n.Prefix + "*", "tocsin-leases-" + n.Prefix + "*"},
			"privileges": append([]string{"read", "index", "delete"}, more...),
		}
	}
	writer := user(t, n, "writer", object{
		"cluster": []string{"monitor"},
		"indices": []object{
			reads, account(), {"names": []string{alerts + "*"}, "privileges": []string{"read", "create_doc", "view_index_metadata"}},
		},
	})
	// And before: this one may make them.
	installer := user(t, n, "installer", object{
		"cluster": []string{"monitor", "manage_index_templates"},
		"indices": []object{
			reads, account("create_index"), {"names": []string{alerts + "*"}, "privileges": []string{"read", "create_doc", "manage"}},
		},
	})
	viewer := user(t, n, "viewer", object{
		"cluster": []string{"monitor", "manage_index_templates"},
		"indices": []object{reads, {"names": []string{alerts + "*"}, "privileges": []string{"read", "view_index_metadata"}}},
	})
	blind := user(t, n, "blind", object{
		"cluster": []string{"monitor", "manage_index_templates"},
		"indices": []object{{"names": []string{alerts + "*"}, "privileges": []string{"all"}}},
	})
	host := strings.TrimPrefix(n.URL, "http://")
	tests := []struct {
		name  string
		flags []string
		env   []string
		codes []int
		want  string
	}{
		{"password", nil, []string{"TOCSIN_USERNAME=elastic", "TOCSIN_PASSWORD=" + n.Password}, []int{0}, ""},
		{"password in the URL", []string{"--elasticsearch", "http://elastic:" + url.QueryEscape(n.Password) + "@" + host}, nil, []int{0}, ""},
		{"key", nil, []string{"TOCSIN_API_KEY=" + key.At("encoded").String()}, []int{0}, ""},
		{"key in a file", []string{"--api-key-file", keyFile}, nil, []int{0}, ""},
		{"key as id and secret", nil, []string{"TOCSIN_API_KEY=" + key.At("id").String() + ":" + key.At("api_key").String()}, []int{0}, ""},
		{"nobody", nil, nil, []int{3}, "401"},
		{"wrong password", nil, []string{"TOCSIN_USERNAME=elastic", "TOCSIN_PASSWORD=s3cret-wrong"}, []int{3}, "401"},
		{"wrong password in the URL", []string{"--elasticsearch", "http://elastic:s3cret-wrong@" + host}, nil, []int{3}, "401"},
		{"wrong key", nil, []string{"TOCSIN_API_KEY=abcdef:s3cret-key"}, []int{3}, "401"},
		{"may do nothing but read", nil, reader, []int{3}, "403"},
		{"may not write alerts", nil, viewer, []int{1, 3}, "403"},
		{"may not read the events", nil, blind, []int{1, 3}, ""},
		{"may do just what is needed", nil, writer, []int{0}, ""},
		{"may do just what the first run needs", []string{"--namespace", n.Prefix + "-first"}, installer, []int{0}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			flags := slices.Clone(test.flags)
			if !slices.Contains(flags, "--namespace") {
				flags = append(flags, "--namespace", n.Prefix)
			}
			if !slices.Contains(test.flags, "--elasticsearch") {
				flags = append(flags, "--elasticsearch", n.URL)
			}
			p, at := place{flags: flags, env: test.env}, slot
			if test.name == "may not write alerts" {
				at = another
			}
			o := p.once(t, string(rules), at, "--log-level", "debug")
			if !slices.Contains(test.codes, o.code) {
				t.Errorf("exit code %d, want one of %v\n%s%s", o.code, test.codes, o.out, o.err)
			}
			if !strings.Contains(o.out+o.err, test.want) {
				t.Errorf("%q is not in\n%s%s", test.want, o.out, o.err)
			}
			for _, secret := range []string{n.Password, "s3cret", key.At("encoded").String(), key.At("api_key").String()} {
				if strings.Contains(o.out+o.err, secret) {
					t.Errorf("a secret is in\n%s%s", o.out, o.err)
				}
			}
			if test.name == "may not read the events" && o.code == 0 {
				if x := o.executions(t)["r"]; len(x.Warnings) == 0 {
					t.Errorf("success without a word on what could not be searched: %+v", x)
				}
			}
		})
	}
	equal(t, "alerts", len(stored(t, n)), 1)
}

// TestRunListingIsStable: who lists alerts twice, or a part of them, gets the same order.
func TestRunListingIsStable(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	var docs []doc
	for i := range 30 {
		docs = append(docs, doc{index, fmt.Sprintf("e%02d", i), object{"@timestamp": stamp(slot, time.Minute)}})
	}
	put(t, n, docs)
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", index, "any where true")
	rules.add(t, "s", index, "any where true")
	for _, p := range []place{elasticsearch(n), embedded(t, dump(t, n, index))} {
		t.Run(p.name, func(t *testing.T) {
			p.mustOnce(t, string(rules), slot)
			listing := func(more ...string) []string {
				o := runner(t, nil, slices.Concat([]string{"alerts", "list", "--format", "ndjson"}, p.alerts, more)...)
				equal(t, "exit code", o.code, 0)
				return slices.Collect(strings.Lines(o.out))
			}
			all := listing()
			equal(t, "alerts", len(all), 60)
			equal(t, "alerts of one rule", len(listing("--rule", "s")), 30)
			if diff := cmp.Diff(all[:7], listing("--limit", "7")); diff != "" {
				t.Errorf("the first seven (-want +got):\n%s", diff)
			}
			one, err := decode([]byte(all[0]))
			must(t, err)
			o := runner(t, nil, slices.Concat([]string{"alerts", "show", one.At("_id").String(), "--format", "ndjson"}, p.alerts)...)
			equal(t, "show", o.out, all[0])
		})
	}
}
