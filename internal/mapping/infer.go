package mapping

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Inferred is the mapping that dynamic mapping would have made of the documents shown to it: the
// first value of a field decides its type.
//
// A later value of another kind makes Elasticsearch refuse the whole document, unless the type can
// read it (5.7 under long is 5, a number under text is its text). In memory only the value is left
// out. The zero value is not ready; use [NewInferred]. It is not safe for concurrent use while
// learning.
type Inferred struct{ table Table }

// NewInferred returns an empty mapping that learns.
func NewInferred() *Inferred { return &Inferred{table: Table{}} }

// Field answers for what was learned so far.
func (i *Inferred) Field(name string) (Field, bool) { return i.table.Field(name) }

// Names returns the names of all fields that were learned.
func (i *Inferred) Names() []string { return i.table.Names() }

// Learn takes in the fields of one document, decoded with json.Number for numbers.
func (i *Inferred) Learn(source map[string]any) { i.object("", source) }

// object goes by name, so that a field spelled in two ways is inferred the same each time.
func (i *Inferred) object(prefix string, object map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		i.value(prefix+key, object[key])
	}
}

func (i *Inferred) value(name string, value any) {
	switch v := value.(type) {
	case map[string]any:
		i.addObject(name)
		i.object(name+".", v)
	case []any:
		for _, element := range v {
			i.value(name, element)
		}
	default:
		if _, known := i.table[name]; known {
			return
		}
		for _, f := range infer(name, value) {
			i.addObject(parentOf(name))
			i.addLeaf(f)
		}
	}
}

// addObject adds an object and those above it: a dotted key makes them as well.
func (i *Inferred) addObject(name string) {
	for ; name != ""; name = parentOf(name) {
		if _, known := i.table[name]; known {
			return
		}
		i.table[name] = Field{Name: name, Type: Object, Members: []string{}}
	}
}

func (i *Inferred) addLeaf(f Field) {
	i.table[f.Name] = f
	for name := parentOf(f.Name); name != ""; name = parentOf(name) {
		if above := i.table[name]; above.Type == Object {
			above.Members = append(above.Members, f.Name)
			i.table[name] = above
		}
	}
}

// dynamicIgnoreAbove is what dynamic mapping gives the keyword sub-field of a string.
const dynamicIgnoreAbove = 256

// slashFormat is the mapping's format for a date that was written with slashes.
const slashFormat = "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"

// infer returns the fields that dynamic mapping makes of a first value; none for null, and none
// for a number that makes Elasticsearch refuse the document.
func infer(name string, value any) []Field {
	switch v := value.(type) {
	case bool:
		return []Field{{Name: name, Type: Boolean}}
	case json.Number:
		f := Field{Name: name, Type: Long}
		if strings.ContainsAny(v.String(), ".eE") {
			f.Type = Float
		}
		if _, ok := f.Index(v); ok {
			return []Field{f}
		}
	case string:
		return inferString(name, v)
	}
	return nil
}

// Infers reports whether the first value of a field, no object and no list, decides its type.
func Infers(value any) bool { return len(infer("", value)) > 0 }

// inferString follows the default dynamic_date_formats. A text that is a number is never a date.
func inferString(name, text string) []Field {
	if _, isNumber := javaFloat(text, 64); !isNumber {
		if _, _, err := ParseDate(text, "strict_date_optional_time"); err == nil {
			return []Field{{Name: name, Type: Date}}
		}
		if _, _, err := ParseDate(text, slashFormat); err == nil {
			return []Field{{Name: name, Type: Date, Format: slashFormat}}
		}
	}
	exact := name + ".keyword"
	return []Field{
		{Name: name, Type: Text, Exact: exact},
		{Name: exact, Type: Keyword, Path: name, IgnoreAbove: dynamicIgnoreAbove},
	}
}
