package winlog

import (
	"fmt"
	"strings"
)

// Is reports whether an event is the XML of an event of Windows as JSON, as [Document] and [Names] read it.
func Is(event Object) bool {
	root, _ := event["Event"].(Object)
	_, ok := root["System"].(Object)
	return ok
}

// Names returns the event under the names of Sigma's rules: those of its data as they are, and those of the system's
// part, an attribute behind its element: Channel, EventID, Provider_Name. A name with spaces is there without them, too.
func Names(event Object) (Object, error) {
	if !Is(event) {
		return nil, fmt.Errorf("the event has no Event with a System")
	}
	root, _ := event["Event"].(Object)
	out := Object{}
	system, _ := root["System"].(Object)
	named(out, system)
	if data, ok := root["EventData"].(Object); ok {
		named(out, data)
	}
	if data, ok := root["UserData"].(Object); ok {
		for _, fields := range data {
			if fields, ok := fields.(Object); ok {
				named(out, fields)
			}
		}
	}
	if at, ok := out["TimeCreated_SystemTime"]; ok {
		out["@timestamp"] = at
	}
	for name, value := range out {
		if short := strings.ReplaceAll(name, " ", ""); short != name {
			out[short] = value
		}
	}
	return out, nil
}

// named adds the elements of a part, and their attributes.
func named(out, part Object) {
	for name, value := range part {
		if of, ok := strings.CutSuffix(name, attributesOf); ok {
			if a, ok := value.(Object); ok {
				attributed(out, of, a)
				continue
			}
		}
		o, ok := value.(Object)
		switch {
		case name == "#attributes":
		case ok:
			attributed(out, name, attributes(value))
			if text := o["#text"]; text != nil {
				out[name] = text
			}
		case value != nil:
			out[name] = value
		}
	}
}

func attributed(out Object, name string, attributes Object) {
	for a, value := range attributes {
		if value != nil && a != "xmlns" {
			out[name+"_"+a] = value
		}
	}
}
