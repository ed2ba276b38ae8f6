package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
)

// Misfit is an index or template of Tocsin that differs from what Tocsin creates, so that documents may be
// rejected, or written but not found.
type Misfit struct {
	// Place names the object: "index [tocsin-alerts-default-000001]".
	Place string
	// Faults are the differences that matter, in order.
	Faults []string
	// WayOut says how to fix it.
	WayOut string
	// Unusable: what is written there would be rejected, or could not be found again. A runner must not start.
	Unusable bool
}

// kibanaPlace begins the Place of a misfit that is not Tocsin's.
const kibanaPlace = "Kibana's index ["

// maxShownFaults is the number of differences in the text form.
const maxShownFaults = 3

// String returns the misfit in one line.
func (m Misfit) String() string {
	if strings.HasPrefix(m.Place, kibanaPlace) {
		return fmt.Sprintf("the mapping of %s cannot take Tocsin's alerts: %s; %s", m.Place, m.Differences(), m.WayOut)
	}
	return fmt.Sprintf("the mapping of %s is not Tocsin's: %s; %s", m.Place, m.Differences(), m.WayOut)
}

// Differences returns the first faults in one line.
func (m Misfit) Differences() string {
	faults := strings.Join(m.Faults[:min(maxShownFaults, len(m.Faults))], ", ")
	if more := len(m.Faults) - maxShownFaults; more > 0 {
		faults += fmt.Sprintf(" and %d more", more)
	}
	return faults
}

// described is the description of an index, or of an index that a template would create.
type described struct {
	Mappings map[string]any `json:"mappings"`
	Settings map[string]any `json:"settings"`
	// Aliases are those of an index.
	Aliases aliases `json:"aliases"`
}

// describe reads the descriptions of an index or of an alias's indices; none if the name does not exist.
func (c *Client) describe(ctx context.Context, name string) (map[string]described, error) {
	a, err := call[map[string]described](ctx, c, "look at ["+name+"]", func() esapi.Request {
		return esapi.IndicesGetRequest{Index: escape([]string{name})}
	})
	if notFound(err) {
		return nil, nil
	}
	return a, err
}

// Place is a set of indices that Tocsin creates.
type Place interface {
	Misfits(ctx context.Context) ([]Misfit, error)
}

// Misfits joins the misfits of several places.
func Misfits(ctx context.Context, places ...Place) ([]Misfit, error) {
	var out []Misfit
	var errs []error
	for _, p := range places {
		some, err := p.Misfits(ctx)
		out, errs = append(out, some...), append(errs, err)
	}
	return out, errors.Join(errs...)
}

// Misfits returns the faults of the indices of the alias, and of the index that the templates would create
// next. Before Install there are none. If the user may not read a part, the error is of kind Refused, and the
// other misfits are returned.
func (a *Alerts) Misfits(ctx context.Context) ([]Misfit, error) {
	if a.ofKibana {
		return a.kibanaMisfits(ctx)
	}
	indices, err := a.client.describe(ctx, a.alias)
	if err != nil || len(indices) == 0 {
		return nil, err
	}
	var out []Misfit
	for _, name := range slices.Sorted(maps.Keys(indices)) {
		if faults := differences(described{Mappings: a.mappings(), Settings: lenientSettings()}, indices[name]); len(faults) > 0 {
			out = append(out, Misfit{
				Place: "index [" + name + "]", Faults: faults, Unusable: a.takesNone(name, indices),
				WayOut: "set the templates right, roll the alias " + a.alias +
					" over to a new index, and reindex this one into it or take it off the alias; or use another --namespace",
			})
		}
	}
	next, err := a.nextMisfits(ctx, nextIndexName(slices.Max(slices.Collect(maps.Keys(indices)))))
	return append(out, next...), err
}

// nextIndexName returns the name of the index that a rollover creates after another.
func nextIndexName(name string) string {
	stem, number := cutLast(name, "-")
	n, err := strconv.Atoi(number)
	if err != nil {
		return name + "-000002"
	}
	return fmt.Sprintf("%s-%06d", stem, n+1)
}

