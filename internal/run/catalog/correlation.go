package catalog

import (
	"cmp"
	"slices"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/match/correlation"
	"tocsin/internal/query"
	"tocsin/internal/query/correlating"
	"tocsin/internal/rule"
	"tocsin/internal/sigma"
)

// addCorrelations adds the correlations of Sigma, which are about rules that were added.
func (c *Catalog) addCorrelations(l *sigma.Library, grades map[string]sigma.Grade) diag.List {
	for _, r := range c.Broken() {
		if s, is := c.sigma[r]; is && !s.rule.Diags.HasErrors() {
			s.rule.Diags = append(s.rule.Diags, r.Report(diag.Error, query.CodeUnsupported, "rule.rule_id", "the rule cannot run"))
		}
	}
	l.Refuse()
	c.correlations = make(map[*rule.Rule]*sigma.Correlation, len(l.Correlations))
	c.room = new(correlating.Room)
	var diags diag.List
	for _, s := range l.Correlations {
		r := s.Rule(c.patternsOf(s), grades)
		r.IndexSupposed = true // what is amiss with patterns, each rule says
		c.options.Sigma.enable(r, s.Status, s.EffectiveLevel())
		c.correlations[r] = s
		diags = append(diags, c.Add(r, s.Diags)...)
	}
	return diags
}

