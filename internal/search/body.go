package search

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// Body returns the body of the _search request, without what paging adds (pit and search_after). Pasted after
// GET <patterns>/_search, it finds the same events.
func (r Request) Body() condition.Query {
	body := condition.Query{
		"size":             r.Size(),
		"query":            condition.Query{"bool": condition.Query{"filter": r.filters()}},
		"track_total_hits": true,
	}
	if by := r.sort(); by != nil {
		body["sort"] = by
	}
	r.retrieve(body)
	if r.OmitSource {
		body["_source"] = false
	}
	return body
}

// retrieve adds the requested fields to a body.
func (r Request) retrieve(body condition.Query) {
	fields, docValues := r.retrieved()
	if len(fields) > 0 {
		body["fields"] = fields
	}
	if len(docValues) > 0 {
		body["docvalue_fields"] = docValues
	}
}

// retrieved splits the requested fields by where Elasticsearch takes their values from. Values that are not in the source
// are only in doc values.
func (r Request) retrieved() (fields, docValues []string) {
	docValued := mapping.DocValued(r.FieldTypes, r.Fields...)
	for _, name := range r.Fields {
		if _, always := mapping.Metadata()[name]; always {
			continue // every hit has it
		}
		if slices.Contains(docValued, name) {
			docValues = append(docValues, name)
		} else {
			fields = append(fields, name)
		}
	}
	return fields, docValues
}

// filters keeps the time range and the condition separate, for readability.
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

// sort returns the order. A field that some index does not map must not make the search fail.
func (r Request) sort() []condition.Query {
	direction := "asc"
	if r.Descending {
		direction = "desc"
	}
	var by []condition.Query
	for _, o := range r.Order() {
		options := condition.Query{"order": direction, "unmapped_type": "long"}
		if o.IsTime {
			options["unmapped_type"] = "date"
			options["format"] = "strict_date_optional_time_nanos"
			options["numeric_type"] = r.resolution(o.Name)
		}
		by = append(by, condition.Query{o.Name: options})
	}
	return by
}

// resolution makes times comparable between indices that map a field as date and as date_nanos:
// by default Elasticsearch compares milliseconds with nanoseconds there, and paging then silently skips
// events. Nanoseconds are used only if the field has them: a date before 1970 or after 2262 cannot be
// converted to nanoseconds and makes its shard fail.
func (r Request) resolution(field string) mapping.Type {
	if r.FieldTypes != nil {
		if f, ok := r.FieldTypes.Field(field); ok && f.Type == mapping.DateNanos {
			return mapping.DateNanos
		}
	}
	return mapping.Date
}

// JSON encodes a body without HTML escapes; indent makes it readable.
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

// Path returns the path and query for sending a body by hand.
func Path(patterns []string) string {
	escaped := make([]string, len(patterns))
	for i, p := range patterns {
		escaped[i] = strings.ReplaceAll(url.PathEscape(p), "%2A", "*")
	}
	return "/" + strings.Join(escaped, ",") + "/_search?ignore_unavailable=true&allow_no_indices=true"
}
