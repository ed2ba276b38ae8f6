package kibana_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/kibana"
	"tocsin/internal/match/mapping"
)

type object = map[string]any

func at(v any, path ...string) any {
	for _, key := range path {
		o, _ := v.(object)
		v = o[key]
	}
	return v
}

func inner(t *testing.T, text any) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(fmt.Sprint(text)), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestObjects: every line is an object of an export, every reference is to one of them, every column is defined, and no two panels share
// a cell of the grid.
func TestObjects(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := kibana.Options{
			Index: rapid.StringMatching(`[a-z.][a-z0-9.-]{0,20}`).Draw(rt, "index"), ID: rapid.StringMatching(`[a-z0-9-]{1,20}`).Draw(rt, "id"),
			Title: rapid.StringMatching(`[A-Za-z<&>"\\ üß]{1,20}`).Draw(rt, "title"), Hidden: rapid.Bool().Draw(rt, "hidden"),
		}
		data, err := kibana.Objects(o)
		if err != nil {
			rt.Fatal(err)
		}
		lines := bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
		ids, objects := map[string]bool{}, []object{}
		for _, line := range lines {
			var one object
			if err := json.Unmarshal(line, &one); err != nil {
				rt.Fatal(err)
			}
			objects = append(objects, one)
		}
		summary := objects[len(objects)-1]
		objects = objects[:len(objects)-1]
		if at(summary, "exportedCount") != float64(len(objects)) {
			rt.Fatalf("%v of %d", summary, len(objects))
		}
		for _, one := range objects {
			key := fmt.Sprint(one["type"], "/", one["id"])
			if ids[key] || one["coreMigrationVersion"] != "8.8.0" || one["typeMigrationVersion"] == nil || one["attributes"] == nil {
				rt.Fatalf("%v", one)
			}
			ids[key] = true
		}
		if at(objects[0], "attributes", "title") != o.Index || at(objects[0], "attributes", "name") != o.Title || at(objects[0], "attributes", "allowHidden") != o.Hidden {
			rt.Fatal(objects[0])
		}
		board := objects[1]
		names := map[string]bool{}
		for _, r := range board["references"].([]any) {
			names[fmt.Sprint(at(r, "name"))] = true
			if !ids[fmt.Sprint(at(r, "type"), "/", at(r, "id"))] {
				rt.Fatalf("%v refers to nothing", r)
			}
		}
		inner(t, at(board, "attributes", "optionsJSON"))
		inner(t, at(board, "attributes", "kibanaSavedObjectMeta", "searchSourceJSON"))
		taken := map[[2]int]string{}
		for _, p := range inner(t, at(board, "attributes", "panelsJSON")).([]any) {
			id, title := fmt.Sprint(at(p, "panelIndex")), fmt.Sprint(at(p, "title"))
			grid := func(key string) int { return int(at(p, "gridData", key).(float64)) }
			if at(p, "gridData", "i") != id || grid("x")+grid("w") > 48 {
				rt.Fatalf("%s: %v", title, at(p, "gridData"))
			}
			for x := grid("x"); x < grid("x")+grid("w"); x++ {
				for y := grid("y"); y < grid("y")+grid("h"); y++ {
					if other := taken[[2]int{x, y}]; other != "" {
						rt.Fatalf("%s is on %s", title, other)
					}
					taken[[2]int{x, y}] = title
				}
			}
			attributes := at(p, "embeddableConfig", "attributes")
			reference := at(attributes, "references").([]any)[0]
			if !names[id+":"+fmt.Sprint(at(reference, "name"))] {
				rt.Fatalf("%s: the dashboard does not have its reference", title)
			}
			layers := at(attributes, "state", "datasourceStates", "formBased", "layers").(object)
			for name, layer := range layers {
				if !strings.HasSuffix(fmt.Sprint(at(reference, "name")), name) {
					rt.Fatalf("%s: layer %s", title, name)
				}
				columns, order := at(layer, "columns").(object), at(layer, "columnOrder").([]any)
				if len(columns) != len(order) {
					rt.Fatalf("%s: %d columns, %d in order", title, len(columns), len(order))
				}
				shown := fmt.Sprint(at(attributes, "state", "visualization"))
				for _, c := range order {
					if columns[c.(string)] == nil || !strings.Contains(shown, c.(string)) {
						rt.Fatalf("%s: column %v is not shown", title, c)
					}
				}
			}
		}
	})
}

// TestFields: alerts can be counted by every field of the dashboard.
func TestFields(t *testing.T) {
	own := map[string]string{}
	for line := range strings.Lines(alert.Fields) {
		if columns := strings.Split(strings.TrimSpace(line), "\t"); len(columns) > 1 {
			own[columns[0]] = columns[1]
		}
	}
	for _, name := range kibana.Fields() {
		typ := own[name]
		if f, known := mapping.ECS()[name]; known {
			typ = string(f.Type)
		}
		if typ != "keyword" && typ != "date" {
			t.Errorf("%s is %q", name, typ)
		}
	}
}
