package mapping

import "tocsin/internal/diag"

// Nearest returns the field that a misspelt name most likely stands for: one of fields, if they can be listed, or of ECS. It
// returns "" if no name is near.
func Nearest(fields Fields, name string) string {
	if _, isKnown := ECS()[name]; isKnown {
		return ""
	}
	known := ECS().Names()
	if named, ok := fields.(interface{ Names() []string }); ok {
		known = append(known, named.Names()...)
	}
	return diag.Nearest(name, known)
}
