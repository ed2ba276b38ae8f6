package alert

import (
	"fmt"
	"maps"
	"strings"

	"tocsin/internal/match/event"
)

// The fields of an alert that enrichment makes: EnrichmentField holds what has no name in ECS, UnenrichedField names what
// could not be asked.
const (
	EnrichmentField = "tocsin.enrichment"
	UnenrichedField = "tocsin.unenriched"
)

// Enrichable returns why a field cannot be added to alerts; nil if it can. Fields of ECS, and host.asset.criticality and its like of Kibana, can that hold plain values, labels,
// and fields below [EnrichmentField]; the alert's own fields, its times and event.* cannot.
func Enrichable(name string) error {
	top, rest, _ := strings.Cut(name, ".")
	switch {
	case top == "tocsin":
		if key, below := strings.CutPrefix(name, EnrichmentField+"."); below && !nameless(key) {
			return nil
		}
		return fmt.Errorf("%s is a field of Tocsin: what has no name in ECS goes to %s.*", name, EnrichmentField) //nolint:err113 // for people
	case reserved[top], metadata[top], top == "splunk", top == "event", name == "@timestamp", name == "data_stream", strings.HasPrefix(name, "data_stream."):
		return fmt.Errorf("%s is a field that alerts set themselves", name) //nolint:err113 // for people
	case top == "labels" && rest != "" && !nameless(rest):
		return nil
	}
	if at, nested := shapes().at(name); at != nil && !nested && (at.shape == scalarShape || at.shape == pointShape) {
		return nil
	}
	return fmt.Errorf("%s is no field of ECS that holds values: other names go to %s.* or labels.*", name, EnrichmentField) //nolint:err113 // for people
}

// Add adds a field to a new alert, and reports whether it did: a field that has a value, in any spelling, keeps it, and so
// does whatever is in the place of the objects above it. Objects that the alert shares with its event are copied.
func (d *Document) Add(name string, value any) bool {
	if len(event.Lookup(d.Source, name)) > 0 {
		return false
	}
	path := strings.Split(name, ".")
	if key, own := strings.CutPrefix(name, EnrichmentField+"."); own {
		path = []string{EnrichmentField, key}
	}
	at := d.Source
	for i, key := range path[:len(path)-1] {
		below, has := at[key]
		object, isObject := below.(map[string]any)
		if has && below != nil && !isObject { // a list of objects: beside it
			return d.beside(name, value)
		}
		if object = maps.Clone(object); object == nil {
			object = map[string]any{}
		}
		at[key] = object
		at = object
		if i == len(path)-2 {
			if have, has := at[path[i+1]]; has && have != nil {
				return false
			}
		}
	}
	at[path[len(path)-1]] = value
	return true
}

// beside adds a field under its dotted name.
func (d *Document) beside(name string, value any) bool {
	if have, has := d.Source[name]; has && have != nil {
		return false
	}
	d.Source[name] = value
	return true
}

// Below reports whether a document has any field below a name, in any spelling.
func (d *Document) Below(name string) bool { return hasBelow(d.Source, name) }

func hasBelow(object map[string]any, name string) bool {
	for key, value := range object {
		switch {
		case key == name || strings.HasPrefix(key, name+"."):
			if !empty(value) {
				return true
			}
		case strings.HasPrefix(name, key+"."):
			rest := name[len(key)+1:]
			switch v := value.(type) {
			case map[string]any:
				if hasBelow(v, rest) {
					return true
				}
			case []any:
				for _, element := range v {
					if o, ok := element.(map[string]any); ok && hasBelow(o, rest) {
						return true
					}
				}
			}
		}
	}
	return false
}

// empty reports whether a value holds no scalar.
func empty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case map[string]any:
		for _, member := range v {
			if !empty(member) {
				return false
			}
		}
		return true
	case []any:
		for _, element := range v {
			if !empty(element) {
				return false
			}
		}
		return true
	}
	return false
}
