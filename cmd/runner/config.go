package main

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"tocsin/cmd/runner/internal/config"
	"tocsin/cmd/runner/internal/logs"
	"tocsin/internal/backend/elastic"
)

// configCmd is the subcommand config. It has the flags of run, so that a command line can be tried.
type configCmd struct {
	Service runCmd `embed:""`
	Changed bool   `help:"Show only what is set, not the defaults."`
}

// setting is the value of a flag, and where it is from.
type setting struct {
	Name string `json:"name"`
	// Value is nil without one.
	Value any `json:"value"`
	// From is the kind of source, Place the flag, variable, or file with its line.
	From  string `json:"from"`
	Place string `json:"place,omitempty"`
	// Commands are those that have the flag, if the service does not.
	Commands []string `json:"commands,omitempty"`

	kind config.Type
	// hidden: a part of the value is not shown. inFile: the configuration file may have it.
	hidden, inFile bool
}

// secretVariables are the variables with secrets that no flag has.
var secretVariables = []string{"PASSWORD", "API_KEY", "BEARER_TOKEN"}

// redacted stands for a secret.
const redacted = "[redacted]"

// Run is the subcommand.
func (c *configCmd) Run(ctx *kong.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json", "ndjson", "toml"); err != nil {
		return err
	}
	all := a.settings(ctx)
	if c.Changed {
		all = slices.DeleteFunc(all, func(s setting) bool { return s.From == fromDefault })
	}
	switch a.global.Format {
	case "toml":
		return writeTOML(a.out, all)
	case "text":
		t := newTable(a.out, "SETTING", "VALUE", "FROM")
		for _, s := range all {
			of := ""
			if len(s.Commands) > 0 {
				of = " (" + strings.Join(s.Commands, ", ") + ")"
			}
			t.row(s.Name, s.text(), s.origin()+of)
		}
		return t.flush()
	}
	return writeJSON(a.out, a.global.Format, all)
}

// origin says where the value is from.
func (s setting) origin() string {
	if s.Place != "" {
		return s.Place
	}
	return s.From
}

func (s setting) text() string {
	switch v := s.Value.(type) {
	case nil:
		return "-"
	case []string:
		return strings.Join(v, ", ")
	}
	return fmt.Sprint(s.Value)
}

// settings returns the settings of the service, the secrets of the environment, and what is set for other commands.
func (a *app) settings(ctx *kong.Context) []setting {
	var out []setting
	seen := map[string]bool{"help": true, "changed": true}
	for _, f := range ctx.Flags() {
		if seen[f.Name] || onLine(f) {
			continue
		}
		seen[f.Name] = true
		s := shownSetting(f, ctx.FlagValue(f), a.global.settings.sourceOf(ctx, f))
		out = append(out, s)
	}
	for _, name := range secretVariables {
		if variable := environmentPrefix + name; os.Getenv(variable) != "" {
			out = append(out, setting{Name: strings.ToLower(strings.ReplaceAll(name, "_", "-")), Value: redacted, From: fromEnvironment, Place: variable, hidden: true})
		}
	}
	return append(out, a.otherSettings(ctx.Model.Node, seen)...)
}

// otherSettings returns what the environment and the file set for other commands than the service.
func (a *app) otherSettings(model *kong.Node, seen map[string]bool) []setting {
	var out []setting
	at := map[string]int{}
	var visit func(n *kong.Node)
	visit = func(n *kong.Node) {
		for _, f := range n.Flags {
			if seen[f.Name] || onLine(f) {
				continue
			}
			value, from := a.global.settings.find(nil, nil, f)
			if value == nil {
				continue
			}
			i, known := at[f.Name]
			if !known {
				i, at[f.Name] = len(out), len(out)
				out = append(out, shownSetting(f, value, from))
			}
			out[i].Commands = append(out[i].Commands, strings.TrimPrefix(n.Path(), model.Name+" "))
		}
		for _, child := range n.Children {
			visit(child)
		}
	}
	visit(model)
	return out
}

// shownSetting returns a setting without secrets.
func shownSetting(f *kong.Flag, value any, from source) setting {
	s := setting{Name: f.Name, From: from.kind, Place: from.place, kind: keyType(f)}
	s.inFile = f.Name != "config" && (f.Name != "format" || from.kind != fromLine) // that is the format of this output
	s.Value = plainValue(reflect.ValueOf(value))
	blank := func(text string) string {
		if f.Tag.Has("secret") && text != "" {
			s.hidden = true
			return redacted
		}
		shown := shownAddress(text)
		if !slices.Contains(addressFlags, f.Name) {
			shown = logs.Blank(text)
		}
		s.hidden = s.hidden || shown != text
		return shown
	}
	switch v := s.Value.(type) {
	case string:
		s.Value = blank(v)
	case []string:
		for i := range v {
			v[i] = blank(v[i])
		}
	}
	return s
}

// addressFlags are flags whose values are URLs that may have a password.
var addressFlags = []string{"elasticsearch", "proxy", "kibana"}

// shownAddress returns a URL without credentials. What is no URL is not shown at all: any part of it may be a password.
func shownAddress(text string) string {
	u, err := url.Parse(text)
	switch {
	case text == "" || text == elastic.NoProxy:
		return text
	case err != nil || u.Host == "":
		return redacted
	case u.User == nil:
		return text
	}
	u.User = nil
	return strings.Replace(u.String(), "://", "://"+redacted+"@", 1)
}

// plainValue returns the value of a flag as a text, a list of texts, a number, a boolean, or nil if it is not set.
func plainValue(v reflect.Value) any {
	if !v.IsValid() {
		return nil
	}
	switch known := v.Interface().(type) {
	case time.Duration:
		return known.String()
	case moment:
		if known.IsZero() {
			return nil
		}
		return known.UTC().Format(time.RFC3339Nano)
	}
	switch v.Kind() { //nolint:exhaustive // flags have no others
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return plainValue(v.Elem())
	case reflect.Slice:
		if v.Len() == 0 {
			return nil
		}
		list := make([]string, v.Len())
		for i := range list {
			list[i] = fmt.Sprint(v.Index(i).Interface())
		}
		return list
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.String:
		if v.Len() == 0 {
			return nil
		}
		return v.String()
	}
	return fmt.Sprint(v.Interface())
}

// writeTOML writes a configuration file with the settings. What the file cannot have, or must not, is a comment.
func writeTOML(w io.Writer, all []setting) error {
	var b strings.Builder
	for _, s := range all {
		value := ""
		switch v := s.Value.(type) {
		case nil:
		case []string:
			quoted := make([]string, len(v))
			for i, one := range v {
				quoted[i] = quotedTOML(one)
			}
			value = "[" + strings.Join(quoted, ", ") + "]"
		case bool, int64:
			value = fmt.Sprint(v)
		default:
			value = quotedTOML(fmt.Sprint(v))
			if s.kind == config.Integer || s.kind == config.Boolean { // it is from the environment
				value = fmt.Sprint(v)
			}
		}
		if value == "" || s.hidden || !s.inFile {
			b.WriteString("# ")
		}
		fmt.Fprintf(&b, "%s = %s # %s\n", s.Name, cmp.Or(value, `""`), escaped(s.origin()))
	}
	_, err := io.WriteString(w, b.String())
	return wrapWrite(err)
}

// quotedTOML writes a basic string of TOML.
func quotedTOML(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
