package alert_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
)

func TestPartial(t *testing.T) {
	type object = map[string]any
	for name, test := range map[string]struct{ source, set, want object }{
		"flat":      {object{"a.b": 1}, object{"a.b": 2}, object{"a.b": 2}},
		"absent":    {object{"a": object{"c": 1}}, object{"a.b": 2}, object{"a.b": 2}},
		"nested":    {object{"a": object{"b": 1, "c": 3}}, object{"a.b": 2}, object{"a": object{"b": 2}}},
		"half":      {object{"a.b": object{"c.d": 1}}, object{"a.b.c.d": nil}, object{"a.b": object{"c.d": nil}}},
		"two below": {object{"a": object{"b": 1, "c": 3}}, object{"a.b": 2, "a.c": 4}, object{"a": object{"b": 2, "c": 4}}},
	} {
		d := alert.Document{Source: test.source, Set: test.set}
		if diff := cmp.Diff(test.want, d.Partial()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestChanged: after a change, a field that was set has its new value only, in any spelling, and every other field what
// it had; the source is as it was.
func TestChanged(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		names := []string{"a", "b.c", "b.d", "k.l.m", "k.l.n", "k.o"}
		source, values := map[string]any{}, map[string]string{}
		for _, name := range names {
			if !rapid.Bool().Draw(rt, "has "+name) {
				continue
			}
			values[name] = rapid.StringMatching("[a-z]{1,3}").Draw(rt, name)
			spell(rt, source, name, values[name])
		}
		before := clone(source)
		set := map[string]any{}
		for _, name := range names {
			if rapid.Bool().Draw(rt, "set "+name) {
				values[name] = rapid.StringMatching("[A-Z]{1,3}").Draw(rt, "new "+name)
				set[name] = values[name]
			}
		}
		d := alert.Document{Source: source, Set: set}
		changed := d.Changed()
		for _, name := range names {
			var want []any
			if v, has := values[name]; has {
				want = []any{v}
			}
			if diff := cmp.Diff(want, event.Lookup(changed, name)); diff != "" {
				rt.Fatalf("%s of %v with %v: %s", name, source, set, diff)
			}
		}
		if diff := cmp.Diff(before, source); diff != "" {
			rt.Fatalf("the source has changed: %s", diff)
		}
		merged := clone(source)
		merge(merged, d.Partial()) // as Elasticsearch does
		if diff := cmp.Diff(changed, merged); diff != "" {
			rt.Fatalf("merged: %s", diff)
		}
	})
}

// spell adds a field in a spelling that is drawn.
func spell(rt *rapid.T, object map[string]any, name, value string) {
	for i, c := range name {
		if c != '.' || !rapid.Bool().Draw(rt, "cut "+name) {
			continue
		}
		below, isObject := object[name[:i]].(map[string]any)
		if !isObject {
			below = map[string]any{}
			object[name[:i]] = below
		}
		spell(rt, below, name[i+1:], value)
		return
	}
	object[name] = value
}

func clone(object map[string]any) map[string]any {
	out := maps.Clone(object)
	for name, v := range out {
		if below, ok := v.(map[string]any); ok {
			out[name] = clone(below)
		}
	}
	return out
}

func merge(into, part map[string]any) {
	for name, v := range part {
		below, isObject := v.(map[string]any)
		have, isAlso := into[name].(map[string]any)
		if isObject && isAlso {
			merge(have, below)
			continue
		}
		into[name] = v
	}
}

// TestExtendingNeverTouchesTheWorkflow: what a run writes to an alert that exists is not what people set.
func TestExtendingNeverTouchesTheWorkflow(t *testing.T) {
	fields := alert.Suppressing(alert.Subject{Instance: "i"}, alert.Suppression{Count: 1})
	maps.Copy(fields, alert.Extending(alert.Suppression{Count: 2}, time.Unix(1, 0)))
	for name := range fields {
		if strings.HasPrefix(name, "kibana.alert.workflow") || strings.HasPrefix(name, "kibana.alert.case") || strings.HasPrefix(name, "kibana.alert.updated") {
			t.Errorf("%s is set", name)
		}
	}
	if len(fields) < 5 {
		t.Errorf("%v", fields)
	}
}
