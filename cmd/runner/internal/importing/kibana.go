package importing

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
	"tocsin/internal/rule"
	"tocsin/internal/rule/form"
)

// ownNotes are keys of an exported rule that are Kibana's own notes about it, and no part of the rule.
var ownNotes = []string{
	"id", "created_at", "created_by", "updated_at", "updated_by", "immutable", "rule_source", "execution_summary", "outcome", "alias_target_id",
	"alias_purpose", "namespace", "revision", "_version", "tie_breaker_id", "comments",
}

// documents returns the documents of an export, a list or a single document, with their lines as the loader counts them.
func documents(text diag.Text, lines bool) map[int]*tomltree.Value {
	out := map[int]*tomltree.Value{}
	whole := diag.Span{End: len(text.Value)}
	if !lines {
		if v, _ := tomltree.ParseJSON(text, whole, "import"); v != nil && v.Kind == tomltree.Table {
			out[0] = v
			return out
		}
	}
	offset, number := 0, 0
	for line := range strings.Lines(text.Value) {
		at := diag.Span{Start: offset, End: offset + len(strings.TrimRight(line, "\r\n"))}
		offset += len(line)
		number++
		if v, _ := tomltree.ParseJSON(text, at, "import"); v != nil && v.Kind == tomltree.Table {
			out[number] = v
		}
	}
	return out
}

// text returns the text of a member, "" if it has none.
func text(v *tomltree.Value, name string) string {
	if m := v.Get(name); m != nil && m.Kind == tomltree.String {
		return m.Text
	}
	return ""
}

// ruleFile makes the file of an exported rule. r is the rule as it was loaded: it has what a data view or a saved query gives
// it, which only the export knows.
func ruleFile(v *tomltree.Value, r *rule.Rule) (File, []Note, error) {
	var b strings.Builder
	b.WriteString("[rule]\n")
	without := slices.Clone(ownNotes)
	if v.Get("index") == nil && v.Get("data_view_id") != nil && len(r.Index) > 0 {
		without = append(without, "data_view_id")
		quoted := make([]string, len(r.Index))
		for i, p := range r.Index {
			quoted[i] = form.Quote(p)
		}
		b.WriteString("index = [" + strings.Join(quoted, ", ") + "]\n")
	}
	if text(v, "query") == "" && r.Query.Value != "" && v.Get("saved_id") != nil {
		without = append(without, "saved_id", "query", "language")
		b.WriteString("query = " + form.Text(r.Query.Value) + "\nlanguage = " + form.Quote(string(r.Language)) + "\n")
	}
	var notes []Note
	note := func(format string, args ...any) {
		notes = append(notes, Note{Rule: r.Name, RuleID: r.ID, Path: r.Path, Reason: fmt.Sprintf(format, args...)})
	}
	for _, name := range []string{"actions", "response_actions"} {
		if m := v.Get(name); m != nil && len(m.Items) > 0 {
			note("its %s (%d) are those of Kibana: they are not carried over", name, len(m.Items))
			without = append(without, name)
		}
	}
	table(&b, "rule", v, without)
	content, err := normal(r.Path, b.String())
	return File{RuleIDs: []string{r.ID}, Name: Slug(r.Name) + ".toml", Content: content, From: r.Path}, notes, err
}

// normal returns the normal form of a file that this package has written.
func normal(name, text string) (string, error) {
	out, diags, err := form.TOML(diag.NewText(name, text))
	if err == nil && diags.HasErrors() {
		err = diags.Err()
	}
	if err != nil {
		return "", fmt.Errorf("import %s: %w", name, err)
	}
	return out, nil
}

// exceptionFiles makes a file of each list of exceptions. values are the value lists that are carried over.
func exceptionFiles(path string, all []*tomltree.Value, values []string) ([]File, []Note, error) {
	var ids []string
	lists, items := map[string]*tomltree.Value{}, map[string][]*tomltree.Value{}
	for _, v := range all {
		id := text(v, "list_id")
		if id == "" {
			continue
		}
		if lists[id] == nil && items[id] == nil {
			ids = append(ids, id)
		}
		if v.Get("entries") != nil || v.Get("item_id") != nil {
			items[id] = append(items[id], v)
		} else {
			lists[id] = v
		}
	}
	slices.Sort(ids)
	var files []File
	var notes []Note
	for _, id := range ids {
		var b strings.Builder
		if l := lists[id]; l != nil {
			b.WriteString("[[exception_list]]\n")
			table(&b, "exception_list", l, ownNotes)
		}
		for _, item := range items[id] {
			b.WriteString("\n[[exception_item]]\n")
			table(&b, "exception_item", item, ownNotes)
			for _, name := range valueLists(item) {
				if slices.Contains(values, name) {
					continue
				}
				notes = append(notes, Note{Rule: text(item, "name"), Path: path, Reason: "no export has value lists: put the file of " + name + " into " + valueFolder})
			}
		}
		content, err := normal(path, b.String())
		if err != nil {
			return nil, nil, err
		}
		files = append(files, File{Name: "exceptions/" + Slug(id) + ".exceptions.toml", Content: content, From: path})
	}
	return files, notes, nil
}

// valueFolder is where the loader finds value lists.
const valueFolder = "exceptions/value_lists"

// ValueList makes the file of a value list.
func ValueList(id, content string) File {
	return File{Name: valueFolder + "/" + id, Content: strings.ReplaceAll(content, "\r\n", "\n"), From: "Kibana"}
}

// Refers returns the ids of the data views and value lists that the documents of an export refer to and do not have.
func Refers(content string) (views, lists []string) {
	docs := documents(diag.NewText("export", content), true)
	there := map[string]bool{}
	for _, v := range docs {
		if v.Get("attributes") != nil {
			there[text(v, "id")] = true
		}
	}
	for _, v := range docs {
		if id := text(v, "data_view_id"); id != "" && !there[id] && (v.Get("index") == nil || len(v.Get("index").Items) == 0) {
			views = append(views, id)
		}
		lists = append(lists, valueLists(v)...)
	}
	slices.Sort(views)
	slices.Sort(lists)
	return slices.Compact(views), slices.Compact(lists)
}

// valueLists returns the ids of the value lists that an item needs.
func valueLists(item *tomltree.Value) []string {
	var out []string
	entries := item.Get("entries")
	if entries == nil {
		return nil
	}
	for _, e := range entries.Items {
		if l := e.Get("list"); l != nil {
			out = append(out, text(l, "id"))
		}
		out = append(out, valueLists(e)...)
	}
	return out
}
