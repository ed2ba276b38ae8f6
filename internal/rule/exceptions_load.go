package rule

import (
	"fmt"
	"io/fs"
	"slices"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

// located is the directory that a file was read from.
type located struct {
	fsys fs.FS
	dir  string
	// name turns a path of the file system into the path to show.
	name func(string) string
}

// listKey identifies a list of exceptions.
type listKey struct {
	namespace NamespaceType
	id        string
}

// exceptions holds the exceptions of a set, by list.
type exceptions struct {
	lists map[listKey]*ExceptionList
	items map[listKey]map[string]*ExceptionItem
	// files holds the places of value lists from the [lists] of files.
	files map[string]namedList
	// folders are the directories named value_lists.
	folders []located
	read    map[valueListKey]readList
}

// namedList is the path of a value list.
type namedList struct {
	located
	path string
}

// list returns the list of a key, and creates it at the first mention.
func (e *exceptions) list(key listKey) *ExceptionList {
	if e.lists == nil {
		e.lists = map[listKey]*ExceptionList{}
		e.items = map[listKey]map[string]*ExceptionItem{}
	}
	if e.lists[key] == nil {
		e.lists[key] = &ExceptionList{ListID: key.id, NamespaceType: key.namespace}
		e.items[key] = map[string]*ExceptionItem{}
	}
	return e.lists[key]
}

// orSingle returns the default namespace if n is empty.
func orSingle(n NamespaceType) NamespaceType {
	if n == "" {
		return Single
	}
	return n
}

// addList adds a list without its items. Exports that share a list all contain it.
func (e *exceptions) addList(doc *document, v *tomltree.Value) diag.List {
	var l ExceptionList
	d := tomltree.Decoder{File: doc.file, Area: area}
	tomltree.Into(&d, v, listFields, &l)
	if l.ListID == "" {
		if v.Get("list_id") == nil {
			d.Report(diag.Error, "missing-field", v.Span, "list_id is missing")
		}
		return d.List
	}
	known := e.list(listKey{orSingle(l.NamespaceType), l.ListID})
	known.Type, known.Name = l.Type, l.Name
	return d.List
}

// addItem adds an item; at is its path in its document. An invalid item is kept, so that its rules
// do not run without it.
func (e *exceptions) addItem(doc *document, v *tomltree.Value, at string, where located) diag.List {
	item := &ExceptionItem{source: doc, path: doc.file.File(), at: at, located: where, hash: hashOf(v, itemUnversioned)}
	d := tomltree.Decoder{File: doc.file, Area: area}
	tomltree.Into(&d, v, itemFields, item)
	if v.Kind == tomltree.Table {
		d.List = append(d.List, checkItem(item, v)...)
	}
	if !slices.Contains(namespaces, item.NamespaceType) {
		item.NamespaceType = Single // so that a rule reports the mismatch if its list has another namespace
	}
	if d.List.HasErrors() {
		item.faulty = "it has errors"
	}
	if item.ListID == "" {
		return d.List
	}
	key := listKey{item.NamespaceType, item.ListID}
	list := e.list(key)
	first := e.items[key][item.ItemID]
	switch {
	case first == nil:
		e.items[key][item.ItemID] = item
		list.Items = append(list.Items, item)
	case first.faulty != "" && item.faulty == "": // an unusable item does not take an id
		e.items[key][item.ItemID] = item
		list.Items[slices.Index(list.Items, first)] = item
	case first.hash != item.hash:
		d.List = append(d.List, item.Report(diag.Warning, area+"/duplicate-item", "item_id",
			"exception item %s is already defined at %s in other words, which count", item.ItemID, first.Report(diag.Note, "", "item_id", "").Place()))
	}
	return d.List
}

// itemUnversioned are the keys of an item that do not affect its meaning.
var itemUnversioned = []string{"_version", "created_at", "created_by", "id", "tie_breaker_id", "updated_at", "updated_by", "comments", "meta"}

// addFile reads a TOML file of exceptions: [[exception_list]], [[exception_item]] and [lists].
func (e *exceptions) addFile(path, content string, where located) diag.List {
	file := newFile(path, content)
	root, list := tomltree.Parse(file, area)
	if broken(list) {
		return list
	}
	doc := newDocument(file)
	d := tomltree.Decoder{File: file, Area: area}
	for _, member := range root.Items {
		switch member.Key {
		case "exception_list":
			each(&d, member, func(v *tomltree.Value) { list = append(list, e.addList(doc, v)...) })
		case "exception_item":
			each(&d, member, func(v *tomltree.Value) { list = append(list, e.addItem(doc, v, v.Path()+".", where)...) })
		case "lists":
			e.addPaths(&d, member, where)
		}
	}
	tomltree.Into(&d, root, exceptionsKeys, &struct{}{})
	list = append(list, d.List...)
	list.Sort()
	return list
}

// exceptionsKeys are the keys of an exceptions file. Others are reported.
var exceptionsKeys = ignored(tomltree.Fields[struct{}]{}, "exception_list", "exception_item", "lists")

// each visits the elements of a list of tables.
func each(d *tomltree.Decoder, v *tomltree.Value, visit func(*tomltree.Value)) {
	if v.Kind != tomltree.Array {
		d.Report(diag.Error, "wrong-type", v.Span, "%s must be a list of tables, not %s", v.Key, v.Kind)
		return
	}
	for _, item := range v.Items {
		visit(item)
	}
}

// addPaths reads [lists]: the file of each value list, relative to this file.
func (e *exceptions) addPaths(d *tomltree.Decoder, v *tomltree.Value, where located) {
	if v.Kind != tomltree.Table {
		d.Report(diag.Error, "wrong-type", v.Span, "%s must be a table, not %s", v.Key, v.Kind)
		return
	}
	for _, member := range v.Items {
		if member.Kind != tomltree.String || !fs.ValidPath(member.Text) {
			d.Report(diag.Error, "bad-value", member.Span, "%s must be the path of a file in this directory or below it", member.Path())
			continue
		}
		if e.files == nil {
			e.files = map[string]namedList{}
		}
		if _, taken := e.files[member.Key]; !taken {
			e.files[member.Key] = namedList{where, member.Text}
		}
	}
}

// resolve adds the exceptions that rules refer to. A missing list is a warning: a rule without an
// exception finds more, which people notice. An item that cannot be read is an error: it was meant
// to exclude something unknown.
func (e *exceptions) resolve(r *Rule) diag.List {
	var list diag.List
	r.Exceptions = nil
	for i, ref := range r.ExceptionsList {
		at := fmt.Sprintf("rule.exceptions_list[%d].list_id", i)
		key := listKey{orSingle(NamespaceType(ref.NamespaceType)), ref.ListID}
		known := e.lists[key]
		if known == nil {
			list = append(list, r.Report(diag.Warning, area+"/missing-exceptions", at, "exception list %s%s is not among the loaded files: its exceptions are not applied", ref.ListID, e.elsewhere(key)))
			continue
		}
		for _, item := range known.Items {
			if item.faulty != "" {
				list = append(list, r.Report(diag.Error, area+"/missing-exceptions", at, "exception %s of list %s cannot be applied: %s", item.Title(), ref.ListID, item.faulty))
				continue
			}
			if !slices.Contains(r.Exceptions, item) {
				r.Exceptions = append(r.Exceptions, item)
			}
		}
	}
	return list
}

// elsewhere says that the list exists in another namespace.
func (e *exceptions) elsewhere(key listKey) string {
	for _, other := range namespaces {
		if other != key.namespace && e.lists[listKey{other, key.id}] != nil {
			return " (namespace_type " + string(key.namespace) + ", there is one of " + string(other) + ")"
		}
	}
	return ""
}
