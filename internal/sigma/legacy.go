package sigma

import (
	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
)

// merged resolves the old form of several rules in a file: a document with the action global completes
// those behind it, reset ends that, and repeat completes a document by what it says beside the one before.
func merged(file diag.Text, docs []*yamltree.Node) ([]*yamltree.Node, diag.List) {
	var out []*yamltree.Node
	var diags diag.List
	var global, before *yamltree.Node
	for _, doc := range docs {
		if doc == nil {
			continue
		}
		action := doc.Get("action")
		switch {
		case action == nil:
		case doc.Get("correlation") != nil || doc.Get("filter") != nil:
			diags = append(diags, action.Report(file, diag.Error, CodeValue, "only detections have an action"))
			continue
		case action.Value == "global":
			global = without(doc, "action")
			continue
		case action.Value == "reset":
			global = nil
			continue
		case action.Value == "repeat" && before != nil:
			doc = over(before, without(doc, "action"))
		default:
			diags = append(diags, action.Report(file, diag.Error, CodeValue, "the action %s is none of global, reset and repeat (which needs a rule before it)", action.Value))
			continue
		}
		if doc.Kind == yamltree.Map && doc.Get("correlation") == nil && doc.Get("filter") == nil {
			if global != nil {
				doc = over(doc, global)
			}
			before = doc
		}
		out = append(out, doc)
	}
	return out, diags
}

func without(n *yamltree.Node, key string) *yamltree.Node {
	out := *n
	out.Members = nil
	for _, m := range n.Members {
		if m.Key.Value != key {
			out.Members = append(out.Members, m)
		}
	}
	return &out
}

// over puts a map over another, at every depth.
func over(below, above *yamltree.Node) *yamltree.Node {
	out := *below
	out.Members = nil
	for _, m := range below.Members {
		if other := above.Get(m.Key.Value); other != nil {
			if other.Kind == yamltree.Map && m.Value.Kind == yamltree.Map {
				other = over(m.Value, other)
			}
			m.Value = other
		}
		out.Members = append(out.Members, m)
	}
	for _, m := range above.Members {
		if below.Get(m.Key.Value) == nil {
			out.Members = append(out.Members, m)
		}
	}
	return &out
}
