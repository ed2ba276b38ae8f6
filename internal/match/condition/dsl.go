package condition

import (
	"fmt"
	"strings"
)

// Query is a part of Query DSL, ready for encoding/json.
type Query = map[string]any

// DSL writes the tree as Query DSL, in the clauses that Elasticsearch's own EQL emits, as filters:
// nothing is scored. An Or sets minimum_should_match, so that it means the same next to other
// clauses.
func DSL(e Expr) Query {
	switch e := e.(type) {
	case Const:
		if e {
			return Query{"match_all": Query{}}
		}
		return Query{"match_none": Query{}}
	case And:
		return Query{"bool": Query{"filter": queries(e)}}
	case Or:
		return Query{"bool": Query{"should": queries(e), "minimum_should_match": 1}}
	case Not:
		return Query{"bool": Query{"must_not": []Query{DSL(e.X)}}}
	case Nested:
		return nestedDSL(e)
	default:
		return leafDSL(e)
	}
}

func queries(members []Expr) []Query {
	out := make([]Query, len(members))
	for i, m := range members {
		out[i] = DSL(m)
	}
	return out
}

func leafDSL(leaf Expr) Query {
	switch l := leaf.(type) {
	case Exists:
		return Query{"exists": Query{"field": l.Field}}
	case LeftOut:
		if l.Unmapped != "" {
			return Query{"terms": Query{"_index": strings.Split(l.Unmapped, ",")}}
		}
		return Query{"term": Query{"_ignored": Query{"value": l.Ignored}}}
	case Term:
		return Query{"term": Query{l.Field: folded(Query{"value": l.Value}, l.Fold)}}
	case Terms:
		if alone, ok := simplifyTerms(l).(Term); ok { // The two differ for numbers beyond the range of a type.
			return leafDSL(alone)
		}
		return Query{"terms": Query{l.Field: l.Values}}
	case Wildcard:
		return Query{"wildcard": Query{l.Field: folded(Query{"value": l.Pattern}, l.Fold)}}
	case Prefix:
		return Query{"prefix": Query{l.Field: folded(Query{"value": l.Value}, l.Fold)}}
	case Regexp:
		return Query{"regexp": Query{l.Field: folded(Query{"value": l.Pattern, "flags": "ALL"}, l.Fold)}}
	case Range:
		limits := Query{}
		for _, b := range l.bounds() {
			limits[b.name] = b.value
		}
		if l.Format != "" {
			limits["format"] = l.Format
		}
		if l.TimeZone != "" {
			limits["time_zone"] = l.TimeZone
		}
		return Query{"range": Query{l.Field: limits}}
	case CIDR:
		return Query{"terms": Query{l.Field: l.Networks}}
	case Match:
		return matchDSL(l)
	case QueryString:
		return queryStringDSL(l)
	case Raw:
		return l.Clause()
	}
	panic(fmt.Sprintf("condition: no Query DSL for %T", leaf))
}

func folded(q Query, fold bool) Query {
	if fold {
		q["case_insensitive"] = true
	}
	return q
}
