package sigma

import (
	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

// Placeholders reads a file (TOML) with the values of placeholders: name = ["value", …]. A single value
// is a list of one.
func Placeholders(file diag.Text) (map[string][]string, diag.List) {
	root, diags := tomltree.Parse(file, "sigma")
	if root == nil || diags.HasErrors() {
		return nil, diags
	}
	out := map[string][]string{}
	for _, member := range root.Items {
		values := []*tomltree.Value{member}
		if member.Kind == tomltree.Array {
			values = member.Items
		}
		for _, v := range values {
			switch v.Kind {
			case tomltree.Array, tomltree.Table:
				diags = append(diags, file.Report(diag.Error, CodeValue, v.Span, "the values of %s are no texts", member.Key))
			default:
				out[member.Key] = append(out[member.Key], v.Text)
			}
		}
	}
	return out, diags
}
