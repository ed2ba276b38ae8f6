package mapping

import (
	"maps"
	"slices"
	"strings"
)

// Inferred is a mapping plus what dynamic mapping adds to it for the given documents: the first
// value of a field decides its type, by the mapping's templates and its objects' rules.
//
// A later value of another kind makes Elasticsearch reject the whole document, unless the type can
// read it (5.7 under long is 5, a number under text is its text); so does a new field below a
// strict object. In memory only the value is left out. Use [NewInferred]; the zero value is not
// usable. It is not safe for concurrent use during Add.
type Inferred struct {
	of *Mapping
	// added holds fields that the mapping does not have, and its objects that got members.
	added Table
	// objects holds the objects that templates made and that have their own rules.
	objects map[string]objectRules
	// longest holds, by path, the length of the longest text above dynamicIgnoreAbove.
	longest map[string]int
	// runtime holds the runtime fields that were added, shadowed the fields and objects that were
	// added at names of runtime fields.
	runtime  map[string]bool
	shadowed Table
	// current holds the fields added by the current document: a runtime field may be added at the
	// name of another, and the last one decides.
	current map[string]bool
}

// NewInferred returns an inferred mapping that extends of; nil means a mapping without fields.
func NewInferred(of *Mapping) *Inferred {
	if of == nil {
		of = &Mapping{}
	}
	return &Inferred{of: of, added: Table{}, objects: map[string]objectRules{}, longest: map[string]int{}, runtime: map[string]bool{}, shadowed: Table{}}
}

// Field returns a field as inferred so far.
func (i *Inferred) Field(name string) (Field, bool) {
	if f, ok := i.named(name); ok {
		return f, true
	}
	if f, ok := i.added.Field(name); ok {
		return f, true
	}
	return i.of.Fields.Field(name)
}

func (i *Inferred) named(name string) (Field, bool) {
	if f, ok := i.added[name]; ok {
		if f.Type == Keyword && f.IgnoreAbove == dynamicIgnoreAbove {
			f.Longest = i.Longest(f.Source())
		}
		return f, true
	}
	f, ok := i.of.Fields[name]
	return f, ok
}

// mapped returns the field by which a document is parsed: not a runtime field.
func (i *Inferred) mapped(name string) (Field, bool) {
	if !i.isRuntime(name) {
		return i.named(name)
	}
	f, ok := i.shadowed[name]
	if !ok {
		f, ok = i.of.dynamic.shadowed[name]
	}
	return f, ok
}

func (i *Inferred) isRuntime(name string) bool { return i.runtime[name] || i.of.dynamic.runtime[name] }

// Longest returns the length in UTF-16 units of the longest text at a path, 0 if all are short
// enough for dynamic mapping to index.
func (i *Inferred) Longest(path string) int { return i.longest[path] }

// LongestOf returns [Inferred.Longest] for all paths that have one.
func (i *Inferred) LongestOf() map[string]int { return i.longest }

// Of returns the original mapping.
func (i *Inferred) Of() *Mapping { return i.of }

// Added returns what was inferred: new fields, and objects that got members.
func (i *Inferred) Added() Table {
	added := make(Table, len(i.added))
	for name := range i.added {
		added[name], _ = i.named(name)
	}
	return added
}

// Names returns the names of all fields.
func (i *Inferred) Names() []string {
	names := i.added.Names()
	for name := range i.of.Fields {
		if _, exists := i.added[name]; !exists {
			names = append(names, name)
		}
	}
	return names
}

// Add adds the fields of one document, decoded with json.Number for numbers.
func (i *Inferred) Add(source map[string]any) {
	i.current = map[string]bool{}
	i.object(i.below(place{dynamic: dynamicTrue}, ""), source)
}

// Settled reports whether no scalar at that path can change the mapping any more.
func (i *Inferred) Settled(path string) bool {
	if _, known := i.Field(path); known {
		return true
	}
	p := i.below(place{dynamic: dynamicTrue}, "")
	for at, c := range path {
		if c != '.' {
			continue
		}
		if f, known := i.mapped(path[:at]); known && f.Type.Family() == FamilyObject {
			p = i.below(p, path[:at])
		}
	}
	return p.disabled || p.dynamic == dynamicFalse || p.dynamic == dynamicStrict
}

// place is an object of the mapping during the walk through its members.
type place struct {
	path    string
	dynamic dynamic
	flat    bool
	nested  string
	// disabled: nothing below is indexed.
	disabled bool
}

func (p place) join(name string) string {
	if p.path == "" {
		return name
	}
	return p.path + "." + name
}

