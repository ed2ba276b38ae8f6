package sigma

import (
	"slices"

	"tocsin/internal/diag"
	"tocsin/internal/translate/sigma"
)

// link finds the rules that correlations are about, over all files. A correlation that cannot run has an error: so have those
// that are about it.
func (l *Library) link(o Options) {
	for _, c := range l.Correlations {
		c.find(l)
		c.linkAliases()
		if c.condition != nil {
			c.linkCondition()
		}
		if o.LongestSpan > 0 && c.Span > o.LongestSpan {
			c.fail(c.spanAt.Report(c.Text, diag.Error, CodeValue, "the timespan is longer than the longest, %s: the events of so much time would be kept (--correlation-max)", o.LongestSpan))
		}
	}
	l.cycles()
	l.Refuse()
}

// Refuse gives correlations an error that are about rules with errors: again when more rules have got one.
func (l *Library) Refuse() {
	for changed := true; changed; {
		changed = false
		for _, c := range l.Correlations {
			changed = c.cannotRun() || changed
		}
	}
}

func (c *Correlation) fail(d diag.Diagnostic) { c.Diags = append(c.Diags, d) }

// find finds the rules by id or name.
func (c *Correlation) find(l *Library) {
	named := func(h *Head, name string) bool { return h.ID == name || h.Name == name }
	for i := range c.Rules {
		ref := &c.Rules[i]
		found := 0
		for _, r := range l.Rules {
			if named(&r.Head, ref.Name) {
				ref.Rule, found = r, found+1
			}
		}
		for _, other := range l.Correlations {
			if named(&other.Head, ref.Name) {
				ref.Correlation, found = other, found+1
			}
		}
		switch {
		case found == 0:
			c.fail(ref.node.Report(c.Text, diag.Error, CodeUnknownName, "no rule has the id or name %s%s", ref.Name, near(ref.Name, l.names())))
		case found > 1:
			c.fail(ref.node.Report(c.Text, diag.Error, CodeUnknownName, "%d rules have the id or name %s", found, ref.Name))
			ref.Rule, ref.Correlation = nil, nil
		}
	}
}

// names are the ids and names of all rules.
func (l *Library) names() []string {
	var out []string
	add := func(h *Head) {
		for _, n := range []string{h.ID, h.Name} {
			if n != "" {
				out = append(out, n)
			}
		}
	}
	for _, r := range l.Rules {
		add(&r.Head)
	}
	for _, c := range l.Correlations {
		add(&c.Head)
	}
	return out
}

// Head returns what the rule says of itself; nil if it is not known.
func (r *Reference) Head() *Head {
	switch {
	case r.Rule != nil:
		return &r.Rule.Head
	case r.Correlation != nil:
		return &r.Correlation.Head
	}
	return nil
}

// all are the names by which the correlation may call the rule, the one that it uses first.
func (r *Reference) all() []string {
	out := []string{r.Name}
	if h := r.Head(); h != nil {
		out = append(out, h.Name, h.ID)
	}
	return slices.DeleteFunc(unique(out), func(n string) bool { return n == "" })
}

// linkAliases reports aliases of rules that the correlation is not about.
func (c *Correlation) linkAliases() {
	for _, a := range c.aliases {
		for _, f := range a.fields {
			if !slices.ContainsFunc(c.Rules, func(r Reference) bool { return slices.Contains(r.all(), f.rule) }) {
				c.fail(f.node.Report(c.Text, diag.Error, CodeUnknownName, "the alias %s is of the rule %s, which the correlation is not about", a.name, f.rule))
			}
		}
	}
}

// linkCondition reads the expression of a temporal type.
func (c *Correlation) linkCondition() {
	names := make([][]string, len(c.Rules))
	for i := range c.Rules {
		names[i] = c.Rules[i].all()
	}
	var diags diag.List
	c.Expr, diags = sigma.ParseExpression(c.Text, c.condition, names)
	c.Diags = append(c.Diags, diags...)
}

// FieldOf is the name that a rule has for a field of the group or a field that is counted: that of an alias, or the same.
func (c *Correlation) FieldOf(r *Reference, name string) string {
	for _, a := range c.aliases {
		for _, f := range a.fields {
			if a.name == name && slices.Contains(r.all(), f.rule) {
				return f.field
			}
		}
	}
	return name
}

// cycles reports correlations that are about themselves.
func (l *Library) cycles() {
	for _, c := range l.Correlations {
		for i := range c.Rules {
			ref := &c.Rules[i]
			if ref.Correlation != nil && ref.Correlation.reaches(c, map[*Correlation]bool{}) {
				c.fail(ref.node.Report(c.Text, diag.Error, CodeUnknownName, "the correlation is about itself, by way of %s", ref.Name))
			}
		}
	}
}

// Leaves visits the rules at the bottom of a correlation, each once.
func (c *Correlation) Leaves(visit func(*Rule)) {
	rules, correlations := map[*Rule]bool{}, map[*Correlation]bool{}
	var walk func(*Correlation)
	walk = func(c *Correlation) {
		if correlations[c] {
			return
		}
		correlations[c] = true
		for _, ref := range c.Rules {
			switch {
			case ref.Correlation != nil:
				walk(ref.Correlation)
			case ref.Rule != nil && !rules[ref.Rule]:
				rules[ref.Rule] = true
				visit(ref.Rule)
			}
		}
	}
	walk(c)
}

// reaches reports whether a correlation is about another, or is it.
func (c *Correlation) reaches(other *Correlation, seen map[*Correlation]bool) bool {
	if c == other {
		return true
	}
	if seen[c] {
		return false
	}
	seen[c] = true
	return slices.ContainsFunc(c.Rules, func(r Reference) bool { return r.Correlation != nil && r.Correlation.reaches(other, seen) })
}

// cannotRun reports rules with errors that the correlation is about; true if that is news.
func (c *Correlation) cannotRun() bool {
	if c.Diags.HasErrors() {
		return false
	}
	for _, ref := range c.Rules {
		if ref.Rule != nil && ref.Rule.Diags.HasErrors() || ref.Correlation != nil && ref.Correlation.Diags.HasErrors() {
			c.fail(ref.node.Report(c.Text, diag.Error, CodeUnknownName, "the rule %s cannot run, so neither can what is about it", ref.Name))
		}
	}
	return c.Diags.HasErrors()
}
