package search

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"tocsin/internal/condition"
)

// Body returns the body of the _search request, less what paging adds (pit and search_after). It
// can be pasted behind GET <patterns>/_search and finds the same events.
func (r Request) Body() condition.Query {
	body := condition.Query{
		"size":             r.Size(),
		"query":            condition.Query{"bool": condition.Query{"filter": r.filters()}},
		"sort":             r.sort(),
		"track_total_hits": true,
	}
	if len(r.Fields) > 0 {
		body["fields"] = r.Fields
	}
	return body
}

// filters keeps the time range and the condition apart, so that a person finds them again.
func (r Request) filters() []condition.Query {
	var filters []condition.Query
	for _, e := range []condition.Expr{condition.Simplify(r.Time.Condition()), condition.Simplify(r.Where)} {
		if e != condition.Expr(condition.Const(true)) {
			filters = append(filters, condition.DSL(e))
		}
	}
	if filters == nil {
		filters = []condition.Query{condition.DSL(condition.Const(true))}
	}
	return filters
}

// sort orders by the time field, then its fallback, then the tiebreaker. A field that some index
// does not map must not fail the search there.
func (r Request) sort() []condition.Query {
	order := "asc"
	if r.Descending {
		order = "desc"
	}
	by := []condition.Query{}
	seen := map[string]bool{"": true}
	for _, field := range []string{r.Time.Field, r.Time.Fallback} {
		if !seen[field] {
			seen[field] = true
			by = append(by, condition.Query{field: condition.Query{
				"order": order, "unmapped_type": "date", "format": "strict_date_optional_time_nanos",
			}})
		}
	}
	if !seen[r.Tiebreaker] {
		by = append(by, condition.Query{r.Tiebreaker: condition.Query{"order": order, "unmapped_type": "long"}})
	}
	return by
}

// JSON encodes a body without escaping what HTML would mind; indent makes it readable.
func JSON(body any, indent string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(body); err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// Path returns the path and query under which a body is searched by hand.
func Path(patterns []string) string {
	escaped := make([]string, len(patterns))
	for i, p := range patterns {
		escaped[i] = url.PathEscape(p)
	}
	return "/" + strings.Join(escaped, ",") + "/_search?ignore_unavailable=true&allow_no_indices=true"
}
