package translate

import (
	"encoding/json"
	"maps"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/lucene"
	"tocsin/internal/translate/querydsl"
)

// raw resolves the date math within a clause that Elasticsearch gets unchanged.
func (m Moment) raw(r condition.Raw) (condition.Raw, bool) {
	w := rawWriter{Moment: m}
	clause, _ := w.value(r.Clause()).(map[string]any)
	if !w.changed {
		return r, false
	}
	again, err := condition.NewRaw(clause)
	if err != nil { // it was valid JSON before
		return r, false
	}
	if names, of := r.Read(); of != nil {
		again = again.Reading(names, func(fields mapping.Fields) (condition.Expr, bool) {
			e, ok := of(fields)
			if !ok {
				return nil, false
			}
			return Moment{Fields: fields, Now: m.Now}.lowered(e).Where, true
		})
	}
	return again, w.ofNow
}

// rawWriter rewrites clauses of Query DSL.
type rawWriter struct {
	Moment
	changed, ofNow bool
}

func (w *rawWriter) value(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = w.value(element)
		}
		return out
	case map[string]any:
		if with, ok := w.leaf(v); ok {
			return with
		}
		out := make(map[string]any, len(v))
		for key, element := range v {
			p, isObject := element.(map[string]any)
			switch {
			case isObject && key == "query_string":
				out[key] = w.queryString(p)
			case isObject && key == "range":
				out[key] = w.rangeOf(p)
			default:
				out[key] = w.value(element)
			}
		}
		return out
	}
	return v
}

// leaf replaces a clause that is a condition on one field.
func (w *rawWriter) leaf(clause map[string]any) (map[string]any, bool) {
	if len(clause) != 1 {
		return nil, false
	}
	for name := range clause {
		switch name {
		case "term", "terms", "match", "match_phrase":
		default:
			return nil, false
		}
	}
	e, err := querydsl.Lower(clause, w.Fields)
	if err != nil {
		return nil, false // Elasticsearch will report the same.
	}
	at, ofNow := condition.AsOf(e, w.Fields, w.Now)
	if at.String() == e.String() {
		return nil, false
	}
	w.changed, w.ofNow = true, w.ofNow || ofNow
	return plain(condition.DSL(condition.Simplify(at))), true
}

// plain returns a clause in the types of decoded JSON.
func plain(q condition.Query) map[string]any {
	r, err := condition.NewRaw(q)
	if err != nil {
		return q
	}
	return r.Clause()
}

func (w *rawWriter) queryString(p map[string]any) map[string]any {
	text, isText := p["query"].(string)
	if !isText {
		return p
	}
	field, _ := p["default_field"].(string)
	if names, _ := p["fields"].([]any); len(names) == 1 {
		field, _ = names[0].(string)
	}
	zone, _ := p["time_zone"].(string)
	at, ofNow := lucene.AsOf(text, lucene.Moment{Now: w.Now, Fields: w.Fields, DefaultField: field, TimeZone: zone})
	if at == text {
		return p
	}
	w.changed, w.ofNow = true, w.ofNow || ofNow
	out := maps.Clone(p)
	out["query"] = at
	return out
}

// rangeOf resolves the bounds of a range that has parameters which conditions do not have.
func (w *rawWriter) rangeOf(fields map[string]any) map[string]any {
	out := maps.Clone(fields)
	for field, v := range fields {
		p, isObject := v.(map[string]any)
		if !isObject {
			continue
		}
		r := condition.Range{Field: field}
		r.Format, _ = p["format"].(string)
		r.TimeZone, _ = p["time_zone"].(string)
		keys := map[string]*any{"gt": &r.Gt, "gte": &r.Gte, "lt": &r.Lt, "lte": &r.Lte, "from": &r.Gte, "to": &r.Lte}
		if p["include_lower"] == false {
			keys["from"] = &r.Gt
		}
		if p["include_upper"] == false {
			keys["to"] = &r.Lt
		}
		for key, to := range keys {
			if bound := p[key]; bound != nil {
				*to = scalar(bound)
			}
		}
		at, ofNow := condition.AsOf(r, w.Fields, w.Now)
		written, isRange := at.(condition.Range)
		if !isRange || written == r {
			continue
		}
		w.changed, w.ofNow = true, w.ofNow || ofNow
		again := maps.Clone(p)
		for key, to := range keys {
			if p[key] == nil {
				continue
			}
			switch to {
			case &r.Gt:
				again[key] = written.Gt
			case &r.Gte:
				again[key] = written.Gte
			case &r.Lt:
				again[key] = written.Lt
			default:
				again[key] = written.Lte
			}
		}
		again["format"] = written.Format
		if written.TimeZone == "" {
			delete(again, "time_zone")
		}
		out[field] = again
	}
	return out
}

// scalar returns a bound in the type that conditions use.
func scalar(v any) any {
	n, isNumber := v.(json.Number)
	if !isNumber {
		return v
	}
	if whole, err := n.Int64(); err == nil {
		return whole
	}
	x, err := n.Float64()
	if err != nil {
		return v
	}
	return x
}
