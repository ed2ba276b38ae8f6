package querydsl

import (
	"maps"

	"tocsin/internal/match/condition"
)

func (reader) rangeOf(body any, path string) (condition.Expr, error) {
	field, p, err := ofField(body, "", path)
	if err != nil {
		return nil, err
	}
	if _, isValue := p[""]; isValue {
		return nil, fault(join(path, field), "the bounds of a range are an object")
	}
	p, err = bounds(p, join(path, field))
	if err != nil || p == nil {
		return nil, err
	}
	r := condition.Range{Field: field}
	known := only(p, "gt", "gte", "lt", "lte", "format", "time_zone") && !searchOnly(field)
	for key, bound := range map[string]*any{"gt": &r.Gt, "gte": &r.Gte, "lt": &r.Lt, "lte": &r.Lte} {
		if p[key] == nil {
			continue // Null means unbounded.
		}
		value, isLiteral := literal(p[key])
		*bound = value
		known = known && isLiteral
	}
	format, isText := optional(p, "format", "")
	zone, isZone := optional(p, "time_zone", "")
	if !known || !isText || !isZone {
		return nil, nil
	}
	r.Format, r.TimeZone = format, zone
	return r, nil
}

// bounds rewrites from and to as the keys that say whether the bound is inclusive; nil when that is
// not known. If there are two bounds on the same side, Elasticsearch uses the last one, but an
// object has no order.
func bounds(p parameters, path string) (parameters, error) {
	for _, side := range [][]string{{"gt", "gte", "from"}, {"lt", "lte", "to"}} {
		var there []string
		for _, key := range side {
			if _, ok := p[key]; ok {
				there = append(there, key)
			}
		}
		if len(there) > 1 {
			return nil, fault(path, "[%s] and [%s] are bounds on the same side: write one", there[0], there[1])
		}
	}
	out := maps.Clone(p)
	for _, old := range []struct{ key, include, within, beyond string }{
		{"from", "include_lower", "gte", "gt"}, {"to", "include_upper", "lte", "lt"},
	} {
		included, isBool := optional(out, old.include, true)
		_, there := out[old.key]
		if _, exists := out[old.include]; !isBool || exists && !there {
			return nil, nil
		}
		if there && included {
			out[old.within] = out[old.key]
		} else if there {
			out[old.beyond] = out[old.key]
		}
		delete(out, old.key)
		delete(out, old.include)
	}
	return out, nil
}
