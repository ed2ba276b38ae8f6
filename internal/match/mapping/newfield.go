package mapping

import (
	"encoding/json"
	"maps"
	"strings"
)

// dynamicIgnoreAbove is the ignore_above that dynamic mapping sets for the keyword sub-field of a
// string.
const dynamicIgnoreAbove = 256

// infer adds the fields that dynamic mapping makes of a first value, none for a value that makes
// Elasticsearch reject the document.
func (i *Inferred) infer(p place, path, name string, value any) {
	k, format := i.of.dynamic.kindOf(value)
	fields, ok, runtime := i.byDefault(p, path, k), true, p.dynamic == dynamicRuntime
	if t := i.of.dynamic.find(path, name, k); t != nil {
		fields, ok = i.fromTemplate(t, p, path, name, k)
		runtime = t.runtime
		if runtime {
			format = ""
		}
	}
	if !ok {
		return
	}
	if f, mapped := i.mapped(path); mapped && !runtime {
		i.merge(f, fields)
		return
	}
	f := fields[path]
	if f.Type.Family() == FamilyDate && f.Format == "" {
		f.Format = format
		fields[path] = f
	}
	switch {
	case runtime:
		i.addRuntime(path, fields)
	case f.Type.Family() == FamilyObject:
		if i.objects[path].disabled { // otherwise Elasticsearch rejects a value
			i.add(fields)
		}
	default:
		if _, reads := f.Index(value); reads || !f.refuses(value) {
			i.add(fields)
		}
	}
}

// merge adds the sub-fields that a second value of a document gives a field that its first made. A
// second type makes Elasticsearch reject the document.
func (i *Inferred) merge(made Field, again Table) {
	f := again[made.Name]
	if f.Type != made.Type {
		return
	}
	for name := range again {
		if _, ok := i.named(name); ok {
			delete(again, name)
		}
	}
	if f.Exact != "" && f.Exact != made.Exact {
		if made.Exact != "" {
			f.Exact = "" // one of two is no better than the other
		}
		made.Exact = f.Exact
		again[made.Name] = made
	}
	i.add(again)
}

// refuses reports whether the field cannot read a value, so that no field is made, as opposed to
// not indexing it.
func (f *Field) refuses(value any) bool {
	family := f.Type.Family()
	if text, _ := ScalarText(value); text == "" && family.IsNumber() {
		return false
	}
	return family != FamilyString && family != FamilyOther
}

// kindOf returns the detected kind of a scalar, and the format if it is a date.
func (d *dynamics) kindOf(value any) (k kind, format string) {
	switch v := value.(type) {
	case bool:
		return kindBoolean, ""
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return kindDouble, ""
		}
		return kindLong, ""
	}
	text, _ := ScalarText(value)
	_, isNumber := javaFloat(text, 64)
	switch {
	case isNumber && d.numbers:
		if isJavaLong(text) {
			return kindLong, ""
		}
		return kindDouble, ""
	case isNumber: // never a date
	default:
		if format, ok := d.date(text); ok {
			return kindDate, format
		}
	}
	return kindString, ""
}

// byDefault returns the fields that are made without a template.
func (i *Inferred) byDefault(p place, path string, k kind) Table {
	f := Field{Name: path, Type: Type(k.defaultType(p.dynamic == dynamicRuntime)), Nested: p.nested}
	if p.dynamic == dynamicRuntime {
		f.Nested = ""
	}
	if f.Type != Text {
		return Table{path: f}
	}
	f.Exact = path + ".keyword"
	return Table{path: f, f.Exact: {Name: f.Exact, Type: Keyword, Path: path, IgnoreAbove: dynamicIgnoreAbove, Nested: p.nested}}
}

// fromTemplate returns the fields that a template makes.
func (i *Inferred) fromTemplate(t *template, p place, path, name string, k kind) (Table, bool) {
	def, err := t.made(name, k)
	if err != nil {
		return nil, false
	}
	if t.runtime {
		return Table{path: def.runtimeField(path)}, true
	}
	made := parser{table: Table{}, objects: map[string]objectRules{}}
	if err := made.add(path, p.nested, def); err != nil {
		return nil, false
	}
	made.table.resolveAliases()
	made.table.setMembers()
	for _, c := range made.copies {
		to, _ := i.named(c.to)
		to.Name, to.Opaque = c.to, copiedReason(c)
		made.table[c.to] = to
	}
	maps.Copy(i.objects, made.objects)
	return made.table, true
}
