package elastic

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/alert"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// KibanaIndex returns the alias of the detection alerts of a Kibana space.
func KibanaIndex(space string) string { return alert.KibanaPrefix + space }

// kibanaIndices begins the names of the indices of the alias, before the space.
const kibanaIndices = ".internal.alerts-security.alerts-"

// NewKibanaAlerts returns the alerts of a space in Kibana's own index. The index, its alias and templates are Kibana's:
// Install only checks them. Listings have the alerts of Tocsin, not those of Kibana's own rules; ids find both.
func NewKibanaAlerts(c *Client, space string) (*Alerts, error) {
	valid := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' }
	if space == "" || len(space) > maxNamespace || strings.ContainsFunc(space, func(r rune) bool { return !valid(r) }) {
		return nil, fmt.Errorf("kibana space %q: an id of a space has only a-z, 0-9, '-' and '_'", space)
	}
	return &Alerts{
		client: c, namespace: space, alias: KibanaIndex(space), ofEvent: alert.OfEvent, fields: component{alertComponent, alert.Fields}, ofKibana: true,
		own: condition.Query{"term": condition.Query{alert.WriterField: alert.Writer}},
	}, nil
}

// kibanaFields are the fields that Kibana's mapping must have, with the types that Tocsin searches by or that its Security app
// filters by: Kibana's mapping keeps other fields without indexing them.
var kibanaFields = append([]string{
	uuidField, alert.RuleNameField, alert.SeverityField, alert.WriterField, "kibana.alert.rule.rule_type_id", "kibana.alert.rule.uuid", "kibana.space_ids",
	"kibana.alert.status", "kibana.alert.workflow_status", "kibana.alert.workflow_tags", "kibana.alert.depth", "kibana.alert.ancestors.id",
	"kibana.alert.group.id", "kibana.alert.rule.parameters",
}, keyFields...)

// kibanaIndexAnswer is the answer to a request for the indices of an alias.
type kibanaIndexAnswer map[string]struct {
	described

	DataStream string `json:"data_stream"`
}

// checkKibana returns an error that says what to do if alerts cannot be written to Kibana's index, or not be found there.
func (a *Alerts) checkKibana(ctx context.Context) error {
	op := "check Kibana's index [" + a.alias + "]"
	refuse := func(format string, args ...any) error {
		return &failure.Error{Kind: failure.Refused, Op: op, Reason: fmt.Sprintf(format, args...)}
	}
	// Of these, opening Kibana or asking again mends nothing.
	lasting := func(format string, args ...any) error {
		return &failure.Error{Kind: failure.Refused, Op: op, Reason: fmt.Sprintf(format, args...), Err: ErrUnfit}
	}
	indices, err := call[kibanaIndexAnswer](ctx, a.client, op, func() esapi.Request {
		return esapi.IndicesGetRequest{Index: escape([]string{a.alias})}
	})
	if notFound(err) || err == nil && len(indices) == 0 {
		return refuse("it does not exist, and only Kibana makes it: open the Security app of Kibana in the space %q once, or send POST %s/api/detection_engine/index to Kibana; "+
			"or leave --alerts out, for Tocsin's own index", a.namespace, spacePath(a.namespace))
	}
	if err != nil {
		return err
	}
	write := ""
	for _, name := range slices.Sorted(maps.Keys(indices)) {
		index := indices[name]
		if index.DataStream != "" {
			return lasting("it is a data stream, as in a serverless project: Tocsin writes only to the alias of a Kibana that one runs; leave --alerts out, for Tocsin's own index")
		}
		if _, has := index.Aliases[a.alias]; !has {
			return lasting("an index of that name exists where Kibana has an alias: rename or delete it, then open the Security app of Kibana")
		}
		if index.Aliases.writes(a.alias, len(indices)) {
			write = name
		}
	}
	if write == "" {
		return refuse("none of its indices is the write index: open the Security app of Kibana, which repairs its alias")
	}
	if kibanaVersion(indices[write].Mappings) == "" {
		return lasting("the mapping of index [%s] does not name the version of a Kibana (_meta.kibana.version): the index is not Kibana's", write)
	}
	if faults := kibanaFaults(a.mappings(), indices[write].described); len(faults) > 0 {
		return lasting("the mapping of index [%s] cannot take Tocsin's alerts: %s", write, strings.Join(faults[:min(maxShownFaults, len(faults))], ", "))
	}
	return a.checkKibanaRights(ctx, refuse)
}

func spacePath(space string) string {
	if space == "default" {
		return ""
	}
	return "/s/" + space
}

// kibanaVersion returns the version in the description of a mapping; "" if there is none.
func kibanaVersion(mappings map[string]any) string {
	meta, _ := mappings["_meta"].(map[string]any)
	kibana, _ := meta["kibana"].(map[string]any)
	version, _ := kibana["version"].(string)
	return version
}

// KibanaVersion returns the version of the Kibana that made the index; "" if it is not known.
func (a *Alerts) KibanaVersion(ctx context.Context) (string, error) {
	indices, err := a.client.describe(ctx, a.alias)
	version := ""
	for _, name := range slices.Sorted(maps.Keys(indices)) {
		if v := kibanaVersion(indices[name].Mappings); v != "" {
			version = v // of the newest index by name
		}
	}
	return version, err
}

