package elastic

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// List passes the alerts of a filter to visit. Before Install there are none.
func (a *Alerts) List(ctx context.Context, f alert.Filter, visit func(alert.Document) (bool, error)) error {
	if f.RuleID != "" || !f.Since.IsZero() {
		if err := a.findable(ctx); err != nil {
			return err
		}
	}
	size, left := listPage, f.Limit
	if left > 0 {
		size = min(size, left)
	}
	p := newPager(a.client, "list alerts ["+a.alias+"]", []string{a.alias}, a.listing(f), size)
	none := true
	_, err := p.run(ctx, func(hits []hit) (bool, error) {
		none = false
		for _, h := range hits {
			doc, err := h.alert()
			if err != nil {
				return false, err
			}
			if more, err := visit(doc); err != nil || !more {
				return false, err
			}
			if left--; left == 0 {
				return false, nil
			}
		}
		return true, nil
	})
	if err == nil && none {
		return a.readable(ctx)
	}
	return err
}

// The fields that order alerts, after their @timestamp.
const (
	originalTimeField = "kibana.alert.original_time"
	uuidField         = "kibana.alert.uuid"
)

func (a *Alerts) listing(f alert.Filter) condition.Query {
	// A missing value is last, and first in the reverse order.
	order, missing := "asc", "_last"
	if f.Newest {
		order, missing = "desc", "_first"
	}
	by := func(field, typ string) condition.Query {
		options := condition.Query{"order": order, "missing": missing, "unmapped_type": typ}
		if typ == "date" {
			options["format"] = "strict_date_optional_time_nanos"
		}
		return condition.Query{field: options}
	}
	return condition.Query{
		"query":            a.filterQuery(f),
		"track_total_hits": false,
		"sort":             []condition.Query{by(search.DefaultTimestamp, "date"), by(originalTimeField, "date"), by(uuidField, "keyword")},
	}
}

// filterQuery returns the query for the alerts of a filter.
func (a *Alerts) filterQuery(f alert.Filter) condition.Query {
	clauses := []condition.Query{}
	if a.own != nil {
		clauses = append(clauses, a.own)
	}
	if f.RuleID != "" {
		clauses = append(clauses, condition.Query{"term": condition.Query{alert.RuleIDField: f.RuleID}})
	}
	if !f.Since.IsZero() {
		from := f.Since.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano)
		clauses = append(clauses, condition.Query{"range": condition.Query{search.DefaultTimestamp: condition.Query{"gte": from, "format": "strict_date_optional_time"}}})
	}
	if f.Where != nil {
		clauses = append(clauses, condition.DSL(f.Where))
	}
	return condition.Query{"bool": condition.Query{"filter": clauses}}
}

// GetAll returns the alerts with these ids.
func (a *Alerts) GetAll(ctx context.Context, ids []string) (map[string]alert.Document, error) {
	return named(ctx, a, ids, listPage, "get", true, hit.alertToUpdate)
}

// Prefixed returns the ids that begin with a prefix, as of the last refresh.
func (a *Alerts) Prefixed(ctx context.Context, prefix string, limit int) ([]string, error) {
	if err := a.client.findable(ctx, a.alias, a.mappings(), []string{uuidField}); err != nil {
		return nil, err
	}
	p := newPager(a.client, "find alerts by id ["+a.alias+"]", []string{a.alias}, condition.Query{
		"query":            condition.Query{"prefix": condition.Query{uuidField: condition.Query{"value": prefix}}},
		"_source":          false,
		"track_total_hits": false,
		"sort":             []condition.Query{{uuidField: condition.Query{"order": "asc", "unmapped_type": "keyword"}}},
	}, min(listPage, limit+1))
	var ids []string
	none := true
	_, err := p.run(ctx, func(hits []hit) (bool, error) {
		none = false
		for _, h := range hits {
			if len(ids) < limit && !slices.Contains(ids, h.ID) { // after a rollover, an id may be in several indices
				ids = append(ids, h.ID)
			}
		}
		return len(ids) < limit, nil
	})
	if err == nil && none {
		err = a.readable(ctx)
	}
	return ids, err
}

// AlertFields returns how the alias maps fields for conditions on alerts. A field that Tocsin's template maps must be
// mapped like that, or alerts would not be found. Before Install it is the mapping of the template.
func (a *Alerts) AlertFields(ctx context.Context, names []string) (mapping.Fields, error) {
	ours, err := TemplateFields(a)
	if err != nil {
		return nil, err
	}
	definitions := flat(plain(a.mappings()))
	known := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		if a.ofKibana && (strings.HasPrefix(name, "tocsin.") || strings.HasPrefix(name, "splunk.")) {
			return false // it is ours, whatever it has: Kibana keeps it and does not index it
		}
		d, ok := definitions[name]
		text := mapping.Type(kind(d)).Family() == mapping.FamilyText // which text type does not matter
		return !ok || !searchable(d) || text
	})
	switch {
	case len(known) == 0:
	case a.ofKibana:
		if err := a.findableInKibana(ctx, known); err != nil {
			return nil, err
		}
	default:
		if err := a.client.findable(ctx, a.alias, a.mappings(), known); err != nil {
			return nil, err
		}
	}
	target, err := a.client.Resolve(ctx, []string{a.alias}, names)
	if err != nil {
		return nil, err
	}
	if len(target.Indices) == 0 {
		return ours, nil
	}
	return target.Fields, nil
}

// TemplateFields returns the fields of the template of a's indices.
func TemplateFields(a *Alerts) (mapping.Table, error) {
	data, err := json.Marshal(a.mappings())
	if err != nil {
		return nil, fmt.Errorf("the template of [%s]: %w", a.alias, err)
	}
	table, err := mapping.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("the template of [%s]: %w", a.alias, err)
	}
	return table, nil
}