// cutLast cuts a text at the last occurrence of sep.
func cutLast(s, sep string) (before, after string) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):]
	}
	return s, ""
}

// nextMisfits returns the faults of the index that the templates would create.
func (a *Alerts) nextMisfits(ctx context.Context, index string) ([]Misfit, error) {
	place, wayOut := "index template ["+a.alias+"]", "delete it and the component templates that it is composed of: they are made anew at the next start"
	foreign, err := a.outranking(ctx, index)
	if err != nil {
		return nil, err
	}
	if len(foreign) > 0 {
		place = "index template [" + strings.Join(foreign, ", ") + "], which outranks [" + a.alias + "]"
		wayOut = fmt.Sprintf("give it patterns that leave out %s-*, or a priority below %d", a.alias, a.priority())
	}
	type answer struct {
		Template described `json:"template"`
	}
	made, err := call[answer](ctx, a.client, "simulate the making of index ["+index+"]", func() esapi.Request {
		return esapi.IndicesSimulateIndexTemplateRequest{Name: index}
	})
	switch {
	case notAllowed(err) && len(foreign) > 0:
		return []Misfit{{Place: place, Faults: []string{"the next index that it creates may not be simulated"}, WayOut: wayOut}}, nil
	case notAllowed(err):
		return nil, nil // Install has put, or found, the templates
	case err != nil:
		return nil, err
	}
	if faults := differences(described{Mappings: a.mappings(), Settings: lenientSettings()}, made.Template); len(faults) > 0 {
		return []Misfit{{Place: place, Faults: faults, WayOut: wayOut}}, nil
	}
	return nil, nil
}

// outranking returns the templates with a higher priority than ours for an index.
func (a *Alerts) outranking(ctx context.Context, index string) ([]string, error) {
	type answer struct {
		Templates []struct {
			Name     string `json:"name"`
			Template struct {
				Patterns []string `json:"index_patterns"`
				Priority int64    `json:"priority"`
			} `json:"index_template"`
		} `json:"index_templates"`
	}
	all, err := call[answer](ctx, a.client, "list index templates", func() esapi.Request { return esapi.IndicesGetIndexTemplateRequest{} })
	if notFound(err) || notAllowed(err) {
		return nil, nil
	}
	var out []string
	for _, t := range all.Templates {
		if t.Name != a.alias && t.Template.Priority > int64(a.priority()) &&
			slices.ContainsFunc(t.Template.Patterns, func(p string) bool { return glob(p, index) }) {
			out = append(out, t.Name)
		}
	}
	return out, err
}

// Misfits returns the faults of the index, like [Alerts.Misfits].
func (l *Ledger) Misfits(ctx context.Context) ([]Misfit, error) {
	return l.client.misfits(ctx, l.index, l.mappings(), "stop all runners and delete it: it is made anew, and the account of slots begins again")
}

// Misfits returns the faults of the index, like [Alerts.Misfits].
func (l *Leases) Misfits(ctx context.Context) ([]Misfit, error) {
	return l.client.misfits(ctx, l.index, l.mappings(), "stop all runners and delete it: it is made anew")
}

func (c *Client) misfits(ctx context.Context, index string, mappings map[string]any, wayOut string) ([]Misfit, error) {
	indices, err := c.describe(ctx, index)
	var out []Misfit
	for _, name := range slices.Sorted(maps.Keys(indices)) {
		if name != index { // it is somebody's
			out = append(out, Misfit{
				Place: "index [" + name + "]", Faults: []string{"the name " + index + " is its alias"}, Unusable: true,
				WayOut: "rename or delete the alias, or use another --namespace: Tocsin has an index of that name",
			})
			continue
		}
		if faults := differences(described{Mappings: mappings}, indices[name]); len(faults) > 0 {
			out = append(out, Misfit{Place: "index [" + name + "]", Faults: faults, WayOut: wayOut, Unusable: unusable(indices[name], mappings, nil)})
		}
	}
	return out, err
}

