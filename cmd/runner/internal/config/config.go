// Package config reads the configuration file: TOML whose keys are the names of the command's
// flags.
//
// It does not know the flags or their meaning. The flow: [Load] reads the file with the position of
// every key; the command checks keys and values ([Values.Check]) and reads values ([Values.Value]).
// Secrets do not belong in the file: they come from files of their own or from the environment. A
// line that may hold a secret is never shown.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

// Type is the type of a key's value.
type Type int

// The types. A List is of strings; a single string is a list of one.
const (
	Text Type = iota
	List
	Integer
	Boolean
	Time
)

// kinds holds the TOML kind of each type, and its name in messages.
var kinds = map[Type]struct {
	name  string
	kinds []tomltree.Kind
}{
	Text:    {"a string", []tomltree.Kind{tomltree.String}},
	List:    {"a list of strings", []tomltree.Kind{tomltree.String, tomltree.Array}},
	Integer: {"an integer", []tomltree.Kind{tomltree.Integer}},
	Boolean: {"true or false", []tomltree.Kind{tomltree.Boolean}},
	Time:    {"a time", []tomltree.Kind{tomltree.String, tomltree.DateTime}},
}

// Key is a key that the file may have.
type Key struct {
	Name string
	Type Type
	// Try, if not nil, returns what is wrong with a value of that type, given as [Values.Value]
	// returns it.
	Try func(value any) error
}

// Values are the settings of one file. The zero value is empty.
type Values struct {
	file diag.Text
	root *tomltree.Value
}

// Load reads a file. A file that cannot be read or is not TOML is an error in the list.
func Load(path string) (Values, diag.List) {
	data, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err != nil {
		if where, ok := errors.AsType[*fs.PathError](err); ok {
			err = where.Err
		}
		return Values{}, diag.List{{Severity: diag.Error, Code: "config/unreadable", Message: err.Error(), File: path}}
	}
	file := diag.NewText(path, string(data))
	root, diags := tomltree.Parse(file, "config")
	for i, d := range diags {
		if hideSecrets(&d); d.Excerpt == "" {
			d.Message = "not valid TOML" // a parser may quote the offending text
		}
		diags[i] = d
	}
	return Values{file, root}, diags
}

// secretPattern finds lines that may hold a secret: keys that sound like one, credentials in an address.
var secretPattern = regexp.MustCompile(`(?i)pass|secret|token|credential|api[-_]?key|://\S*@`)

// hideSecrets removes the source line from a diagnostic if it may hold a secret.
func hideSecrets(d *diag.Diagnostic) {
	if secretPattern.MatchString(d.Excerpt) {
		d.Excerpt = ""
	}
}

// report makes an error about a part of the file.
func (v Values) report(kind string, s diag.Span, format string, args ...any) diag.Diagnostic {
	d := v.file.Report(diag.Error, "config/"+kind, s, format, args...)
	hideSecrets(&d)
	return d
}

// Check reports every unknown key, and every value that its key does not allow.
func (v Values) Check(known []Key) diag.List {
	if v.root == nil {
		return nil
	}
	byName := make(map[string]Key, len(known))
	names := make([]string, len(known))
	for i, k := range known {
		byName[k.Name], names[i] = k, k.Name
	}
	var list diag.List
	for _, item := range v.root.Items {
		key, ok := byName[item.Key]
		switch {
		case !ok:
			list = append(list, v.unknown(item, names))
		case !key.Type.admits(item):
			list = append(list, v.report("wrong-type", item.Span, "%s must be %s", item.Key, kinds[key.Type].name))
		case key.Try != nil:
			if err := key.Try(v.Value(item.Key)); err != nil {
				list = append(list, v.report("bad-value", item.Span, "%s: %v", item.Key, err))
			}
		}
	}
	return list
}

func (v Values) unknown(item *tomltree.Value, names []string) diag.Diagnostic {
	message := "unknown key " + item.Key
	if near := diag.Nearest(item.Key, names); near != "" {
		message += ": did you mean " + near + "?"
	} else if secretPattern.MatchString(item.Key) {
		message += ": secrets come from the environment or from files of their own"
	}
	return v.report("unknown-key", item.KeySpan, "%s", message)
}

// admits reports whether a value is of the type.
func (t Type) admits(v *tomltree.Value) bool {
	if v.Kind == tomltree.Array {
		for _, element := range v.Items {
			if element.Kind != tomltree.String {
				return false
			}
		}
	}
	return slices.Contains(kinds[t].kinds, v.Kind)
}

// Place returns the file and line of a key; "" when the file has no value.
func (v Values) Place(name string) string {
	item := v.root.Get(name)
	if item == nil {
		return ""
	}
	at := v.file.Report(diag.Note, "", item.KeySpan, "")
	return fmt.Sprintf("%s:%d", at.File, at.Line)
}

// Value returns the value of a key as a command line would have it: a string, a list of strings, or
// nil when the file has no value or one that [Values.Check] rejects for every key.
func (v Values) Value(name string) any {
	item := v.root.Get(name)
	if item == nil {
		return nil
	}
	switch item.Kind {
	case tomltree.Table:
		return nil
	case tomltree.Array:
		list := make([]any, len(item.Items))
		for i, element := range item.Items {
			list[i] = element.Text
		}
		return list
	default:
		return fmt.Sprint(item.Native())
	}
}