// below returns the place of an object within the place p.
func (i *Inferred) below(p place, path string) place {
	rules, ok := i.objects[path]
	if !ok {
		rules = i.of.dynamic.objects[path]
	}
	p.path = path
	if rules.dynamic != "" {
		p.dynamic = rules.dynamic
	}
	p.flat = p.flat || rules.flat
	p.disabled = p.disabled || rules.disabled
	if f, ok := i.mapped(path); ok && f.Type == Nested {
		p.nested = path
	}
	return p
}

// object visits members by name, so that a field spelled in two ways is inferred the same each
// time.
func (i *Inferred) object(p place, object map[string]any) {
	if p.disabled {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		i.member(p, key, object[key])
	}
}

// member adds one member of an object, whose key may be a path.
func (i *Inferred) member(p place, key string, value any) {
	for !p.flat {
		head, rest, dotted := strings.Cut(key, ".")
		if !dotted {
			break
		}
		var ok bool
		if p, ok = i.enter(p, head); !ok {
			return
		}
		key = rest
	}
	i.value(p, key, value)
}

func (i *Inferred) value(p place, name string, value any) {
	switch v := value.(type) {
	case map[string]any:
		if p.flat {
			for _, key := range slices.Sorted(maps.Keys(v)) {
				i.value(p, name+"."+key, v[key])
			}
		} else if below, ok := i.enter(p, name); ok {
			i.object(below, v)
		}
	case []any:
		for _, element := range v {
			i.value(p, name, element)
		}
	case nil:
	default:
		i.scalar(p, name, v)
	}
}

// enter returns the place of an object below p, which is created if needed; false if nothing below
// it can be mapped.
func (i *Inferred) enter(p place, name string) (place, bool) {
	path := p.join(name)
	f, known := i.mapped(path)
	switch {
	case p.disabled:
		return p, false
	case known && f.Type.Family() != FamilyObject, !known && i.keyed(path):
		return p, false
	case known:
	case p.dynamic == dynamicFalse || p.dynamic == dynamicStrict:
		return p, false
	case p.dynamic == dynamicTrue:
		if !i.makeObject(p, path, name) {
			return p, false
		}
	}
	below := i.below(p, path)
	return below, !below.disabled
}

// keyed reports whether a name is a key of a flattened field.
func (i *Inferred) keyed(path string) bool {
	f, ok := i.Field(path)
	return ok && f.Keyed
}

func (i *Inferred) makeObject(p place, path, name string) bool {
	t := i.of.dynamic.find(path, name, kindObject)
	if t == nil {
		i.add(Table{path: {Name: path, Type: Object, Nested: p.nested, Members: []string{}}})
		return true
	}
	made, ok := i.fromTemplate(t, p, path, name, kindObject)
	if !ok || made[path].Type.Family() != FamilyObject && made[path].Type != Flattened {
		return false // Elasticsearch rejects an object below any other field
	}
	i.add(made)
	return made[path].Type != Flattened
}

// add adds fields of the mapping; a runtime field of the same name shadows one.
func (i *Inferred) add(fields Table) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		f := fields[name]
		i.current[name] = true
		if i.isRuntime(name) {
			i.shadowed[name] = f
			continue
		}
		i.put(name, f, fields)
	}
}

// addRuntime adds a runtime field.
func (i *Inferred) addRuntime(path string, fields Table) {
	if f, ok := i.added[path]; ok && !i.isRuntime(path) {
		i.shadowed[path] = f
	}
	i.current[path], i.runtime[path] = true, true
	i.put(path, fields[path], fields)
}

// put adds a field that searches see, and makes it a member of the enclosing objects that were not
// added together with it.
func (i *Inferred) put(name string, f Field, together Table) {
	_, again := i.added[name]
	i.added[name] = f
	if again || f.Type.Family() == FamilyObject {
		return
	}
	for above := parentOf(name); above != ""; above = parentOf(above) {
		if _, ok := together[above]; ok {
			continue
		}
		if o, _ := i.named(above); o.Type.Family() == FamilyObject {
			at, _ := slices.BinarySearch(o.Members, name)
			o.Members = slices.Insert(slices.Clone(o.Members), at, name)
			i.added[above] = o
		}
	}
}

func (i *Inferred) scalar(p place, name string, value any) {
	path := p.join(name)
	if text, isText := value.(string); isText && len(text) > dynamicIgnoreAbove {
		if n := UTF16Len(text); n > max(dynamicIgnoreAbove, i.longest[path]) {
			i.longest[path] = n
		}
	}
	if p.disabled || p.dynamic == dynamicFalse || p.dynamic == dynamicStrict {
		return
	}
	if _, known := i.Field(path); known && !i.current[path] {
		return
	}
	i.infer(p, path, name, value)
}
