package form

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

// keys is the order of the keys of a rule; others follow in the order in which they are written.
var keys = []string{
	"rule_id", "name", "description", "version", "enabled", "author", "license", "tags", "references", "false_positives",
	"severity", "risk_score", "building_block_type", "rule_name_override", "timestamp_override", "timestamp_override_fallback_disabled",
	"interval", "cron", "cron_time_zone", "from", "to", "max_signals",
	"type", "language", "index", "data_view_id", "event_category_override", "timestamp_field", "tiebreaker_field",
	"saved_id", "query", "filters", "new_terms_fields", "history_window_start", "machine_learning_job_id", "anomaly_threshold",
	"threat_index", "threat_language", "threat_query", "threat_filters", "threat_indicator_path", "threat_mapping", "threat_mappings",
	"threshold", "new_terms", "alert_suppression", "severity_mapping", "risk_score_mapping", "exceptions_list",
	"setup", "note", "timeline_id", "timeline_title", "investigation_fields", "related_integrations", "required_fields", "threat",
}

// roots is the order of the tables of a rule file.
var roots = []string{"metadata", "rule", "transform"}

// errChanged is a fault of this package: it must not change what a file says.
var errChanged = errors.New("the normal form would say something else than the file; this is a fault of the formatter")

// TOML returns the normal form of a rule file, or of another file in TOML: without a table [rule], only its layout
// changes, not its order. What is not valid TOML has diagnostics and no normal form.
func TOML(text diag.Text) (string, diag.List, error) {
	before, diags := tomltree.Parse(text, "form")
	if diags.HasErrors() {
		return "", diags, nil
	}
	f := parse(strings.TrimPrefix(text.Value, "\ufeff"))
	if slices.ContainsFunc(f.blocks, func(b *block) bool { return b.header == "rule" }) {
		f.sort()
	}
	out := f.print()
	after, diags := tomltree.Parse(diag.NewText(text.File(), out), "form")
	if diags.HasErrors() || !same(before, after) {
		return "", nil, errChanged
	}
	return out, nil, nil
}

// same reports whether two values say the same.
func same(a, b *tomltree.Value) bool {
	if a.Kind != b.Kind || a.Int != b.Int || a.Text != b.Text && strings.ReplaceAll(a.Text, "\r\n", "\n") != b.Text || len(a.Items) != len(b.Items) {
		return false
	}
	for i, item := range a.Items {
		other := b.Items[i]
		if a.Kind == tomltree.Table {
			if other = b.Get(item.Key); other == nil {
				return false
			}
		}
		if !same(item, other) {
			return false
		}
	}
	return true
}

// place returns the place of a name in an order; unknown names are last.
func place(order []string, name string) int {
	if i := slices.Index(order, name); i >= 0 {
		return i
	}
	return len(order)
}

// sort puts tables and keys in their order. Tables below one key of a rule stay as they are, since elements of lists depend
// on what is before them.
func (f *file) sort() {
	slices.SortStableFunc(f.blocks, func(a, b *block) int {
		root, key := names(a.header)
		otherRoot, otherKey := names(b.header)
		if a.header == "" || b.header == "" {
			return cmp.Compare(len(a.header), len(b.header)) // keys without a table stay before all tables
		}
		return cmp.Or(cmp.Compare(place(roots, root), place(roots, otherRoot)), cmp.Compare(level(root, key), level(otherRoot, otherKey)))
	})
	for _, b := range f.blocks {
		if b.header == "rule" {
			slices.SortStableFunc(b.body, func(x, y statement) int {
				first, _ := names(x.key)
				second, _ := names(y.key)
				return cmp.Compare(place(keys, first), place(keys, second))
			})
		}
	}
}

// level returns the place of a table of a root.
func level(root, key string) int {
	if root != "rule" || key == "" {
		return -1
	}
	return place(keys, key)
}

// names returns the first two parts of a name.
func names(header string) (first, second string) {
	first, rest, _ := strings.Cut(header, ".")
	second, _, _ = strings.Cut(rest, ".")
	clean := func(s string) string { return strings.Trim(strings.TrimSpace(s), `"'`) }
	return clean(first), clean(second)
}

// print writes a file.
func (f *file) print() string {
	var b strings.Builder
	write := func(lines ...string) {
		for _, line := range lines {
			b.WriteString(line + "\n")
		}
	}
	write(f.top...)
	for _, one := range f.blocks {
		if one.header == "" && len(one.body)+len(one.tail) == 0 {
			continue
		}
		if b.Len() > 0 {
			write("")
		}
		write(one.above...)
		if one.header != "" {
			write(beside(one.title(), one.beside))
		}
		for _, s := range one.body {
			write(s.above...)
			head := s.key + " = "
			write(beside(head+layout(s.value, 0, widest-len([]rune(head))), s.beside))
		}
		write(one.tail...)
	}
	return strings.ReplaceAll(b.String(), "\r\n", "\n")
}

func (b *block) title() string {
	if b.list {
		return "[[" + b.header + "]]"
	}
	return "[" + b.header + "]"
}

func beside(text, comment string) string {
	if comment == "" {
		return text
	}
	return text + " " + comment
}
