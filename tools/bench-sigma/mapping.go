package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
)

// writeMapping writes the mapping of a file of events, as an index of such events has it: texts are keywords, whole
// numbers long. Without it the runner reads the file once more to find out.
func writeMapping(to, eventFile string) error {
	f, err := os.Open(eventFile)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	types := map[string]string{"@timestamp": "date"}
	for dec := json.NewDecoder(bufio.NewReaderSize(f, 1<<20)); dec.More(); {
		var event map[string]any
		if err := dec.Decode(&event); err != nil {
			return err
		}
		for name, v := range event {
			_, isNumber := v.(float64)
			isNumber = isNumber && !strings.Contains(name, ".") // Those of ECS here are keywords.
			switch known := types[name]; {
			case isNumber && known == "":
				types[name] = "long"
			case !isNumber && known != "date":
				types[name] = "keyword"
			}
		}
	}
	properties := map[string]any{}
	for name, kind := range types {
		at := properties
		parts := strings.Split(name, ".")
		for _, part := range parts[:len(parts)-1] {
			object, ok := at[part].(map[string]any)
			if !ok {
				object = map[string]any{"properties": map[string]any{}}
				at[part] = object
			}
			at, _ = object["properties"].(map[string]any)
		}
		at[parts[len(parts)-1]] = map[string]any{"type": kind}
	}
	text, err := json.MarshalIndent(map[string]any{"mappings": map[string]any{"properties": properties}}, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}
