package indexgen_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/mapping"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/testkit/indexgen"
)

var small = indexgen.Options{Prefix: "p-", Documents: 30, Candidates: 3}

// TestWorldsRepeat: a world is a function of its kind and seed, and another seed makes another.
func TestWorldsRepeat(t *testing.T) {
	for _, kind := range indexgen.Kinds {
		one, err := json.Marshal(indexgen.New(kind, 7, small))
		if err != nil {
			t.Fatalf("%s: %v", kind.Name, err)
		}
		again, _ := json.Marshal(indexgen.New(kind, 7, small))
		if diff := cmp.Diff(string(one), string(again)); diff != "" {
			t.Errorf("%s: %s", kind.Name, diff)
		}
		if other, _ := json.Marshal(indexgen.New(kind, 8, small)); string(other) == string(one) {
			t.Errorf("%s: another seed makes the same", kind.Name)
		}
	}
}

// TestWorldsAreUsable: mappings are mappings, and every candidate is a rule of its type that has a plan.
func TestWorldsAreUsable(t *testing.T) {
	for _, kind := range indexgen.Kinds {
		w := indexgen.New(kind, 3, small)
		for _, index := range w.Indices {
			text, err := json.Marshal(index.Mapping)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := mapping.Parse(text); err != nil {
				t.Errorf("%s: %s: %v", kind.Name, index.Name, err)
			}
		}
		var export []byte
		of := map[string]int{}
		for _, r := range w.Candidates {
			line, err := json.Marshal(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			export = append(append(export, line...), '\n')
			if of[r.Type]++; len(r.Asked) == 0 {
				t.Errorf("%s asks nothing", r.ID)
			}
		}
		if len(of) != len(indexgen.Types) {
			t.Errorf("%s: rules of %d types, not %d", kind.Name, len(of), len(indexgen.Types))
		}
		path := filepath.Join(t.TempDir(), "rules.ndjson")
		if err := os.WriteFile(path, export, 0o600); err != nil {
			t.Fatal(err)
		}
		set, diags := rule.Load(path)
		if diags.HasErrors() || set.Len() != len(w.Candidates) {
			t.Fatalf("%s: %d of %d rules: %v", kind.Name, set.Len(), len(w.Candidates), diags)
		}
		for _, r := range set.Rules() {
			if plan, diags := plans.For(r); plan == nil {
				t.Errorf("%s: %v", r.ID, diags)
			}
		}
	}
}

// TestFaultsAreFaults: what is told of mappings in their place is other than they are.
func TestFaultsAreFaults(t *testing.T) {
	for _, kind := range indexgen.Kinds[1:] {
		if kind.FaultInNames() {
			continue
		}
		w := indexgen.New(kind, 1, small)
		mappings := indexgen.Object{}
		for _, index := range w.Indices {
			mappings[index.Name] = indexgen.Object{"mappings": nested(index.Mapping)}
		}
		if cmp.Equal(mappings, kind.Fault(w, mappings)) {
			t.Errorf("%s: the fault changes nothing", kind.Name)
		}
	}
}

// nested writes dotted names as objects, as a node does.
func nested(root indexgen.Object) indexgen.Object {
	text, _ := json.Marshal(root)
	var out indexgen.Object
	_ = json.Unmarshal(text, &out)
	properties, _ := out["properties"].(indexgen.Object)
	if x, ok := properties["o.x"]; ok {
		delete(properties, "o.x")
		properties["o"] = indexgen.Object{"properties": indexgen.Object{"x": x}}
	}
	return out
}
