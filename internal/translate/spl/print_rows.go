package spl

import (
	"strconv"
	"strings"
)

// String writes lookup with its columns.
func (l *Lookup) String() string {
	output := ""
	if len(l.Outputs) > 0 || l.Keep {
		output = "OUTPUT"
		if l.Keep {
			output = "OUTPUTNEW"
		}
	}
	return line("lookup", l.Table.String(), joined(l.Keys, ", "), output, joined(l.Outputs, ", "))
}

// String writes column AS field.
func (c Column) String() string { return c.Column.String() + " AS " + c.Field.String() }

// String writes inputlookup with its condition.
func (l *InputLookup) String() string {
	where := ""
	if l.Where != nil {
		where = "where " + l.Where.String()
	}
	return line("inputlookup", flag("append", l.Append), number("start", l.Start, 0), number("max", l.Max, 0), l.Table.String(), where)
}

// String writes mvexpand with its field.
func (m *Mvexpand) String() string {
	return line("mvexpand", m.Field.String(), number("limit", m.Limit, 0))
}

// String writes makemv with how the value is split.
func (m *Makemv) String() string {
	how := setting("delim", m.Delim, " ")
	if m.Tokenizer != nil {
		how = "tokenizer=" + quote(m.Tokenizer.Value)
	}
	return line("makemv", how, flag("allowempty", m.AllowEmpty), m.Field.String())
}

// String writes nomv with its field.
func (n *Nomv) String() string { return "nomv " + n.Field.String() }

// String writes mvcombine with its field.
func (m *Mvcombine) String() string {
	return line("mvcombine", setting("delim", m.Delim, " "), m.Field.String())
}

// String writes spath with its options.
func (s *Spath) String() string {
	return line("spath", setting("input", s.Input, "_raw"), setting("path", s.Path, ""), setting("output", s.Output, ""))
}

// String writes fromjson with its field.
func (f *FromJSON) String() string {
	return line("fromjson", f.Field.String(), setting("prefix", f.Prefix, ""))
}

// String writes xmlkv with its field.
func (x *Xmlkv) String() string { return "xmlkv " + printName(x.Field) }

// String writes extract with its delimiters.
func (e *Extract) String() string {
	if e.Auto {
		return "extract"
	}
	return "extract pairdelim=" + quote(e.PairDelim) + " kvdelim=" + quote(e.KVDelim)
}

// String writes replace with its pairs.
func (r *Replace) String() string {
	in := ""
	if len(r.In) > 0 {
		in = "in " + printNames(r.In)
	}
	return line("replace", joined(r.Pairs, ", "), in)
}

// String writes from WITH to.
func (r Replacement) String() string { return quote(r.From.Text) + " WITH " + quote(r.To.Text) }

// String writes join with its search.
func (j *Join) String() string {
	kind := ""
	if j.Outer {
		kind = "type=outer"
	}
	var pairs []string
	for _, pair := range j.On {
		pairs = append(pairs, printName(j.Left+"."+pair.From.Text)+"="+printName(j.Right+"."+pair.To.Text))
	}
	on := ""
	if len(pairs) > 0 {
		on = "where " + strings.Join(pairs, " AND ")
	}
	return line("join", kind, number("max", j.Max, 1), off("overwrite", !j.Overwrite), flag("usetime", j.UseTime), off("earlier", j.Later),
		setting("left", j.Left, ""), setting("right", j.Right, ""), printNames(j.Names), on, "["+j.Sub.inner()+"]")
}

// String writes append or appendpipe with what is in brackets.
func (a *Append) String() string {
	if a.Pipe {
		return "appendpipe [" + joinStages(a.Sub) + "]"
	}
	return "append [" + a.Sub.inner() + "]"
}

func joinStages(s *Search) string { return joined(s.Stages, " | ") }

// String writes transaction with its bounds.
func (t *Transaction) String() string {
	length := func(name string, v float64) string {
		if v < 0 {
			return ""
		}
		return name + "=" + strconv.FormatFloat(v, 'f', -1, 64) + "s"
	}
	border := func(name string, x Expr, eval Node) string {
		switch {
		case x != nil:
			return name + "=(" + x.String() + ")"
		case eval != nil:
			return name + "=eval(" + eval.String() + ")"
		}
		return ""
	}
	lists := flag("mvlist", t.Lists)
	if len(t.Listed) > 0 {
		lists = setting("mvlist", strings.Join(t.Listed, ","), "")
	}
	return line("transaction", printNames(t.Names), lists, setting("nullstr", t.Missing, usualNull), length("maxspan", t.MaxSpan), length("maxpause", t.MaxPause),
		number("maxevents", t.MaxEvents, 1000), off("connected", t.Unconnected), flag("keepevicted", t.KeepEvicted),
		border("startswith", t.StartsWith, t.StartEval), border("endswith", t.EndsWith, t.EndEval))
}

// String writes iplocation with its field.
func (l *IPLocation) String() string {
	return line("iplocation", setting("prefix", l.Prefix, ""), flag("allfields", l.AllFields), l.Field.String())
}

// String writes head or tail with its number.
func (h *Head) String() string {
	if h.While == nil {
		return h.Command() + " " + strconv.Itoa(h.N)
	}
	return line("head", number("limit", h.N, -1), flag("null", h.Null), flag("keeplast", h.Last), "("+h.While.String()+")")
}

// String writes top or rare with its fields.
func (t *Top) String() string {
	return line(t.Command(), number("limit", t.Limit, 10), off("showcount", t.NoCount), off("showperc", t.NoShare),
		setting("countfield", t.CountAs, "count"), setting("percentfield", t.ShareAs, "percent"), flag("useother", t.Other != ""), setting("otherstr", t.Other, ""),
		printNames(t.Names), by(t.By))
}

// String writes addtotals with its fields.
func (a *AddTotals) String() string {
	return line("addtotals", off("row", a.NoRow), flag("col", a.Column), setting("label", a.Label, usualTotal),
		setting("labelfield", a.LabelField, ""), setting("fieldname", a.As, usualTotal), printNames(a.Names))
}

// String writes makeresults with its count.
func (m *Makeresults) String() string {
	form := ""
	if m.Form != "" {
		form = "format=" + m.Form
	}
	return line("makeresults", number("count", m.N, 1), form, setting("data", m.Data, ""))
}

// String writes reverse.
func (*Reverse) String() string { return "reverse" }

// String writes format with its texts.
func (f *Format) String() string {
	texts := ""
	if f.Texts != FormatTexts {
		for _, t := range f.Texts {
			texts = line(texts, quote(t))
		}
	}
	return line("format", setting("mvsep", f.Between, FormatTexts[4]), number("maxresults", f.Max, 0), setting("emptystr", f.Empty, FormatEmpty), texts)
}

// String writes return with its fields.
func (r *Return) String() string {
	parts := []string{"return", strconv.Itoa(r.N)}
	for i, p := range r.Pairs {
		switch {
		case r.Bare[i]:
			parts = append(parts, "$"+p.To.String())
		case p.From.Text == p.To.Text:
			parts = append(parts, p.To.String())
		default:
			parts = append(parts, p.To.String()+"="+p.From.String())
		}
	}
	return strings.Join(parts, " ")
}

// String writes map with its search.
func (m *Map) String() string {
	return line("map", number("maxsearches", m.Max, 10), "search="+quote(m.Template.Value))
}
