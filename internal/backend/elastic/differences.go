package elastic

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// lenientSettings returns the settings that keep one invalid value from making Elasticsearch reject a whole
// document.
func lenientSettings() map[string]any {
	return map[string]any{"index.mapping.ignore_malformed": true}
}

// ignoredParameters are the parameters that change neither which values a field accepts nor which documents are found
// by it.
var ignoredParameters = []string{
	"type", "properties", "fields", "dynamic", "enabled", "meta", "copy_to", "store", "eager_global_ordinals", "norms", "index_options", "similarity",
	"split_queries_on_whitespace",
}

// equivalentTypes maps a type to the types that accept the same values and find the same documents: a distribution that
// lacks a type has one of them instead.
var equivalentTypes = map[string][]string{
	"match_only_text": {"text"}, "wildcard": {"keyword"}, "scaled_float": {"double", "float"},
}

// differences returns the faults of an index: fields that are missing, fields with another mapping, and
// fields that it would map dynamically. Additional fields are not a fault.
func differences(want, have described) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	mappings := have.Mappings
	if mappings == nil {
		mappings = map[string]any{}
	}
	rootDifferences(mappings, say)
	ours, theirs := flat(plain(want.Mappings)), flat(mappings)
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		if d, set := theirs[name]["dynamic"]; set && fmt.Sprint(d) != "false" {
			say("%s.dynamic is %v", name, d)
		}
	}
	wrong := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		if underAny(name, wrong) {
			continue
		}
		definition, there := theirs[name]
		if !there {
			say("%s is missing", name)
			wrong[name] = true
			continue
		}
		if k := kind(definition); k != kind(ours[name]) && !slices.Contains(equivalentTypes[kind(ours[name])], k) {
			say("%s is %s, not %s", name, k, kind(ours[name]))
			wrong[name] = true
			continue
		}
		parameterDifferences(name, ours[name], definition, say)
	}
	settings := map[string]any{}
	flatSettings(settings, "", have.Settings)
	for _, name := range slices.Sorted(maps.Keys(want.Settings)) {
		if fmt.Sprint(settings[name]) != fmt.Sprint(want.Settings[name]) {
			say("the setting %s is not %v", name, want.Settings[name])
		}
	}
	unusual("the setting ", settings, usualSettings, say)
	return out
}

// rootDifferences reports the differences of the mapping's root parameters.
func rootDifferences(have map[string]any, say func(string, ...any)) {
	switch d, set := have["dynamic"]; {
	case !set:
		say("dynamic is true")
	case fmt.Sprint(d) != "false":
		say("dynamic is %v", d)
	}
	if runtime, _ := have["runtime"].(map[string]any); len(runtime) > 0 {
		say("it has runtime fields: %s", strings.Join(slices.Sorted(maps.Keys(runtime)), ", "))
	}
	if e, set := have["enabled"]; set && fmt.Sprint(e) == "false" {
		say("enabled is false")
	}
	for _, part := range []string{"_source", "_routing"} {
		given, _ := have[part].(map[string]any)
		unusual(part+".", given, usualParts[part], say)
	}
}

// Root parameters that must have their default: the source is stored unchanged, and no routing is required.
var (
	usualSettings = map[string]string{"index.mode": "standard", "index.mapping.source.mode": "stored"}
	usualParts    = map[string]map[string]string{
		"_source": {"enabled": "true", "mode": "stored", "includes": "[]", "excludes": "[]"}, "_routing": {"required": "false"},
	}
)

func unusual(prefix string, given map[string]any, usual map[string]string, say func(string, ...any)) {
	for _, name := range slices.Sorted(maps.Keys(usual)) {
		if v, set := given[name]; set && !strings.EqualFold(fmt.Sprint(v), usual[name]) {
			say("%s%s is %v", prefix, name, v)
		}
	}
}

func parameterDifferences(name string, want, have map[string]any, say func(string, ...any)) {
	if e, set := have["enabled"]; set && fmt.Sprint(e) == "false" {
		say("%s.enabled is false", name)
	}
	keys := maps.Clone(want)
	maps.Copy(keys, have)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		w, h := want[key], have[key]
		switch {
		case slices.Contains(ignoredParameters, key), kind(want) != kind(have) && (key == "scaling_factor" || key == "ignore_above"), fmt.Sprint(w) == fmt.Sprint(h):
		case key == "ignore_malformed" && fmt.Sprint(h) == "true":
		case (key == "index" || key == "doc_values") && w == nil && fmt.Sprint(h) == "true":
		case h == nil:
			say("%s lacks %s %v", name, key, w)
		default:
			say("%s has %s %v", name, key, h)
		}
	}
}

// underAny reports whether a name is a subfield of one of others.
func underAny(name string, others map[string]bool) bool {
	for i, c := range name {
		if c == '.' && others[name[:i]] {
			return true
		}
	}
	return false
}

// kind returns the type of a definition; without a type it is an object.
func kind(definition map[string]any) string {
	if t, ok := definition["type"]; ok {
		return fmt.Sprint(t)
	}
	return "object"
}

// flat returns all definitions of a mapping by full name, including objects and sub-fields.
func flat(mappings map[string]any) map[string]map[string]any {
	out := map[string]map[string]any{}
	var walk func(prefix string, members any)
	walk = func(prefix string, members any) {
		fields, _ := members.(map[string]any)
		for name, d := range fields {
			definition, ok := d.(map[string]any)
			if !ok {
				continue
			}
			for i, c := range name { // a name with dots includes the objects on its path
				if c == '.' && out[prefix+name[:i]] == nil {
					out[prefix+name[:i]] = map[string]any{}
				}
			}
			out[prefix+name] = definition
			walk(prefix+name+".", definition["properties"])
			walk(prefix+name+".", definition["fields"])
		}
	}
	walk("", mappings["properties"])
	return out
}

func flatSettings(out map[string]any, prefix string, settings map[string]any) {
	for name, v := range settings {
		if inner, ok := v.(map[string]any); ok {
			flatSettings(out, prefix+name+".", inner)
		} else {
			out[prefix+name] = v
		}
	}
}

// plain returns a mapping in the form of decoded JSON.
func plain(mappings map[string]any) map[string]any {
	data, err := json.Marshal(mappings)
	if err != nil {
		panic(err) // only maps of strings, numbers and booleans
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		panic(err)
	}
	return out
}

// merged merges mappings, later ones over earlier ones, like component templates.
func merged(all ...map[string]any) map[string]any {
	out := map[string]any{}
	for _, m := range all {
		for key, v := range m {
			below, isMap := v.(map[string]any)
			before, wasMap := out[key].(map[string]any)
			if isMap && wasMap {
				v = merged(before, below)
			}
			out[key] = v
		}
	}
	return out
}
