package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"tocsin/cmd/runner/internal/config"
	"tocsin/internal/diag"
)

// environmentPrefix begins the environment variable of every flag: TOCSIN_RULES for --rules.
const environmentPrefix = "TOCSIN_"

// settings gives values to flags that are not on the command line: from the environment, else from
// the configuration file. It is a kong.Resolver and replaces kong's own use of the environment,
// which treats an empty variable as a value and cannot split lists of paths.
type settings struct{ file config.Values }

// elasticsearchVariables are the variables of --elasticsearch.
var elasticsearchVariables = []string{"TOCSIN_ELASTICSEARCH", "TOCSIN_ELASTICSEARCH_URL"}

// nameVariables gives every flag its environment variable, in the order of preference.
func nameVariables(model *kong.Node) {
	eachFlag(model, func(f *kong.Flag) {
		switch {
		case f.Name == "help", onLine(f):
		case f.Name == "elasticsearch":
			f.Envs = elasticsearchVariables
		default:
			f.Envs = []string{environmentPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))}
		}
	})
}

// describeFlag returns the help text of a flag with its environment variable.
func describeFlag(v *kong.Value) string {
	if v.Flag == nil || len(v.Flag.Envs) == 0 {
		return v.Help
	}
	return fmt.Sprintf("%s ($%s).", strings.TrimSuffix(v.Help, "."), v.Flag.Envs[0])
}

// onLine reports whether a flag can be set on the command line only: another command has a flag of the same name
// with another meaning.
func onLine(f *kong.Flag) bool { return f.Tag.Get("line") == "only" }

func eachFlag(n *kong.Node, visit func(*kong.Flag)) {
	for _, f := range n.Flags {
		visit(f)
	}
	for _, child := range n.Children {
		eachFlag(child, visit)
	}
}

// load reads the file, checks every key and value against the flags, and shows the mistakes.
func (s *settings) load(path string, model *kong.Node, show func(diag.List) error) error {
	values, diags := config.Load(path)
	if !diags.HasErrors() {
		diags = append(diags, values.Check(keys(model))...)
	}
	if err := show(diags); err != nil {
		return err
	}
	if diags.HasErrors() {
		return usagef("configuration file %s cannot be used", path)
	}
	s.file = values
	return nil
}

// keys returns all flags that may be in a configuration file.
func keys(model *kong.Node) []config.Key {
	var all []config.Key
	eachFlag(model, func(f *kong.Flag) {
		known := func(k config.Key) bool { return k.Name == f.Name }
		if f.Name != "help" && f.Name != "config" && !onLine(f) && !slices.ContainsFunc(all, known) {
			all = append(all, config.Key{Name: f.Name, Type: keyType(f), Try: func(value any) error { return try(f, value) }})
		}
	})
	return all
}

func keyType(f *kong.Flag) config.Type {
	switch t := f.Target.Type(); {
	case t == reflect.TypeFor[moment]():
		return config.Time
	case t == reflect.TypeFor[time.Duration]():
		return config.Text
	case f.IsSlice():
		return config.List
	case f.IsBool():
		return config.Boolean
	case t.Kind() == reflect.Int:
		return config.Integer
	}
	return config.Text
}

// try parses a value as the flag would, without changing the flag.
func try(f *kong.Flag, value any) error {
	set := f.Set
	defer func() { f.Set = set }()
	target := reflect.New(f.Target.Type()).Elem()
	if err := f.Parse(kong.Scan().PushTyped(value, kong.FlagValueToken), target); err != nil {
		if cause := errors.Unwrap(err); cause != nil { // without the flag's name
			return cause
		}
		return err //nolint:wrapcheck // there is nothing to add
	}
	if allowed := f.EnumSlice(); f.Enum != "" && !slices.Contains(allowed, fmt.Sprint(target)) {
		return fmt.Errorf("must be one of %s but got %q", strings.Join(allowed, ", "), target)
	}
	return nil
}

