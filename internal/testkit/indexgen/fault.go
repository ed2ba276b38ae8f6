package indexgen

import (
	"maps"
	"slices"
	"strings"
)

// Fault returns wrong mappings for a world's indices, in the form of an answer of GET _mapping. A comparison of
// the kind must detect them.
//
// Each index of events has the mapping of the next one. For kinds whose mappings read most documents in the same
// way, all indices get a mapping that does not.
func (k Kind) Fault(w *World, mappings Object) Object {
	out := maps.Clone(mappings)
	events := w.Indices[:len(w.Indices)-1]
	for i, index := range events {
		from := events[(i+1)%len(events)].Name
		if k.damage != nil {
			from = index.Name
		}
		body, _ := mappings[from].(Object)
		root, _ := body["mappings"].(Object)
		copied := copyOf(root)
		if k.damage != nil {
			k.damage(copied)
		}
		out[index.Name] = Object{"mappings": copied}
	}
	return out
}

// FaultOfField returns the wrong definition of one field in Fault, for answers of GET _mapping/field; nil if only
// the index is wrong.
func (k Kind) FaultOfField(name string, definition Object) Object {
	if k.damage == nil {
		return nil
	}
	root := copyOf(definition)
	keys := strings.Split(name, ".")
	for _, key := range slices.Backward(keys) {
		root = Object{"properties": Object{key: root}}
	}
	k.damage(root)
	for _, key := range keys {
		root = at(root, "properties", key)
	}
	return root
}

func copyOf(o Object) Object {
	out := Object{}
	for key, value := range o {
		if inner, ok := value.(Object); ok {
			value = copyOf(inner)
		}
		out[key] = value
	}
	return out
}

// at returns the object at keys; if it does not exist, an empty object that is not part of the document.
func at(o Object, keys ...string) Object {
	for _, key := range keys {
		inner, ok := o[key].(Object)
		if !ok {
			return Object{}
		}
		o = inner
	}
	return o
}

// shortened makes an index ignore most values of the field.
func shortened(root Object) { at(root, "properties", "o", "properties", "x")["ignore_above"] = 1 }

// sourced hides that _source is incomplete.
func sourced(root Object) { delete(root, "_source") }

// FaultInNames reports that the kind is about index names, so that the names must be wrong.
func (k Kind) FaultInNames() bool { return k.Name == "metadata" }

// FaultInFiles reports that the fault also affects files, which have complete documents.
func (k Kind) FaultInFiles() bool { return !k.Unsourced || k.Name == "source_synthetic" }

// FaultInScan reports that the shared read uses the field: analysed text is always searched.
func (k Kind) FaultInScan() bool { return k.Name != "text_beside_keyword" }

// unmapped removes the field from a mapping.
func unmapped(root Object) { delete(at(root, "properties"), "o") }
