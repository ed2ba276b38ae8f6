// Package config reads the configuration file: TOML whose keys are the names of the command's
// flags, so that what can be said on the command line can be written down once.
//
// It does not know the flags, nor what they mean. The flow: [Load] reads the file with the place of
// every key; the command checks the keys ([Values.CheckKeys]) and asks for values
// ([Values.Flag]). Secrets are not kept here: they come from files of their own or from the
// environment.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"tocsin/internal/diag"
	"tocsin/internal/tomltree"
)

// Values are the settings of one file.
type Values struct {
	file diag.Text
	root *tomltree.Value
}

// Load reads a file. What cannot be read or is no TOML is an error of the list.
func Load(path string) (Values, diag.List) {
	data, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err != nil {
		var where *fs.PathError
		if errors.As(err, &where) {
			err = where.Err
		}
		return Values{}, diag.List{{Severity: diag.Error, Code: "config/unreadable", Message: err.Error(), File: path}}
	}
	file := diag.NewText(path, string(data))
	root, diags := tomltree.Parse(file, "config")
	return Values{file, root}, diags
}

// CheckKeys reports every key that is not one of the known names.
func (v Values) CheckKeys(known []string) diag.List {
	var list diag.List
	names := map[string]bool{}
	for _, k := range known {
		names[k] = true
	}
	for _, item := range v.root.Items {
		if names[item.Key] {
			continue
		}
		message := fmt.Sprintf("unknown key %s", item.Key)
		if near := diag.Nearest(item.Key, known); near != "" {
			message += fmt.Sprintf(": did you mean %s?", near)
		}
		list = append(list, v.file.Report(diag.Error, "config/unknown-key", item.KeySpan, "%s", message))
	}
	return list
}

// Flag returns the value for a flag: a string, a list of strings, or nil when the file has none.
func (v Values) Flag(name string) any {
	item := v.root.Get(name)
	if item == nil {
		return nil
	}
	switch native := item.Native().(type) {
	case []any:
		list := make([]any, len(native))
		for i, element := range native {
			list[i] = fmt.Sprint(element)
		}
		return list
	default:
		return fmt.Sprint(native)
	}
}