// Validate accepts everything: load has checked the file.
func (*settings) Validate(*kong.Application) error { return nil }

// The kinds of sources of a value, in the order of precedence.
const (
	fromLine        = "flag"
	fromEnvironment = "environment"
	fromFile        = "file"
	fromDefault     = "default"
)

// source is where the value of a flag is from: its kind, and the flag, the variable, or the file with its line.
type source struct{ kind, place string }

// Resolve returns the value of a flag that is not on the command line, nil if it has none.
func (s *settings) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, from := s.find(rivalsOf(ctx, flag), func(f *kong.Flag) bool { return given(ctx, f) }, flag)
	if from.kind != fromEnvironment {
		return value, nil
	}
	if err := try(flag, value); err != nil {
		return nil, fmt.Errorf("%s: %w", from.place, err)
	}
	return value, nil
}

// find returns the value of a flag that is not on the command line, as the command line would have it, and where it is
// from; nil if it has its default. Of flags that exclude each other, the one from the source of higher precedence wins:
// --store on the command line over the environment and the file, a variable over the file.
func (s *settings) find(rivals []*kong.Flag, given func(*kong.Flag) bool, flag *kong.Flag) (value any, from source) {
	preset := source{kind: fromDefault}
	if onLine(flag) || slices.ContainsFunc(rivals, given) {
		return nil, preset
	}
	if variable, text := environment(flag); text != "" {
		return listed(flag, text), source{fromEnvironment, variable}
	}
	if slices.ContainsFunc(rivals, func(f *kong.Flag) bool { _, text := environment(f); return text != "" }) {
		return nil, preset
	}
	if value = s.file.Value(flag.Name); value == nil {
		return nil, preset
	}
	return value, source{fromFile, s.file.Place(flag.Name)}
}

// sourceOf returns where the value of a flag of the command is from.
func (s *settings) sourceOf(ctx *kong.Context, flag *kong.Flag) source {
	if given(ctx, flag) {
		return source{fromLine, "--" + flag.Name}
	}
	_, from := s.find(rivalsOf(ctx, flag), func(f *kong.Flag) bool { return given(ctx, f) }, flag)
	return from
}

// environment returns the first non-empty environment variable of a flag, and its value.
func environment(f *kong.Flag) (variable, text string) {
	for _, variable := range f.Envs {
		if text := os.Getenv(variable); text != "" {
			return variable, text
		}
	}
	return "", ""
}

// listed splits a variable that holds several paths as PATH is split. Other lists are separated by commas, which
// their flags split.
func listed(f *kong.Flag, text string) any {
	if !f.IsSlice() || f.Tag.Sep != -1 {
		return text
	}
	var list []any
	for path := range strings.SplitSeq(text, string(os.PathListSeparator)) {
		if path != "" {
			list = append(list, path)
		}
	}
	return list
}

// rivalsOf returns the flags of the command that exclude this one.
func rivalsOf(ctx *kong.Context, flag *kong.Flag) []*kong.Flag {
	var rivals []*kong.Flag
	for _, path := range ctx.Path {
		for _, f := range path.Flags {
			shared := func(group string) bool { return slices.Contains(flag.Xor, group) }
			if f != flag && slices.ContainsFunc(f.Xor, shared) {
				rivals = append(rivals, f)
			}
		}
	}
	return rivals
}

// typedFlags returns the names of the flags that are on the command line, not in the environment or a file.
func typedFlags(ctx *kong.Context) map[string]bool {
	out := map[string]bool{}
	for _, p := range ctx.Path {
		if p.Flag != nil && !p.Resolved {
			out[p.Flag.Name] = true
		}
	}
	return out
}

// given reports whether a flag is on the command line.
func given(ctx *kong.Context, flag *kong.Flag) bool {
	return slices.ContainsFunc(ctx.Path, func(p *kong.Path) bool { return p.Flag == flag && !p.Resolved })
}
