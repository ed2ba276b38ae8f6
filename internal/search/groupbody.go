package search

import (
	"math"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// The names of the aggregations in a body, and the maximum number of groups in one page.
const (
	// AggGroups is the composite aggregation, or the filters of Only.
	AggGroups = "groups"
	// AggFirst and AggLast are the times, AggSamples the events of a group.
	AggFirst   = "first"
	AggLast    = "last"
	AggSamples = "samples"
	// AggFallback holds the same for events whose time is in the fallback field.
	AggFallback = "fallback"

	maxGroups = 10_000
)

// precision is the number of distinct values up to which Elasticsearch counts them almost exactly: its
// maximum.
const precision = 40_000

// AggKey returns the name of the source of the i-th field of By.
func AggKey(i int) string { return "by" + strconv.Itoa(i) }

// AggDistinct returns the name of the count of the i-th field of Distinct.
func AggDistinct(i int) string { return "distinct" + strconv.Itoa(i) }

// GroupPage returns the number of groups in one request. The data of each group bounds it, as an answer is in
// memory as a whole.
func (r GroupRequest) GroupPage() int {
	switch {
	case r.PageSize > 0:
		return r.PageSize
	case r.Samples > 0:
		return max(10, 500/r.Samples)
	case len(r.Distinct) > 0:
		return 1000
	case !r.NoTimes:
		return 5000
	}
	return maxGroups
}

// Body returns the body of the _search request for the first page, without the pit. It can be sent by hand to
// GET <patterns>/_search.
func (r GroupRequest) Body() condition.Query {
	where := r.filters()
	groups := condition.Query{}
	switch {
	case r.Listed():
		where = append(where, condition.DSL(condition.Simplify(r.any())))
		groups["composite"] = condition.Query{"size": r.GroupPage(), "sources": r.sources()}
	case r.Only != nil || len(r.By) == 0:
		groups["filters"] = condition.Query{"filters": r.selections()}
		if among := r.among(); among != nil {
			where = append(where, condition.DSL(condition.Simplify(among)))
		}
	default:
		groups["composite"] = condition.Query{"size": r.GroupPage(), "sources": r.sources()}
	}
	if aggs := r.metrics(); len(aggs) > 0 {
		groups["aggs"] = aggs
	}
	return condition.Query{
		"size": 0, "track_total_hits": false,
		"query": condition.Query{"bool": condition.Query{"filter": where}},
		"aggs":  condition.Query{AggGroups: groups},
	}
}

// Listed reports whether the groups of Only are read by a query for their values and a composite aggregation,
// which may list other groups of the same events too. That reads each event once, however many groups there
// are, while filters are tried one by one. It only counts, and it is not possible for the keys of a flattened
// field, where a composite aggregation counts all keys.
func (r GroupRequest) Listed() bool {
	return r.Only != nil && len(r.By) > 0 && r.NoTimes && r.Samples == 0 && len(r.Distinct) == 0 &&
		!slices.ContainsFunc(r.By, func(f mapping.Field) bool { return f.Keyed }) &&
		!slices.ContainsFunc(r.Only, func(s Selection) bool { return len(s.Except) > 0 })
}

// Selections returns how many groups fit into one request. A query may have at least a thousand clauses, of
// which the rule's own condition needs some, but all values of one field are one clause.
func (r GroupRequest) Selections() int {
	if !r.Listed() {
		return min(500, r.GroupPage())
	}
	few, all := 600/len(r.By), r.Only
	for n := min(len(all), maxGroups); n > few; n /= 2 {
		if r.Only = all[:n]; r.dense() {
			return n
		}
	}
	return few
}

// dense reports whether the requested groups are a large part of all combinations of their fields' values:
// then nearly every event with one of the values of each field is in one of them.
func (r GroupRequest) dense() bool {
	most := 4 * len(r.Only)
	all := 1
	among := r.among()
	for _, one := range among {
		terms, _ := one.(condition.Terms)
		if all *= max(1, len(terms.Values)); all > most {
			return false
		}
	}
	return len(among) == len(r.By)
}

// any returns a condition that is true of the events in the requested groups, and of few others.
func (r GroupRequest) any() condition.Expr {
	if r.dense() {
		return r.among()
	}
	var either condition.Or
	for _, s := range r.Only {
		either = append(either, r.Selects(s))
	}
	return either
}

func (r GroupRequest) sources() []condition.Query {
	sources := make([]condition.Query, len(r.By))
	for i, f := range r.By {
		terms := condition.Query{"field": f.Name}
		if r.Missing || i == 0 && loses(f) {
			terms["missing_bucket"] = true
		}
		sources[i] = condition.Query{AggKey(i): condition.Query{"terms": terms}}
	}
	return sources
}

// loses reports whether a composite aggregation that begins with a field loses values: if a shard's query is
// rewritten to a single range of that field, Elasticsearch lists only the values within the range, and not
// the other values of the same event. A list with a group for a missing field is not affected; its reader
// must leave that group out.
func loses(f mapping.Field) bool {
	family := f.Type.Family()
	return family.IsNumber() || family == mapping.FamilyDate
}

// selections returns the filters of the requested groups, or of the one group of all events.
func (r GroupRequest) selections() []condition.Query {
	only := r.Only
	if only == nil {
		only = []Selection{{}}
	}
	filters := make([]condition.Query, len(only))
	for i, s := range only {
		filters[i] = condition.DSL(r.Selects(s))
	}
	return filters
}

// among restricts the search to the values of the requested groups, so that the filters test fewer events.
func (r GroupRequest) among() condition.And {
	var all condition.And
	for i, f := range r.By {
		family := f.Type.Family()
		if family == mapping.FamilyDate || family == mapping.FamilyFloat {
			continue
		}
		if family == mapping.FamilyInteger && len(mapping.Ways(r.FieldTypes, []string{f.Name})) > 1 {
			continue // an index with a narrower type rejects a list with a value beyond its range
		}
		seen := map[string]bool{}
		var values []any
		for _, s := range r.Only {
			if !seen[s.Key[i]] {
				seen[s.Key[i]] = true
				values = append(values, s.Key[i])
			}
		}
		all = append(all, condition.Terms{Field: f.Name, Values: values})
	}
	return all
}

// metrics returns the aggregations within each group.
func (r GroupRequest) metrics() condition.Query {
	aggs := r.timed(r.Time.Field)
	for i, f := range r.Distinct {
		aggs[AggDistinct(i)] = condition.Query{"cardinality": condition.Query{"field": f.Name, "precision_threshold": precision}}
	}
	if fallback := r.timed(r.Time.Fallback); r.Time.Fallback != r.Time.Field && len(fallback) > 0 {
		missing := condition.Not{X: condition.Exists{Field: r.Time.Field}}
		aggs[AggFallback] = condition.Query{"filter": condition.DSL(missing), "aggs": fallback}
	}
	return aggs
}

// timed returns the times and samples by one time field. Of events at the same time, the one written first
// comes first, so that the choice is stable.
func (r GroupRequest) timed(field string) condition.Query {
	aggs := condition.Query{}
	if field == "" {
		return aggs
	}
	if !r.NoTimes {
		aggs[AggFirst] = condition.Query{"min": condition.Query{"field": field}}
		aggs[AggLast] = condition.Query{"max": condition.Query{"field": field}}
	}
	if r.Samples > 0 {
		options := condition.Query{"order": "asc", "unmapped_type": "date", "numeric_type": r.resolution(field)}
		hits := condition.Query{
			"size": r.Samples, "sort": []condition.Query{{field: options}, {"_seq_no": condition.Query{"order": "asc"}}},
		}
		r.retrieve(hits)
		aggs[AggSamples] = condition.Query{"top_hits": hits}
	}
	return aggs
}

// SampleTime returns the time of a sample from its first sort value; false if the event has no time in that
// field.
func (r GroupRequest) SampleTime(field string, sort int64) (time.Time, bool) {
	if sort == math.MaxInt64 {
		return time.Time{}, false
	}
	if r.resolution(field) == mapping.DateNanos {
		return time.Unix(0, sort).UTC(), true
	}
	return time.UnixMilli(sort).UTC(), true
}
