package mapping

import (
	"encoding/json"
	"strings"
)

// Inferred is the mapping that dynamic mapping would have made of the documents shown to it: the
// first value of a field decides its type.
//
// The zero value is not ready; use [NewInferred]. It is not safe for concurrent use while learning.
type Inferred struct{ table Table }

// NewInferred returns an empty mapping that learns.
func NewInferred() *Inferred { return &Inferred{table: Table{}} }

// Field answers for what was learned so far.
func (i *Inferred) Field(name string) (Field, bool) { return i.table.Field(name) }

// Learn takes in the fields of one document, decoded with json.Number for numbers.
func (i *Inferred) Learn(source map[string]any) { i.object("", source) }

func (i *Inferred) object(prefix string, object map[string]any) {
	for key, value := range object {
		i.value(prefix+key, value)
	}
}

func (i *Inferred) value(name string, value any) {
	switch v := value.(type) {
	case map[string]any:
		if _, known := i.table[name]; !known {
			i.table[name] = Field{Name: name, Type: Object}
		}
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
			i.table[f.Name] = f
		}
	}
}

// dynamicIgnoreAbove is what dynamic mapping gives the keyword sub-field of a string.
const dynamicIgnoreAbove = 256

// infer returns the fields that dynamic mapping makes of a first value; none for null.
func infer(name string, value any) []Field {
	switch v := value.(type) {
	case bool:
		return []Field{{Name: name, Type: Boolean}}
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return []Field{{Name: name, Type: Float}}
		}
		return []Field{{Name: name, Type: Long}}
	case string:
		if looksLikeDate(v) {
			return []Field{{Name: name, Type: Date}}
		}
		exact := name + ".keyword"
		return []Field{
			{Name: name, Type: Text, Exact: exact},
			{Name: exact, Type: Keyword, Path: name, IgnoreAbove: dynamicIgnoreAbove},
		}
	}
	return nil
}

// looksLikeDate follows the default dynamic_date_formats: strict_date_optional_time, or
// yyyy/MM/dd with an optional time.
func looksLikeDate(s string) bool {
	if len(s) < len("2006") || s[0] < '0' || s[0] > '9' {
		return false
	}
	if len(s) > 4 && s[4] == '/' {
		s = strings.Replace(s, "/", "-", 2)
		s, _, _ = strings.Cut(s, " ")
		return len(s) == len("2006-01-02") && isDate(s)
	}
	if len(s) == len("2006") {
		return false // pure numbers are never taken for dates
	}
	return isDate(s)
}

func isDate(s string) bool {
	_, _, ok := parseISO(s)
	return ok
}
