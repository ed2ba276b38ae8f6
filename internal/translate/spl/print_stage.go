package spl

import (
	"strconv"
	"strings"
)

// line joins the parts of a command that are not empty.
func line(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, " ")
}

func printNames(names []Name) string { return joined(names, ", ") }

func joined[T interface{ String() string }](list []T, sep string) string {
	parts := make([]string, len(list))
	for i, x := range list {
		parts[i] = x.String()
	}
	return strings.Join(parts, sep)
}

// flag writes an option if it differs from its default.
func flag(name string, on bool) string {
	if on {
		return name + "=true"
	}
	return ""
}

func off(name string, on bool) string {
	if on {
		return name + "=false"
	}
	return ""
}

func number(name string, n, usual int) string {
	if n == usual {
		return ""
	}
	return name + "=" + strconv.Itoa(n)
}

func setting(name, value, usual string) string {
	if value == usual {
		return ""
	}
	return name + "=" + quote(value)
}

func by(names []Name) string {
	if len(names) == 0 {
		return ""
	}
	return "by " + printNames(names)
}

// String writes search and its condition.
func (f *Find) String() string {
	if f.X == nil {
		return "search"
	}
	return "search " + f.X.String()
}

// String writes where and its expression.
func (w *Where) String() string { return "where " + w.X.String() }

// String writes eval and its assignments.
func (e *Eval) String() string { return "eval " + joined(e.Sets, ", ") }

// String writes field = expression.
func (s Set) String() string {
	name := s.Field.String()
	if s.Computed {
		name = s.Field.Text
	}
	return name + " = " + s.X.String()
}

func (a Agg) call() string {
	text := a.Func
	switch {
	case a.Inner != nil:
		text += "(" + a.Inner.call()
		if a.Step != nil {
			text += ", " + a.Step.String()
		}
		text += ")"
	case a.Field != nil:
		text += "(" + a.Field.String() + ")"
	case a.X != nil:
		text += "(eval(" + a.X.String() + "))"
	}
	return text
}

// String writes the aggregation with the name of its result.
func (a Agg) String() string { return a.call() + " as " + printAs(a.As) }

// printAs writes a result name, in which stars have no meaning.
func printAs(s string) string { return printName(s) }

// String writes the command with its functions.
func (a *Aggregate) String() string {
	options := ""
	if a.Kind == Streamstats {
		options = line(number("window", a.Window, 0), off("current", a.NoCurrent), off("global", !a.Global), timeWindow(a.Within),
			flag("reset_on_change", a.OnChange), reset("reset_before", a.ResetBefore), reset("reset_after", a.ResetAfter))
	}
	return line(a.Command(), options, joined(a.Aggs, ", "), by(a.By))
}

func timeWindow(s *TimeSpan) string {
	if s == nil {
		return ""
	}
	return "time_window=" + s.String()
}

func reset(name string, x Node) string {
	if x == nil {
		return ""
	}
	return name + "=(" + x.String() + ")"
}

// String writes the command with its parts.
func (t *Tstats) String() string {
	parts := []string{t.Command(), flag("summariesonly", t.SummariesOnly), flag("prestats", t.Prestats), flag("append", t.Append)}
	if t.Fill != nil {
		parts = append(parts, "fillnull_value="+quote(*t.Fill))
	}
	parts = append(parts, joined(t.Aggs, ", "))
	if t.Model != "" {
		name := t.Model
		if t.Dataset != "" {
			name += "." + t.Dataset
		}
		parts = append(parts, "from datamodel="+quote(name))
	}
	if t.Where != nil {
		parts = append(parts, "where", t.Where.String())
	}
	if len(t.By) > 0 {
		parts = append(parts, by(t.By))
		if t.Span != nil {
			parts = append(parts, "span="+t.Span.String())
		}
	}
	return line(parts...)
}

// String writes rename with its pairs.
func (r *Rename) String() string { return "rename " + joined(r.Pairs, ", ") }

// String writes from AS to.
func (p Pair) String() string { return p.From.String() + " AS " + p.To.String() }

// String writes table with its fields.
func (t *Table) String() string { return "table " + printNames(t.Names) }

// String writes fields with what is kept or removed.
func (f *Fields) String() string {
	if f.Remove {
		return "fields - " + printNames(f.Names)
	}
	return "fields " + printNames(f.Names)
}

// String writes fillnull with its value.
func (f *Fillnull) String() string {
	return line("fillnull", setting("value", f.Value, "0"), printNames(f.Names))
}

// String writes dedup with its fields.
func (d *Dedup) String() string {
	n, order := "", ""
	if d.N != 1 {
		n = strconv.Itoa(d.N)
	}
	if len(d.SortBy) > 0 {
		order = "sortby " + joined(d.SortBy, ", ")
	}
	return line("dedup", n, printNames(d.Names), flag("keepevents", d.KeepEvents), flag("keepempty", d.KeepEmpty),
		flag("consecutive", d.Consecutive), order)
}

// String writes sort with its limit and fields.
func (s *Sort) String() string {
	return line("sort", strconv.Itoa(s.Limit), joined(s.Keys, ", "))
}

// String writes the field with its sign.
func (k SortKey) String() string {
	text := k.Name.String()
	if k.As != "" {
		text = typed(k.As, k.Name.Text)
	}
	switch {
	case k.Descending:
		return "-" + text
	case text == "d" || text == "desc":
		return quote(text) // After the fields it is a word.
	}
	return text
}

// String writes rex with its pattern.
func (r *Rex) String() string {
	mode := ""
	if r.Sed {
		mode = "mode=sed"
	}
	return line("rex", "field="+quote(r.Field), mode, number("max_match", r.MaxMatch, 1), setting("offset_field", r.Offset, ""), quote(r.Pattern.Value))
}

// String writes regex with its pattern.
func (r *Regex) String() string {
	op := "="
	if r.Negate {
		op = "!="
	}
	return "regex " + printName(r.Field) + op + quote(r.Pattern.Value)
}

// String writes bin with its steps.
func (b *Bin) String() string {
	parts := []string{"bin", b.Field.String()}
	if b.Span != nil {
		parts = append(parts, "span="+b.Span.String())
	}
	parts = append(parts, number("bins", b.Bins, 100), setting("aligntime", b.Align, ""))
	if b.Least != nil {
		parts = append(parts, "minspan="+b.Least.String())
	}
	for _, bound := range []struct {
		name string
		at   *float64
	}{{"start", b.Start}, {"end", b.End}} {
		if bound.at != nil {
			parts = append(parts, bound.name+"="+strconv.FormatFloat(*bound.at, 'f', -1, 64))
		}
	}
	if b.As != "" {
		parts = append(parts, "as "+printName(b.As))
	}
	return line(parts...)
}

// String writes convert with its functions.
func (c *Convert) String() string {
	return line("convert", setting("timeformat", c.TimeFormat, ConvertFormat), joined(c.Sets, " "))
}

// String writes function(field).
func (c Conversion) String() string {
	text := c.Func + "(" + c.Field.String() + ")"
	if c.As != "" {
		text += " as " + printName(c.As)
	}
	return text
}