// kibanaFaults returns why an index cannot take alerts, or hides them from searches: a root that does not keep unknown fields as they are, a field
// that is searched by and is missing or of another type, a field of every alert that is an object here and a value there. Fields of
// events differ between versions of ECS: an alert whose event does not fit is written with its event aside.
func kibanaFaults(ours map[string]any, have described) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if have.Mappings == nil {
		have.Mappings = map[string]any{}
	}
	rootDifferences(have.Mappings, say) // fields that are not mapped are in _source, as they were written
	settings := map[string]any{}
	flatSettings(settings, "", have.Settings)
	unusual("the setting ", settings, usualSettings, say)
	want, got := flat(plain(ours)), flat(have.Mappings)
	for _, name := range kibanaFields {
		switch definition, there := got[name]; {
		case !there:
			say("%s is missing", name)
		case kind(definition) != kind(want[name]) && !slices.Contains(equivalentTypes[kind(want[name])], kind(definition)):
			say("%s is %s, not %s", name, kind(definition), kind(want[name]))
		case !searchable(definition):
			say("%s is not indexed", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		definition, there := got[name]
		if there && writtenToKibana(name) && !slices.Contains(kibanaFields, name) && form(kind(definition)) != form(kind(want[name])) {
			say("%s is %s, not %s", name, kind(definition), kind(want[name]))
		}
	}
	return out
}

// writtenNames begin the names of the fields, other than those of events, that alerts may have. The mapping of alerts has more, which
// only Kibana writes.
var writtenNames = []string{
	"kibana.alert.rule.", "kibana.alert.original_event.", "kibana.alert.original_data_stream.", "kibana.alert.ancestors", "kibana.alert.suppression.",
	"kibana.alert.threshold_result.", "kibana.alert.workflow_", "kibana.alert.group.", "kibana.alert.instance.", "kibana.alert.reason", "kibana.alert.risk_score",
	"kibana.alert.severity", "kibana.alert.start", "kibana.alert.status", "kibana.alert.url", "kibana.alert.uuid", "kibana.alert.depth",
	"kibana.alert.intended_timestamp", "kibana.alert.last_detected", "kibana.alert.original_time", "kibana.alert.new_terms", "kibana.alert.building_block_type",
	"kibana.version", "kibana.space_ids",
}

func writtenToKibana(name string) bool {
	return name != "kibana.alert.severity_improving" && slices.ContainsFunc(writtenNames, func(begin string) bool { return strings.HasPrefix(name, begin) })
}

// form returns which JSON values a field of a type takes.
func form(kind string) string {
	switch kind {
	case string(mapping.Object), string(mapping.Nested):
		return "object"
	case string(mapping.Flattened), string(mapping.GeoPoint):
		return kind
	}
	return "value"
}

// checkKibanaRights checks the privileges on the alias. A cluster without security gives all.
func (a *Alerts) checkKibanaRights(ctx context.Context, refuse func(string, ...any) error) error {
	needed := []string{read, view, "create_doc"}
	body, err := json.Marshal(map[string]any{"index": []any{map[string]any{
		"names": []string{a.alias}, "privileges": needed, "allow_restricted_indices": true,
	}}})
	if err != nil {
		return err //nolint:wrapcheck // strings are marshalled
	}
	answer, err := call[rightsAnswer](ctx, a.client, "privileges on ["+a.alias+"]", func() esapi.Request {
		return esapi.SecurityHasPrivilegesRequest{Body: strings.NewReader(string(body))}
	})
	if noEndpoint(err) {
		return nil
	}
	if err != nil {
		return err
	}
	lacks := slices.DeleteFunc(needed, func(p string) bool { return answer.Index[a.alias][p] })
	if len(lacks) > 0 {
		return refuse("the user lacks the privileges %s on it; see docs/kibana.md for a role", strings.Join(lacks, ", "))
	}
	return nil
}

// kibanaMisfits returns the faults of Kibana's index since the start.
func (a *Alerts) kibanaMisfits(ctx context.Context) ([]Misfit, error) {
	indices, err := a.client.describe(ctx, a.alias)
	var out []Misfit
	for _, name := range slices.Sorted(maps.Keys(indices)) {
		if faults := kibanaFaults(a.mappings(), indices[name]); len(faults) > 0 {
			out = append(out, Misfit{Place: kibanaPlace + name + "]", Faults: faults, WayOut: "Kibana's templates make it: see docs/kibana.md"})
		}
	}
	return out, err
}

// findableInKibana fails if an index of the alias does not index a field: alerts would not be found by it.
func (a *Alerts) findableInKibana(ctx context.Context, names []string) error {
	have, err := a.client.fieldMapping(ctx, []string{a.alias}, names)
	if notFound(err) || notAllowed(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, index := range slices.Sorted(maps.Keys(have)) {
		for _, name := range names {
			if len(have[index].Mappings[name].Mapping) == 0 {
				return &failure.Error{Kind: failure.Rejected, Op: "find in [" + a.alias + "]", Reason: "index [" + index + "] of Kibana keeps " + name +
					" without indexing it: alerts cannot be found by it there"}
			}
		}
	}
	return nil
}
