package mapping

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// kind is the detected kind of a new value, as dynamic templates name it.
type kind string

const (
	kindObject  kind = "object"
	kindString  kind = "string"
	kindLong    kind = "long"
	kindDouble  kind = "double"
	kindBoolean kind = "boolean"
	kindDate    kind = "date"
	kindBinary  kind = "binary"
)

var kinds = []kind{kindObject, kindString, kindLong, kindDouble, kindBoolean, kindDate, kindBinary}

// defaultType returns the type of a field that a template makes without naming one.
func (k kind) defaultType(runtime bool) string {
	switch {
	case k == kindString && runtime:
		return "keyword"
	case k == kindString:
		return "text"
	case k == kindDouble && !runtime:
		return "float"
	}
	return string(k)
}

// template is one of a mapping's dynamic_templates.
type template struct {
	kinds                                  []kind
	match, unmatch, pathMatch, pathUnmatch []func(string) bool
	runtime                                bool
	// definition is the definition of the field, with placeholders.
	definition map[string]any
	// parsed has the definition for each kind, if it has no placeholders.
	parsed map[kind]definition
}

type templateDefinition struct {
	Match       names          `json:"match"`
	Unmatch     names          `json:"unmatch"`
	PathMatch   names          `json:"path_match"`
	PathUnmatch names          `json:"path_unmatch"`
	Types       names          `json:"match_mapping_type"`
	NotTypes    names          `json:"unmatch_mapping_type"`
	Pattern     string         `json:"match_pattern"`
	Mapping     map[string]any `json:"mapping"`
	Runtime     map[string]any `json:"runtime"`
}

func parseTemplate(data []byte) (template, error) {
	var t template
	def, err := strictly(data)
	if err != nil {
		return t, err
	}
	switch {
	case def.Mapping == nil && def.Runtime == nil:
		return t, errors.New("neither \"mapping\" nor \"runtime\" in it")
	case def.Mapping != nil && def.Runtime != nil:
		return t, errors.New("both \"mapping\" and \"runtime\" in it")
	}
	t.definition, t.runtime = def.Mapping, def.Mapping == nil
	if t.runtime {
		t.definition = def.Runtime
	}
	if t.kinds, err = def.kinds(t.runtime); err != nil {
		return t, err
	}
	for _, p := range []struct {
		to    *[]func(string) bool
		texts names
	}{{&t.match, def.Match}, {&t.unmatch, def.Unmatch}, {&t.pathMatch, def.PathMatch}, {&t.pathUnmatch, def.PathUnmatch}} {
		for _, text := range p.texts {
			matches, err := compileMatch(def.Pattern, text)
			if err != nil {
				return t, err
			}
			*p.to = append(*p.to, matches)
		}
	}
	if !bytes.Contains(data, []byte("{name}")) && !bytes.Contains(data, []byte("{dynamic")) {
		t.parseOnce()
	}
	return t, nil
}

// parseOnce parses the definition of a template without placeholders.
func (t *template) parseOnce() {
	t.parsed = map[kind]definition{}
	for _, k := range t.kinds {
		if data, err := t.define("", k); err == nil {
			if def, err := parseDefinition(data); err == nil {
				t.parsed[k] = def
			}
		}
	}
}

// made returns the definition of the field of a name that the template makes. It is not to be changed.
func (t *template) made(name string, k kind) (definition, error) {
	if def, ok := t.parsed[k]; ok {
		return def, nil
	}
	data, err := t.define(name, k)
	if err != nil {
		return definition{}, err
	}
	return parseDefinition(data)
}

// strictly decodes a template; an unknown parameter is an error, as it may restrict the template to
// some fields.
func strictly(data []byte) (templateDefinition, error) {
	var def templateDefinition
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	if err := dec.Decode(&def); err != nil {
		return def, fmt.Errorf("not a definition: %w", err)
	}
	return def, nil
}

// kinds returns the kinds that the template applies to: all kinds, if it only restricts names or
// excludes kinds.
func (d *templateDefinition) kinds(runtime bool) ([]kind, error) {
	named := func(names names) ([]kind, error) {
		var out []kind
		for _, name := range names {
			if !slices.Contains(kinds, kind(name)) {
				return nil, fmt.Errorf("no field type matched on [%s], possible values are %v", name, kinds)
			}
			out = append(out, kind(name))
		}
		return out, nil
	}
	var out []kind
	switch {
	case len(d.Types) == 1 && d.Types[0] == "*", d.Types == nil && (d.Match != nil || d.PathMatch != nil || d.NotTypes != nil):
		out = slices.DeleteFunc(slices.Clone(kinds), func(k kind) bool { return runtime && !k.canRuntime() })
	default:
		var err error
		if out, err = named(d.Types); err != nil {
			return nil, err
		}
	}
	for _, k := range out {
		if runtime && !k.canRuntime() {
			return nil, fmt.Errorf("type [%s] is not supported as runtime field", k)
		}
	}
	not, err := named(d.NotTypes)
	return slices.DeleteFunc(out, func(k kind) bool { return slices.Contains(not, k) }), err
}

// canRuntime reports whether a value of the kind can be a runtime field.
func (k kind) canRuntime() bool { return k != kindObject && k != kindBinary }

// compileMatch compiles one pattern for names: with wildcards, or a regular expression.
func compileMatch(how, text string) (func(string) bool, error) {
	switch how {
	case "", "simple":
		return func(name string) bool { return Glob(text, name) }, nil
	case "regex":
		re, err := regexp.Compile(`\A(?:` + text + `)\z`)
		if err != nil {
			return nil, fmt.Errorf("regular expression %q is not read: %w", text, err)
		}
		return re.MatchString, nil
	}
	return nil, fmt.Errorf("match_pattern is [%s], but must be simple or regex", how)
}

// matches reports whether the template applies to a field of that kind, with its name last in path.
func (t *template) matches(path, name string, k kind) bool {
	return slices.Contains(t.kinds, k) &&
		(t.match == nil || anyMatches(t.match, name)) && (t.pathMatch == nil || anyMatches(t.pathMatch, path)) &&
		!anyMatches(t.unmatch, name) && !anyMatches(t.pathUnmatch, path)
}

func anyMatches(patterns []func(string) bool, name string) bool {
	return slices.ContainsFunc(patterns, func(matches func(string) bool) bool { return matches(name) })
}

// define returns the definition of the field that the template makes.
func (t *template) define(name string, k kind) ([]byte, error) {
	dynamicType := k.defaultType(t.runtime)
	fill := strings.NewReplacer("{name}", name, "{dynamic_type}", dynamicType, "{dynamicType}", dynamicType)
	made, _ := filled(t.definition, fill).(map[string]any)
	if made["type"] == nil {
		made["type"] = dynamicType
	}
	return json.Marshal(made) //nolint:wrapcheck // a decoded value can be encoded
}

// filled returns a value with its placeholders replaced, including in keys.
func filled(value any, fill *strings.Replacer) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, member := range v {
			out[fill.Replace(key)] = filled(member, fill)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = filled(element, fill)
		}
		return out
	case string:
		return fill.Replace(v)
	}
	return value
}

// find returns the first template for a field; nil when there is none.
func (d *dynamics) find(path, name string, k kind) *template {
	for i := range d.templates {
		if t := &d.templates[i]; t.matches(path, name, k) {
			return t
		}
	}
	return nil
}