// patternsOf returns the index patterns of all rules that a correlation is about.
func (c *Catalog) patternsOf(s *sigma.Correlation) []string {
	var out []string
	s.Leaves(func(of *sigma.Rule) {
		for _, p := range c.bySigma[of].Index {
			if !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	})
	return out
}

// correlate plans a correlation. The plan is nil if a diagnostic is an error.
func (c *Catalog) correlate(r *rule.Rule, s *sigma.Correlation) (query.Plan, diag.List) {
	plans, diags := c.planLeaves(r, s)
	if diags.HasErrors() {
		return nil, diags
	}
	in, more := c.input(s, plans)
	return correlating.New(r, *in, c.room), append(diags, more...)
}

// planLeaves plans the rules at the bottom of a correlation.
func (c *Catalog) planLeaves(r *rule.Rule, s *sigma.Correlation) (map[*sigma.Rule]query.Plan, diag.List) {
	fields := map[*sigma.Rule][]string{}
	c.columns(s, fields)
	out := map[*sigma.Rule]query.Plan{}
	var diags diag.List
	s.Leaves(func(of *sigma.Rule) {
		known := c.bySigma[of]
		leaf := *known
		leaf.Correlated = fields[of]
		plan, more := c.sigma[known].plan(&leaf)
		if plan == nil {
			if !more.HasErrors() {
				more = diag.List{r.Report(diag.Error, query.CodeUnsupported, "rule.query", "the rule %s cannot run", of.Title)}
			}
			diags = append(diags, more...)
			return
		}
		out[of] = plan
	})
	return out, diags
}

// columns notes the fields of each rule by which a correlation groups and counts.
func (c *Catalog) columns(s *sigma.Correlation, fields map[*sigma.Rule][]string) {
	for i := range s.Rules {
		ref := &s.Rules[i]
		if ref.Correlation != nil {
			c.columns(ref.Correlation, fields)
			continue
		}
		for _, name := range slices.Concat(s.GroupBy, s.Fields) {
			for _, f := range c.column(s, ref, name).Fields {
				if !fieldmap.IsPattern(f) && !slices.Contains(fields[ref.Rule], f) {
					fields[ref.Rule] = append(fields[ref.Rule], f)
				}
			}
		}
	}
}

// column is where events of a rule have a field of the group, or one that is counted.
func (c *Catalog) column(s *sigma.Correlation, ref *sigma.Reference, name string) correlating.Column {
	name = s.FieldOf(ref, name)
	if ref.Correlation != nil {
		return correlating.Of(name)
	}
	places := fieldmap.Anywhere(c.sigma[c.bySigma[ref.Rule]].events, name)
	out := correlating.Column{Name: name, Texts: func(values func(string) []string) []string {
		for _, p := range places {
			if texts := p.Texts(values); len(texts) > 0 {
				return texts
			}
		}
		return nil
	}}
	for _, p := range places {
		out.Fields = append(out.Fields, p.Fields()...)
	}
	return out
}

// input is the tree of a correlation. A field that an inner correlation does not group by is warned of.
func (c *Catalog) input(s *sigma.Correlation, plans map[*sigma.Rule]query.Plan) (*correlating.Input, diag.List) {
	in := &correlating.Input{
		Name: cmp.Or(s.Name, s.Title), GroupBy: s.GroupBy,
		Spec: correlation.Spec{Type: s.Type, Span: s.Span, Rules: len(s.Rules), Compare: s.Compare, Percentile: s.Percentile},
	}
	if s.Expr != nil {
		in.Spec.Expr = s.Expr.Holds
	}
	var diags diag.List
	for i := range s.Rules {
		ref := &s.Rules[i]
		m := correlating.Member{Name: ref.Name, Plan: plans[ref.Rule]}
		if ref.Correlation != nil {
			m.Inner, diags = c.nested(s, ref, plans, diags)
		}
		for _, name := range s.GroupBy {
			m.Group = append(m.Group, c.column(s, ref, name))
		}
		for _, name := range s.Fields {
			m.Counted = append(m.Counted, c.column(s, ref, name))
		}
		in.Members = append(in.Members, m)
	}
	return in, diags
}

func (c *Catalog) nested(s *sigma.Correlation, ref *sigma.Reference, plans map[*sigma.Rule]query.Plan, diags diag.List) (*correlating.Input, diag.List) {
	for _, name := range slices.Concat(s.GroupBy, s.Fields) {
		if own := s.FieldOf(ref, name); !slices.Contains(ref.Correlation.GroupBy, own) {
			diags = append(diags, s.Report(diag.Warning, sigma.CodeUnknownName, "correlation",
				"the correlation %s does not group by %s, and knows no other fields: what it finds is left out", ref.Name, own))
		}
	}
	inner, more := c.input(ref.Correlation, plans)
	return inner, append(diags, more...)
}

// silence decides which rules alert only through correlations: those that a valid correlation is about which runs, unless one of these
// says that they alert by themselves too. A correlation runs if it is enabled, or if one that runs is about it.
func (c *Catalog) silence() diag.List {
	if len(c.correlations) == 0 {
		return nil
	}
	running := map[*sigma.Correlation]bool{}
	var run func(s *sigma.Correlation)
	run = func(s *sigma.Correlation) {
		if running[s] {
			return
		}
		running[s] = true
		for _, ref := range s.Rules {
			if ref.Correlation != nil {
				run(ref.Correlation)
			}
		}
	}
	for _, r := range c.Rules() {
		s, is := c.correlations[r]
		if !is || r.Enabled != nil && !*r.Enabled {
			continue
		}
		if plan, _ := c.Plan(r); plan != nil {
			run(s)
		}
	}
	silent, loud := c.votes(running)
	var diags diag.List
	for _, r := range c.Rules() {
		head := c.headOf(r)
		if by := silent[head]; head != nil && by != "" && !loud[head] {
			r.SilencedBy = by
			diags = append(diags, r.Report(diag.Note, sigma.CodeSilent, "rule.name", "the rule alerts only through the correlation %s (generate: false)", by))
		}
	}
	return diags
}

// votes returns the rules that correlations want to be silent, with the first such correlation, and those that alert by themselves.
func (c *Catalog) votes(running map[*sigma.Correlation]bool) (silent map[*sigma.Head]string, loud map[*sigma.Head]bool) {
	silent, loud = map[*sigma.Head]string{}, map[*sigma.Head]bool{}
	for _, r := range c.Rules() {
		s := c.correlations[r]
		if !running[s] {
			continue
		}
		for i := range s.Rules {
			switch of := s.Rules[i].Head(); {
			case s.Generate:
				loud[of] = true
			case silent[of] == "":
				silent[of] = cmp.Or(s.Name, s.Title)
			}
		}
	}
	return silent, loud
}

// headOf returns the document of a rule of Sigma; nil for other rules.
func (c *Catalog) headOf(r *rule.Rule) *sigma.Head {
	if s, ok := c.sigma[r]; ok {
		return &s.rule.Head
	}
	if s, ok := c.correlations[r]; ok {
		return &s.Head
	}
	return nil
}
