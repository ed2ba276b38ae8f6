package alert

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"tocsin/internal/match/event"
	"tocsin/internal/rule"
)

// Kibana is how alerts are made for the index of a Kibana.
type Kibana struct {
	// Version is its version.
	Version string
	// URL is the address under which people reach it, without the path of a space; "" means that alerts have no link.
	URL string
}

// ecsVersion is the version of ECS of alerts whose events do not say theirs: that of the alerts with which Kibana tests its app.
const ecsVersion = "8.11.0"

// originTag marks alerts whose rule Kibana does not have.
const originTag = "origin:tocsin"

// kibanaTypes are types of Tocsin that Kibana does not have, as the types whose view shows the alert best: its app leaves
// alerts of unknown types out.
var kibanaTypes = map[rule.Type]rule.Type{rule.TypeCorrelation: rule.TypeEQL, rule.TypeSPL: rule.TypeESQL}

// adapt changes an alert to what Kibana's app reads. Nothing is changed without a Kibana.
func (k *Kibana) adapt(source map[string]any, space string) {
	if k == nil {
		return
	}
	nest(source)
	fill(source, "ecs.version", ecsVersion)
	for own, shown := range kibanaTypes {
		if source["kibana.alert.rule.type"] == string(own) {
			kind := typeNames[shown]
			source["kibana.alert.rule.type"], source["kibana.alert.rule.rule_type_id"], source["kibana.alert.rule.category"] = string(shown), kind.id, kind.category
		}
	}
	if tags, ok := source["kibana.alert.rule.tags"].([]string); ok && !slices.Contains(tags, originTag) {
		source["kibana.alert.rule.tags"] = append(slices.Clone(tags), originTag)
	}
	at, _ := source["@timestamp"].(string)
	for _, name := range []string{"kibana.alert.rule.created_at", "kibana.alert.rule.updated_at"} {
		if _, has := source[name]; !has {
			source[name] = at
		}
	}
	if k.Version != "" {
		source["kibana.version"] = k.Version
	}
	if id, _ := source["kibana.alert.uuid"].(string); k.URL != "" && id != "" {
		source["kibana.alert.url"] = k.link(id, at, cmp.Or(space, "default"))
	}
}

// link returns the address of an alert in the app.
func (k *Kibana) link(id, at, space string) string {
	path := ""
	if space != "default" {
		path = "/s/" + space
	}
	return strings.TrimRight(k.URL, "/") + path + "/app/security/alerts/redirect/" + url.PathEscape(id) +
		"?index=" + url.QueryEscape(KibanaPrefix+space) + "&timestamp=" + at
}

// nest gives the fields of an event the form of objects, which some actions of the app require: they read agent.id and
// host.os.name by path. The alert's own fields stay flat, as the app reads and changes them.
func nest(source map[string]any) {
	event := map[string]any{}
	for name, value := range source {
		if top, _, _ := strings.Cut(name, "."); top != "kibana" && top != "tocsin" {
			event[name] = value
			delete(source, name)
		}
	}
	maps.Copy(source, nested(event, shapes()))
}

// nested returns an object whose dotted names are paths. A name stays dotted if something else is on its path. The keys
// of a flattened field stay as they are: objects make them deeper, of which it has a limit.
func nested(object map[string]any, at *place) map[string]any {
	out := make(map[string]any, len(object))
	var dotted []string
	for name, value := range object {
		to, _ := at.at(name)
		if below, isObject := value.(map[string]any); isObject && (to == nil || to.shape != flattenedShape) {
			value = nested(below, to)
		}
		out[name] = value
		if strings.Contains(name, ".") {
			dotted = append(dotted, name)
		}
	}
	slices.Sort(dotted)
	for _, name := range dotted {
		value := out[name]
		delete(out, name)
		if !insert(out, at, name, value) {
			out[name] = value
		}
	}
	return out
}

// insert puts a value at the path of a dotted name, in objects that [nested] has made; false: something else is there.
func insert(object map[string]any, at *place, name string, value any) bool {
	key, rest, dotted := strings.Cut(name, ".")
	if blank(key) {
		return false
	}
	have, taken := object[key]
	if !dotted {
		if !taken {
			object[key] = value
		}
		return !taken
	}
	to, _ := at.at(key)
	if to != nil && to.shape == flattenedShape {
		return false
	}
	below, isObject := have.(map[string]any)
	switch {
	case taken && !isObject:
		return false
	case !taken:
		below = map[string]any{}
	}
	if !insert(below, to, rest, value) {
		return false
	}
	object[key] = below
	return true
}

// fill sets a field that the alert does not have.
func fill(source map[string]any, name string, value any) {
	if len(event.Lookup(source, name)) > 0 {
		return
	}
	if !insert(source, shapes(), name, value) {
		source[name] = value
	}
}