// takesNone reports whether no alert should be written to an index of the alias: it is the write index, and its mapping is wrong for
// the fields by which alerts are found. An index of Tocsin's name that a template of something else made may have them as dynamic
// mapping makes them: alerts are found by their ids there. In an older index alerts are only looked for.
func (a *Alerts) takesNone(name string, indices map[string]described) bool {
	index := indices[name]
	if !index.Aliases.writes(a.alias, len(indices)) {
		return false
	}
	keys := keyFields
	if stem, _ := cutLast(name, "-"); stem == a.alias {
		theirs := flat(index.Mappings)
		isDynamic := index.Mappings["dynamic"] == nil || fmt.Sprint(index.Mappings["dynamic"]) == "true"
		keys = slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
			return theirs[key] == nil && isDynamic || theirs[key] != nil && kind(theirs[key]) == "text" && theirs[key+".keyword"] != nil
		})
	}
	return len(keys) > 0 && unusable(index, a.mappings(), keys)
}

// unusable reports whether an index has one of our fields with another type, or lacks one of the given fields, as an index that
// something else has made does. Without given fields, it must have some of ours. A field of which an equivalent type is usual is judged
// by the other differences only.
func unusable(have described, mappings map[string]any, keys []string) bool {
	ours, theirs := flat(plain(mappings)), flat(have.Mappings)
	if keys == nil {
		keys = slices.Collect(maps.Keys(ours))
		if len(keys) > 0 && !slices.ContainsFunc(keys, func(name string) bool { return theirs[name] != nil }) {
			return true
		}
	} else if slices.ContainsFunc(keys, func(name string) bool { return ours[name] != nil && theirs[name] == nil }) {
		return true
	}
	return slices.ContainsFunc(keys, func(name string) bool {
		want, got := ours[name], theirs[name]
		return want != nil && got != nil && (kind(want) != kind(got) || !searchable(got))
	})
}

// keyFields are the fields by which alerts are found.
var keyFields = []string{
	"kibana.alert.instance.id", "kibana.alert.rule.rule_id", "kibana.alert.original_time", "kibana.alert.suppression.end", "@timestamp",
}

// trusted is how long the check of an alias is valid. A rule that writes to a new index of the alias checks
// it in its next slot.
const trusted = 2 * time.Second

// findable is [Client.findable] for alerts.
func (a *Alerts) findable(ctx context.Context) error {
	begun := time.Now()
	if begun.Sub(time.Unix(0, a.checkedAt.Load())) < trusted {
		return nil
	}
	err := a.client.findable(ctx, a.alias, a.mappings(), keyFields)
	if err == nil {
		a.checkedAt.Store(begun.UnixNano())
	}
	return err
}

// findable fails unless every index of a name maps the given fields like Tocsin: under another mapping, a
// search may miss existing documents.
func (c *Client) findable(ctx context.Context, alias string, mappings map[string]any, names []string) error {
	have, err := c.fieldMapping(ctx, []string{alias}, names)
	if notFound(err) || notAllowed(err) {
		return nil // no documents yet; or no privilege, which Misfits reports
	}
	if err != nil {
		return err
	}
	ours := flat(plain(mappings))
	for _, index := range slices.Sorted(maps.Keys(have)) {
		for _, name := range names {
			want, wanted := ours[name]
			if !wanted {
				continue
			}
			got := map[string]any{}
			for _, raw := range have[index].Mappings[name].Mapping {
				if err := json.Unmarshal(raw, &got); err != nil {
					return fmt.Errorf("the mapping of %s in %s: %w", name, index, err)
				}
			}
			if kind(got) != kind(want) || !searchable(got) {
				return &failure.Error{Kind: failure.Refused, Op: "find in [" + alias + "]", Reason: "in index [" + index + "] the mapping of " +
					name + " is not Tocsin's: what is there may not be found"}
			}
		}
	}
	return nil
}

func searchable(definition map[string]any) bool {
	return fmt.Sprint(definition["index"]) != "false" && definition["normalizer"] == nil
}
