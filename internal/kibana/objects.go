package kibana

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Options are what the objects are about.
type Options struct {
	// Index is the name of the alerts' alias, and Hidden says that its indices are.
	Index  string
	Hidden bool
	// Title begins the titles, ID the ids of the objects. Importing objects of the same ids replaces them.
	Title, ID string
}

type object = map[string]any

// The versions of the objects' forms: of Kibana 8.8, and of the last changes to dashboards and data views before it.
const (
	coreVersion      = "8.8.0"
	dashboardVersion = "8.7.0"
	viewVersion      = "8.0.0"
)

// Objects returns the data view and the dashboard as an export of Kibana (NDJSON), which Kibana imports under Stack Management,
// Saved Objects, or by POST /api/saved_objects/_import.
func Objects(o Options) ([]byte, error) {
	view := o.view()
	board, err := o.dashboard(view["id"].(string)) //nolint:forcetypeassert // it is set a line before
	if err != nil {
		return nil, err
	}
	all := []object{view, board}
	all = append(all, object{
		"excludedObjects": []any{}, "excludedObjectsCount": 0, "exportedCount": len(all), "missingRefCount": 0, "missingReferences": []any{},
	})
	var out bytes.Buffer
	for _, one := range all {
		line, err := encode(one)
		if err != nil {
			return nil, err
		}
		out.WriteString(line + "\n")
	}
	return out.Bytes(), nil
}

// encode returns a value as JSON in one line, with its characters as they are.
func encode(v any) (string, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", fmt.Errorf("encode a saved object: %w", err)
	}
	return string(bytes.TrimRight(out.Bytes(), "\n")), nil
}

func (o Options) view() object {
	return object{
		"id": o.ID + "-view", "type": "index-pattern", "coreMigrationVersion": coreVersion, "typeMigrationVersion": viewVersion, "managed": false, "references": []any{},
		"attributes": object{
			"title": o.Index, "name": o.Title, "timeFieldName": "@timestamp", "allowHidden": o.Hidden,
			"fieldAttrs": "{}", "fieldFormatMap": `{"kibana.alert.url":{"id":"url","params":{}}}`, "fields": "[]", "runtimeFieldMap": "{}", "sourceFilters": "[]", "typeMeta": "{}",
		},
	}
}

func (o Options) dashboard(view string) (object, error) {
	var list []object
	references := []object{}
	for i, p := range panels {
		id := fmt.Sprintf("panel-%d", i+1)
		list = append(list, p.embedded(id, view))
		references = append(references, object{"type": "index-pattern", "id": view, "name": id + ":" + layerReference})
	}
	texts := map[string]string{}
	for name, v := range map[string]any{
		"panels": list, "options": object{"useMargins": true, "syncColors": true, "syncCursor": true, "syncTooltips": false, "hidePanelTitles": false},
		// The building blocks of sequences are not alerts of their own.
		"search": object{"query": object{"language": "kuery", "query": "not kibana.alert.building_block_type: *"}, "filter": []any{}},
	} {
		text, err := encode(v)
		if err != nil {
			return nil, err
		}
		texts[name] = text
	}
	return object{
		"id": o.ID + "-dashboard", "type": "dashboard", "coreMigrationVersion": coreVersion, "typeMigrationVersion": dashboardVersion, "managed": false, "references": references,
		"attributes": object{
			"title": o.Title, "description": "Alerts of Tocsin: how many, of which rules, hosts and users, and what is open.", "version": 1,
			"panelsJSON": texts["panels"], "optionsJSON": texts["options"], "kibanaSavedObjectMeta": object{"searchSourceJSON": texts["search"]},
			"timeRestore": true, "timeFrom": "now-7d", "timeTo": "now", "refreshInterval": object{"pause": true, "value": 60000},
		},
	}, nil
}
