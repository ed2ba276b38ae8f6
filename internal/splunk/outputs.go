package splunk

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// Outputs is the set of fields that the results of a search can have.
type Outputs struct {
	names map[string]bool
	// open reports that there can be other fields: of events, or extracted by commands.
	open bool
}

// May reports whether a row can have a field.
func (o Outputs) May(name string) bool {
	return o.open || o.names[name] || o.names[strings.ReplaceAll(name, "{}", "")]
}

// OutputsOf computes the fields of a search's results from its commands alone. A field outside of the set is in no
// row; a field of the set may be missing.
func OutputsOf(s *spl.Search) Outputs {
	var o Outputs
	for i, stage := range s.Stages {
		if i == 0 {
			o = generated(stage)
			continue
		}
		o = o.after(stage)
	}
	if o.names == nil {
		o.names = map[string]bool{}
	}
	return o
}

var openFields = Outputs{open: true, names: map[string]bool{}}

func only(names ...string) Outputs {
	o := Outputs{names: map[string]bool{}}
	o.add(names...)
	return o
}

func (o Outputs) add(names ...string) {
	for _, n := range names {
		o.names[n] = true
	}
}

func (o Outputs) clone() Outputs { return Outputs{maps.Clone(o.names), o.open} }

func generated(stage spl.Stage) Outputs {
	switch stage := stage.(type) {
	case *spl.Tstats:
		o := only()
		for _, b := range stage.By {
			o.add(b.Text)
		}
		return o.aggregated(stage.Aggs, openFields)
	case *spl.Makeresults:
		return openFields
	case *spl.Union:
		return unionOf(stage.Subs...)
	}
	return openFields
}

func unionOf(list ...*spl.Search) Outputs {
	out := only()
	for _, s := range list {
		o := OutputsOf(s)
		out.open = out.open || o.open
		maps.Copy(out.names, o.names)
	}
	return out
}

// aggregated adds the results of functions. A function of a field pattern has one result for each matching field.
func (o Outputs) aggregated(list []spl.Agg, before Outputs) Outputs {
	for _, a := range list {
		if !strings.Contains(a.As, "*") {
			o.add(a.As)
			continue
		}
		o.open = o.open || before.open
		if a.Field != nil {
			for name := range before.names {
				if stars, ok := captures(a.Field.Text, name); ok {
					o.add(fill(a.As, stars))
				}
			}
		}
	}
	return o
}

// after returns the fields after a command.
func (o Outputs) after(stage spl.Stage) Outputs {
	out := o.clone()
	switch stage := stage.(type) {
	case *spl.Find, *spl.Where, *spl.Regex, *spl.Dedup, *spl.Sort, *spl.Head, *spl.Reverse, *spl.Mvexpand, *spl.Makemv, *spl.Nomv, *spl.Mvcombine,
		*spl.Replace, *spl.Uniq, *spl.Filldown, *spl.Fieldformat, *spl.Noop, *spl.Makecontinuous, *spl.Outlier, *spl.OutputLookup:
	case *spl.Eval:
		for _, set := range stage.Sets {
			if strings.Contains(set.Field.Text, "{") {
				out.open = true
			}
			out.add(set.Field.Text)
		}
	case *spl.Aggregate:
		if stage.Kind != spl.Stats {
			return out.aggregated(stage.Aggs, o)
		}
		out = only()
		for _, b := range stage.By {
			if o.May(b.Text) {
				out.add(b.Text)
			}
		}
		return out.aggregated(stage.Aggs, o)
	case *spl.Rename:
		for _, p := range stage.Pairs {
			out = out.renamed(p.From.Text, p.To.Text)
		}
	case *spl.Table:
		return o.kept(stage.Names, false)
	case *spl.Fields:
		if !stage.Remove {
			return o.kept(stage.Names, true)
		}
		for _, n := range stage.Names {
			maps.DeleteFunc(out.names, func(name string, _ bool) bool {
				_, matches := captures(n.Text, name)
				return matches
			})
		}
	case *spl.Fillnull:
		for _, n := range stage.Names {
			out.add(n.Text)
		}
	case *spl.Rex:
		for _, m := range namedGroup.FindAllStringSubmatch(stage.Pattern.Value, -1) {
			out.add(m[1])
		}
		if stage.Offset != "" {
			out.add(stage.Offset)
		}
	case *spl.Bin:
		out.add(stage.Field.Text)
		if stage.As != "" {
			out.add(stage.As)
		}
	case *spl.Convert:
		for _, c := range stage.Sets {
			if c.As != "" {
				out.add(c.As)
			}
		}
	case *spl.Lookup:
		out.open = out.open || len(stage.Outputs) == 0
		for _, c := range stage.Outputs {
			out.add(c.Field.Text)
		}
	case *spl.Spath:
		out.open = out.open || stage.Path == ""
		out.add(stage.Path)
		if stage.Output != "" {
			out.add(stage.Output)
		}
	case *spl.Join, *spl.Append, *spl.AppendCols, *spl.Union:
		return out.joined(spl.Subs(stage), stage)
	default:
		return out.afterRare(stage)
	}
	return out
}

