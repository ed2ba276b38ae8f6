//go:build integration

package integration

import (
	"bytes"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestForeignTemplate: templates of somebody else that outrank ours make indices of alerts with another mapping.
// That is named, and what such an index does not take leaves the slot open. In the end the alerts are those of an undisturbed run, each of them once.
func TestForeignTemplate(t *testing.T) {
	for _, tt := range []struct {
		name     string
		template object
		// takes: the index takes alerts all the same.
		takes bool
	}{
		{"without a mapping", object{}, true},
		{"texts and strict", object{"mappings": object{"dynamic": "strict", "properties": object{
			"@timestamp": object{"type": "date"}, "kibana": object{"dynamic": true, "properties": object{"alert": object{"dynamic": true, "properties": object{
				"reason": object{"type": "long"}, "rule": object{"properties": object{"rule_id": object{"type": "text"}}},
			}}}},
		}}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			index := n.Name("events")
			n.CreateIndex(t, index, eventMapping())
			const slots = 3
			first := aSlot()
			at := func(slot int) time.Time { return first.Add(time.Duration(slot) * 10 * time.Minute) }
			var docs []doc
			for slot := range slots {
				docs = append(docs, doc{index, strconv.Itoa(slot), object{
					"@timestamp": stamp(at(slot), time.Minute), "process": object{"pid": 0}, "host": object{"name": "h"},
				}})
			}
			put(t, n, docs)
			rules := ruleDir(t.TempDir())
			file := rules.add(t, "r", index, "any where true")

			p := elasticsearch(n)
			run := func(slot int) outcome { return p.once(t, string(rules), at(slot)) }
			if o := run(0); o.code != 0 {
				t.Fatalf("exit code %d\n%s%s", o.code, o.out, o.err)
			}
			template := maps.Clone(tt.template)
			template["settings"] = object{"number_of_replicas": 0}
			n.Must(t, http.MethodPut, "/_index_template/"+n.Name("foreign"), object{
				"index_patterns": []string{"tocsin-alerts-" + n.Prefix + "*"}, "priority": 100000, "template": template,
			})
			for slot := range slots {
				if slot == 1 {
					n.Must(t, http.MethodPost, "/tocsin-alerts-"+n.Prefix+"/_rollover", nil)
				}
				o := run(slot)
				x := o.executions(t)["r"]
				if written := x.Created+x.Dupes == 1; written != (o.code == 0) || written != (x.Status == "succeeded") {
					t.Errorf("slot %d: exit code %d, and the alert is written: %v\n%s%s", slot, o.code, written, o.out, o.err)
				}
				if tt.takes && o.code != 0 {
					t.Errorf("slot %d: exit code %d\n%s%s", slot, o.code, o.out, o.err)
				}
				if !strings.Contains(o.err, n.Name("foreign")) {
					t.Errorf("slot %d: the template is not named:\n%s", slot, o.err)
				}
			}
			// The way out that is named.
			n.Must(t, http.MethodDelete, "/_index_template/"+n.Name("foreign"), nil)
			n.Must(t, http.MethodPost, "/tocsin-alerts-"+n.Prefix+"/_rollover", nil)
			n.Refresh(t, "tocsin-alerts-"+n.Prefix)
			for slot := range slots {
				if x := run(slot).executions(t)["r"]; x.Created+x.Dupes != 1 || tt.takes && x.Created > 0 {
					t.Errorf("slot %d run again: %+v", slot, x)
				}
			}
			calm := elasticsearch(n)
			calm.flags = []string{"--elasticsearch", n.URL, "--namespace", "calm-" + n.Prefix}
			calm.alerts = calm.flags
			text, err := os.ReadFile(file)
			must(t, err)
			must(t, os.WriteFile(file, bytes.Replace(text, []byte("now-10m"), []byte("now-3h"), 1), 0o600))
			calm.mustOnce(t, string(rules), at(slots))
			want := calm.list(t)
			equal(t, "alerts of an undisturbed run", len(want), slots)
			equal(t, "alerts", slices.Sorted(maps.Keys(stored(t, n))), slices.Sorted(maps.Keys(want)))
		})
	}
}
