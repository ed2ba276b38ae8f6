package search

import (
	"math"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// The names of the aggregations in a body, and the greatest number of groups in one page.
const (
	// AggGroups is the composite aggregation, or the filters of an Only.
	AggGroups = "groups"
	// AggFirst and AggLast are the times, AggSamples the events of a group.
	AggFirst   = "first"
	AggLast    = "last"
	AggSamples = "samples"
	// AggFallback holds the same for the events whose time is in the fallback field.
	AggFallback = "fallback"

	maxGroups = 10_000
)

// precision is up to how many different values Elasticsearch counts them well; it knows no greater.
const precision = 40_000

// AggKey names the source of the i-th field of By.
func AggKey(i int) string { return "by" + strconv.Itoa(i) }

// AggDistinct names the count of the i-th field of Distinct.
func AggDistinct(i int) string { return "distinct" + strconv.Itoa(i) }

// GroupPage is the number of groups to ask for at a time: what is wanted of each bounds it, as an
// answer has all of it at once.
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

// Body returns the body of the _search request for the first page, less the pit. It can be pasted
// behind GET <patterns>/_search.
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

// Listed reports whether the groups asked for by Only are found by the query, and listed as all
// groups are, among others that have an event in common with them. That reads each event once, however
// many groups there are, where filters are tried one by one. It can do no more than count, and does
// not count the keys of a flattened field, of which a composite aggregation counts the others too.
func (r GroupRequest) Listed() bool {
	return r.Only != nil && len(r.By) > 0 && r.NoTimes && r.Samples == 0 && len(r.Distinct) == 0 &&
		!slices.ContainsFunc(r.By, func(f mapping.Field) bool { return f.Keyed }) &&
		!slices.ContainsFunc(r.Only, func(s Selection) bool { return len(s.Except) > 0 })
}

// Selections is how many groups can be asked for at once. A query has a thousand clauses at least,
// of which the rule's own condition needs some, but the values of one field are one clause.
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

// dense reports whether the groups asked for are a good part of all that their fields' values can make:
// then an event is nearly always in one of them that has one of the values of each field.
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

// any is true of the events in the groups asked for, and of few others.
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

// loses reports whether a list that begins with a field loses values: where a shard's query comes to nothing
// but a range of that field, Elasticsearch lists the values within the range only, and leaves out the others
// of an event that has several. A list with a group of the events that lack the field does not; whoever reads it
// leaves that group out.
func loses(f mapping.Field) bool {
	family := f.Type.Family()
	return family.IsNumber() || family == mapping.FamilyDate
}

// selections are the filters of the groups asked for, or of the one of everything.
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

// among narrows the search to the values of the groups asked for, so that the filters have less to
// look at.
func (r GroupRequest) among() condition.And {
	var all condition.And
	for i, f := range r.By {
		family := f.Type.Family()
		if family == mapping.FamilyDate || family == mapping.FamilyFloat {
			continue
		}
		if family == mapping.FamilyInteger && len(mapping.Ways(r.FieldTypes, []string{f.Name})) > 1 {
			continue // An index of a narrower type refuses a list with a value beyond its range.
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

// metrics are what is wanted of each group.
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

// timed are the times and samples by one field of time. Of events at the same time the one that
// was written first comes first, so that the choice does not change.
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

// SampleTime reads the first sort value of a sample found by a field of time; false when the event
// has none there.
func (r GroupRequest) SampleTime(field string, sort int64) (time.Time, bool) {
	if sort == math.MaxInt64 {
		return time.Time{}, false
	}
	if r.resolution(field) == mapping.DateNanos {
		return time.Unix(0, sort).UTC(), true
	}
	return time.UnixMilli(sort).UTC(), true
}
