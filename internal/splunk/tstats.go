package splunk

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// datasets has the root datasets of the common data models; field names are prefixed with them.
var datasets = map[string][]string{
	"Endpoint":            {"Processes", "Registry", "Filesystem", "Services", "Ports"},
	"Network_Traffic":     {"All_Traffic"},
	"Network_Resolution":  {"DNS"},
	"Web":                 {"Web"},
	"Authentication":      {"Authentication"},
	"Change":              {"All_Changes"},
	"Risk":                {"All_Risk"},
	"Alerts":              {"Alerts"},
	"Email":               {"All_Email"},
	"Malware":             {"Malware_Attacks"},
	"Intrusion_Detection": {"IDS_Attacks"},
	"Certificates":        {"All_Certificates"},
	"Updates":             {"Updates"},
	"Vulnerabilities":     {"Vulnerabilities"},
}

// unknown lists, by root dataset, the fields that the data models set to a text when events have no value.
var unknown = map[string][]string{
	"Processes":      {"dest", "user", "process", "process_name", "parent_process", "parent_process_name", "original_file_name"},
	"Registry":       {"action", "dest", "registry_path", "registry_key_name", "registry_value_data", "registry_value_name", "registry_value_type", "user"},
	"Filesystem":     {"action", "dest", "file_hash", "file_name", "file_path", "user"},
	"Web":            {"action", "dest", "http_method", "http_user_agent", "src", "status", "url", "user"},
	"All_Traffic":    {"action", "dest", "src", "transport", "user"},
	"Authentication": {"action", "app", "dest", "src", "user", "signature"},
	"All_Changes":    {"action", "dest", "object", "object_category", "src", "user", "result", "command"},
	"DNS":            {"dest", "query", "src", "record_type", "answer"},
	"All_Risk":       {"risk_object", "risk_object_type"},
}

// zero lists the fields that are set to 0 instead.
var zero = map[string][]string{"All_Traffic": {"dest_port", "src_port"}, "All_Risk": {"risk_score", "calculated_risk_score"}}

// Completed returns the value that a data model gives to a missing field of a dataset.
func Completed(model, dataset, field string) (Value, bool) {
	r := root(model, dataset)
	switch {
	case slices.Contains(unknown[r], field):
		return Text("unknown"), true
	case slices.Contains(zero[r], field):
		return Number(0), true
	}
	return Null, false
}

// undataset returns a function that removes the dataset from the field names of a model.
func undataset(model, dataset string) namer {
	roots := append([]string{}, datasets[model]...)
	if dataset != "" {
		roots = append(roots, strings.Split(dataset, ".")...)
	}
	return func(name string) string {
		for again := true; again; {
			again = false
			for _, root := range roots {
				if rest, ok := strings.CutPrefix(name, root+"."); ok {
					name, again = rest, true
				}
			}
		}
		return name
	}
}

// rename returns a condition with other field names.
func renameExpr(x spl.Expr, name namer) spl.Expr {
	all := func(xs []spl.Expr) []spl.Expr {
		out := make([]spl.Expr, len(xs))
		for i, x := range xs {
			out[i] = renameExpr(x, name)
		}
		return out
	}
	switch x := x.(type) {
	case *spl.And:
		return &spl.And{Xs: all(x.Xs)}
	case *spl.Or:
		return &spl.Or{Xs: all(x.Xs)}
	case *spl.Not:
		return &spl.Not{X: renameExpr(x.X, name), Span: x.Span}
	case *spl.Compare:
		c := *x
		c.Field.Text = name(c.Field.Text)
		return &c
	case *spl.In:
		c := *x
		c.Field.Text = name(c.Field.Text)
		return &c
	}
	return x
}

// root returns the root dataset of a model's fields.
func root(model, dataset string) string {
	first, _, _ := strings.Cut(dataset, ".")
	for _, r := range datasets[model] {
		if r == first {
			return r
		}
	}
	if roots := datasets[model]; len(roots) == 1 {
		return roots[0]
	}
	return first
}

// complete sets the fields that a model always has.
func complete(row Row, dataset string) {
	for _, name := range unknown[dataset] {
		fillOne(row, name, Text("unknown"))
	}
	for _, name := range zero[dataset] {
		fillOne(row, name, Number(0))
	}
}

// tstats aggregates the events of a data model. There are no summaries.
func (r *run) tstats(c *spl.Tstats, out stage) error {
	name := undataset(c.Model, c.Dataset)
	where, err := r.resolve(c.Where)
	if err != nil {
		return err
	}
	t, err := within(where, r.window)
	if err != nil {
		return fmt.Errorf("run %s: %w", c.Command(), err)
	}
	p := compileExpr(t.exact, name)
	if t.where != nil {
		t.where = renameExpr(t.where, name)
	}
	g := newGrouping(r.account(c.Command()), c.Aggs, c.By, name)
	if c.Fill != nil {
		g.fill = func(string) (Value, bool) { return Text(*c.Fill), true }
	}
	dataset := root(c.Model, c.Dataset)
	scan := Scan{Where: t.where, Model: c.Model, Dataset: c.Dataset, Window: t.window}
	err = r.source.Events(r.ctx, scan, func(row Row) error {
		if err := r.alive(); err != nil {
			return err
		}
		complete(row, dataset)
		if !p(row) {
			return nil
		}
		if c.Span != nil {
			row.set("_time", r.floor(row["_time"], *c.Span, true))
		}
		if c.Prestats {
			if row = counts(c, g, row); row == nil {
				return nil
			}
			return out.row(row)
		}
		in, err := g.of(row)
		if err != nil {
			return err
		}
		for _, one := range in {
			if err := g.add(one, row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || c.Prestats {
		return err
	}
	defer g.account.close()
	return g.emit(out)
}

// counts returns the fields of an event that tstats names, for a command that counts after tstats; nil if tstats
// excludes the event.
func counts(c *spl.Tstats, g *grouping, row Row) Row {
	out := Row{}
	for _, n := range c.By {
		v := row.Get(g.name(n.Text))
		if v.IsNull() && g.fill != nil {
			v, _ = g.fill(n.Text)
		}
		if v.IsNull() {
			return nil
		}
		out.set(n.Text, v)
	}
	for _, a := range c.Aggs {
		if a.Field != nil {
			out.set(a.Field.Text, row.Get(g.name(a.Field.Text)))
		}
	}
	if v := row["_time"]; !v.IsNull() {
		out["_time"] = v
	}
	return out
}

// datamodel passes on the events of a dataset, with the model's field names.
func (r *run) datamodel(c *spl.Datamodel, out stage) error {
	dataset := root(c.Model, c.Dataset)
	scan := Scan{Model: c.Model, Dataset: c.Dataset, Window: r.window}
	return r.source.Events(r.ctx, scan, func(row Row) error {
		if err := r.alive(); err != nil {
			return err
		}
		if complete(row, dataset); c.Prefixed {
			row = aliased(row, dataset)
		}
		return out.row(row)
	})
}