// namedGroup matches a named group of a pattern, which becomes a field.
var namedGroup = regexp.MustCompile(`\(\?P?['<]([A-Za-z_][A-Za-z0-9_]*)['>]`)

// afterRare handles commands that add named fields, or any field.
func (o Outputs) afterRare(stage spl.Stage) Outputs {
	switch stage := stage.(type) {
	case *spl.Transaction:
		o.add("_time", "_raw", "duration", "eventcount", "closed_txn", "field_match_sum", "linecount")
	case *spl.IPLocation:
		for name := range usualPlaces {
			o.add(stage.Prefix + name)
		}
		for _, name := range []string{"Continent", "MetroCode", "Timezone"} {
			if stage.AllFields {
				o.add(stage.Prefix + name)
			}
		}
	case *spl.Top:
		out := only(stage.CountAs, stage.ShareAs)
		for _, n := range slices.Concat(stage.Names, stage.By) {
			out.add(n.Text)
		}
		return out
	case *spl.AddTotals:
		o.add(stage.As, "Total")
	case *spl.AddInfo:
		o.add("info_min_time", "info_max_time", "info_sid", "info_search_time")
	case *spl.Strcat:
		o.add(stage.To.Text)
	case *spl.Rangemap:
		o.add("range")
	case *spl.Accum:
		o.add(stage.As)
	case *spl.Delta:
		o.add(stage.As)
	case *spl.Trendline:
		for _, t := range stage.Trends {
			o.add(t.As)
		}
	default:
		o.open = true
	}
	return o
}

// joined adds the fields of nested searches.
func (o Outputs) joined(subs []*spl.Search, stage spl.Stage) Outputs {
	if a, isAppend := stage.(*spl.Append); isAppend && a.Pipe {
		out := o
		for _, s := range a.Sub.Stages {
			out = out.after(s)
		}
		out = out.clone()
		out.open = out.open || o.open
		maps.Copy(out.names, o.names)
		return out
	}
	for _, s := range subs {
		more := OutputsOf(s)
		o.open = o.open || more.open
		maps.Copy(o.names, more.names)
	}
	return o
}

// renamed renames fields. An unknown old field may have existed.
func (o Outputs) renamed(from, to string) Outputs {
	if !strings.Contains(from, "*") {
		if o.May(from) {
			delete(o.names, from)
			delete(o.names, strings.ReplaceAll(from, "{}", ""))
			o.add(to)
		} else {
			delete(o.names, to)
		}
		return o
	}
	var gone, come []string
	for name := range o.names {
		if stars, ok := captures(from, name); ok {
			gone, come = append(gone, name), append(come, fill(to, stars))
		}
	}
	for _, name := range gone {
		delete(o.names, name)
	}
	o.add(come...)
	return o
}

// kept returns the fields that table and fields keep.
func (o Outputs) kept(names []spl.Name, internal bool) Outputs {
	out := only()
	for _, n := range names {
		if !strings.Contains(n.Text, "*") {
			if o.May(n.Text) {
				out.add(n.Text)
			}
			continue
		}
		out.open = out.open || o.open
		for name := range o.names {
			if _, ok := captures(n.Text, name); ok {
				out.add(name)
			}
		}
	}
	for name := range o.names {
		if internal && strings.HasPrefix(name, "_") {
			out.add(name)
		}
	}
	if internal && o.open {
		out.add("_time", "_raw")
	}
	return out
}
