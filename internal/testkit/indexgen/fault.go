package indexgen

import (
	"maps"
	"slices"
	"strings"
)

// Fault returns what somebody might take the mappings of a world's indices for, in the form of an answer
// of GET _mapping: a comparison of the kind is worth nothing unless it finds that.
//
// Each index of events has the mapping of the next one; of kinds whose mappings make the same of most
// documents, all of them have one that does not.
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

// FaultOfField is what is wrong in Fault with the definition of one field, for answers of GET
// _mapping/field; nil where nothing is but whose it is.
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

// at returns the object at keys, or an empty one that is nowhere.
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

// sourced hides that _source is not all there.
func sourced(root Object) { delete(root, "_source") }

// FaultInNames tells that the kind is about the names of indices: what is to be mistaken is them.
func (k Kind) FaultInNames() bool { return k.Name == "metadata" }

// FaultInFiles tells that the fault is one for files too, which have whole documents.
func (k Kind) FaultInFiles() bool { return !k.Unsourced || k.Name == "source_synthetic" }

// FaultInScan tells that the shared read takes the field from events at all: analysed text is left to
// a search in any case.
func (k Kind) FaultInScan() bool { return k.Name != "text_beside_keyword" }

// unmapped makes an index know nothing of the field.
func unmapped(root Object) { delete(at(root, "properties"), "o") }
