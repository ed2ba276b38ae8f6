package elastic

import (
	_ "embed"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/match/mapping"
)

const (
	// templateVersion must grow with every change of the templates below.
	templateVersion = 4
	ecsComponent    = "tocsin-alerts-ecs"
	alertComponent  = "tocsin-alerts-fields"
	riskComponent   = "tocsin-risk-fields"
	// basePriority is higher than the priorities of Elasticsearch's own templates (100 to 200).
	basePriority = 500
	// totalFields leaves room beyond the fields of the templates, including objects and sub-fields.
	totalFields = 5000
	// scalingFactor is the factor of ECS for its scaled_float fields, all of which are ratios up to one.
	scalingFactor = 1000
)

// riskFields are the fields of a risk event that are not in ECS, in the same form.
//
//go:embed risk-fields.tsv
var riskFields string

func templateMeta() map[string]any {
	return map[string]any{"managed_by": "tocsin", "template_version": templateVersion}
}

// fieldLimit is also a setting of the component template: Elasticsearch validates each by itself.
func fieldLimit() map[string]any {
	return map[string]any{"index.mapping.total_fields.limit": totalFields}
}

// indexTemplate returns the template for the namespace's indices. Its priority grows with the length of the
// namespace, so that "a" and "a-b" may both exist: the pattern of the first matches the indices of the
// second.
func (a *Alerts) indexTemplate() map[string]any {
	return map[string]any{
		"index_patterns": []string{a.alias + "-*"},
		"composed_of":    []string{ecsComponent, a.fields.name, a.custom()},
		// Users may have settings of their own, such as a lifecycle.
		"ignore_missing_component_templates": []string{a.custom()},
		"priority":                           a.priority(),
		"_meta":                              templateMeta(),
		"template": map[string]any{
			"settings": map[string]any{
				"index.number_of_shards":           1,
				"index.auto_expand_replicas":       "0-1",
				"index.mapping.ignore_malformed":   true,
				"index.mapping.total_fields.limit": totalFields,
			},
			"mappings": a.rootMapping(),
		},
	}
}

// priority grows with the length of the namespace, see indexTemplate.
func (a *Alerts) priority() int { return basePriority + len(a.namespace) }

func (a *Alerts) rootMapping() map[string]any {
	return map[string]any{
		"dynamic": false,
		"_meta":   map[string]any{"managed_by": "tocsin", "template_version": templateVersion, "namespace": a.namespace},
	}
}

// mappings returns the merged mappings of the templates.
func (a *Alerts) mappings() map[string]any {
	return merged(ecsMappings(), a.fields.mappings(), a.rootMapping())
}

// ecsMappings returns the mappings of the fields that alerts copy from events.
func ecsMappings() map[string]any {
	root := map[string]any{}
	ecs := mapping.ECS()
	for _, name := range slices.Sorted(maps.Keys(ecs)) {
		f := ecs[name]
		parameters := map[string]any{}
		if f.IgnoreAbove > 0 {
			parameters["ignore_above"] = f.IgnoreAbove
		}
		put(root, name, f.Type, parameters)
	}
	return map[string]any{"dynamic": false, "properties": root}
}

// mappings returns the mappings of the fields that rules add.
func (c component) mappings() map[string]any {
	root := map[string]any{}
	for line := range strings.Lines(c.fields) {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || len(columns) < 2 {
			continue
		}
		parameters := map[string]any{}
		for _, parameter := range columns[2:] {
			key, value, _ := strings.Cut(parameter, "=")
			parameters[key] = literal(value)
		}
		put(root, columns[0], mapping.Type(columns[1]), parameters)
	}
	return map[string]any{"dynamic": false, "properties": root}
}

func literal(text string) any {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	if b, err := strconv.ParseBool(text); err == nil {
		return b
	}
	return text
}

// put adds a field to the properties of a mapping; parents must be added before their children. Below an
// object, or at the top, it is a property; below another field it is a sub-field.
func put(properties map[string]any, name string, typ mapping.Type, parameters map[string]any) {
	definition := maps.Clone(parameters)
	definition["type"] = typ
	if typ == mapping.ConstantKeyword { // one alert index has events of many data streams
		definition["type"] = mapping.Keyword
	}
	if typ == mapping.ScaledFloat {
		definition["scaling_factor"] = scalingFactor
	}
	parts := strings.Split(name, ".")
	for _, part := range parts[:len(parts)-1] {
		parent, ok := properties[part].(map[string]any)
		if !ok {
			parent = map[string]any{"properties": map[string]any{}}
			properties[part] = parent
		}
		properties = below(parent)
		if properties == nil {
			return // part of a flattened field
		}
	}
	properties[parts[len(parts)-1]] = definition
}

// below returns the map for the fields under a definition; nil if it can have none.
func below(definition map[string]any) map[string]any {
	key := "fields"
	switch definition["type"] {
	case nil, mapping.Object, mapping.Nested:
		key = "properties"
	case mapping.Flattened:
		return nil
	}
	members, ok := definition[key].(map[string]any)
	if !ok {
		members = map[string]any{}
		definition[key] = members
	}
	return members
}
