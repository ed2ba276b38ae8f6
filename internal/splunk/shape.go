package splunk

import (
	"maps"
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// joinedTexts is strcat: it joins texts and fields. A missing field counts as empty.
func joinedTexts(c *spl.Strcat) func(Row) {
	return func(row Row) {
		var b strings.Builder
		for _, p := range c.Parts {
			if p.Literal {
				b.WriteString(p.Name.Text)
				continue
			}
			v := row.Get(p.Name.Text)
			if v.IsNull() && c.AllRequired {
				return
			}
			b.WriteString(v.String())
		}
		row.set(row.key(c.To.Text), Text(b.String()))
	}
}

// ranger sets the field range to the names of the ranges that contain a number.
func ranger(c *spl.Rangemap) func(Row) {
	return func(row Row) {
		var names []string
		if x, ok := row.Get(c.Field.Text).Float(); ok {
			for _, r := range c.Ranges {
				if x >= r.Low && x <= r.High {
					names = append(names, r.Name)
				}
			}
		}
		if len(names) == 0 {
			names = []string{c.Default}
		}
		row.set("range", Texts(names))
	}
}

// jsonWriter sets a field to a JSON object of other fields.
func jsonWriter(c *spl.ToJSON) func(Row) {
	fields := c.Fields
	if len(fields) == 0 {
		fields = []spl.JSONField{{Name: spl.Name{Text: "*"}}}
	}
	return func(row Row) {
		o := newObject()
		for _, f := range fields {
			names := row.matching(f.Name.Text)
			if c.Internal && f.Name.Text == "*" {
				names = slices.Sorted(maps.Keys(row))
			}
			kind := f.Type
			if kind == "" {
				kind = c.Type
			}
			for _, name := range names {
				if v, ok := jsonAs(row[name], kind); ok && (v != nil || c.Null) {
					o.set(name, v)
				}
			}
		}
		row.set(c.Output, encodeJSON(o))
	}
}

// jsonAs converts a value to a JSON type; false if that is not possible.
func jsonAs(v Value, kind string) (any, bool) {
	if v.kind == several {
		list := []any{}
		for _, x := range v.list {
			if m, ok := jsonAs(x, kind); ok {
				list = append(list, m)
			}
		}
		return list, true
	}
	if v.IsNull() {
		return nil, true
	}
	switch kind {
	case "auto":
		return inferred(v), true
	case "num":
		x, ok := v.Float()
		return inferred(Number(x)), ok
	case "str":
		return v.String(), true
	case "bool":
		switch strings.ToLower(v.String()) {
		case "true", "t", "1", "yes":
			return true, true
		case "false", "f", "0", "no":
			return false, true
		}
		return nil, false
	case "json":
		m := jsonOf(v)
		_, isText := m.(string)
		return m, !isText
	}
	if v.kind == number {
		return jsonOf(v), true
	}
	return v.String(), true
}

// informed adds the time range of the search.
func (r *run) informed() func(Row) {
	w := r.span
	earliest, latest := Number(0), Text("+Infinity")
	if !w.Earliest.IsZero() {
		earliest = Number(Epoch(w.Earliest))
	}
	if !w.Latest.IsZero() {
		latest = Number(Epoch(w.Latest))
	}
	return func(row Row) {
		row.set("info_min_time", earliest)
		row.set("info_max_time", latest)
		row.set("info_search_time", Number(Epoch(w.Now)))
		row.set("info_sid", Text("scheduler_"+formatNumber(Epoch(w.Now))))
	}
}
