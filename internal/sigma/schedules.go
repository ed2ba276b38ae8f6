package sigma

import (
	"cmp"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
	"tocsin/internal/rule"
)

// Schedules say when and where rules run that do not say so themselves, by log source and by path. The zero value says
// nothing.
type Schedules struct{ entries []*scheduled }

// scheduled is an entry: a rule that meets all of the conditions which are given gets the schedule.
type scheduled struct {
	product, category, service, path []string

	schedule Schedule

	file  diag.Text
	table *tomltree.Value
}

// scheduleFile is a file of schedules.
type scheduleFile struct{ entries []*scheduled }

var scheduleFields = tomltree.Fields[scheduleFile]{
	"schedule": func(d *tomltree.Decoder, v *tomltree.Value, f *scheduleFile) {
		var list []scheduled
		tomltree.Each(scheduledFields, func(*scheduleFile) *[]scheduled { return &list })(d, v, f)
		for i := range list {
			one := &list[i]
			one.file, one.table = d.File, v.Items[i]
			one.check(d)
			f.entries = append(f.entries, one)
		}
	},
}

var scheduledFields = tomltree.Fields[scheduled]{
	"product":  tomltree.OneOrList(func(s *scheduled) *[]string { return &s.product }),
	"category": tomltree.OneOrList(func(s *scheduled) *[]string { return &s.category }),
	"service":  tomltree.OneOrList(func(s *scheduled) *[]string { return &s.service }),
	"path":     tomltree.OneOrList(func(s *scheduled) *[]string { return &s.path }),
	"interval": func(d *tomltree.Decoder, v *tomltree.Value, s *scheduled) {
		var text string
		tomltree.Scalar(func(*scheduled) *string { return &text })(d, v, s)
		if v.Kind != tomltree.String {
			return
		}
		var err error
		if s.schedule.Interval, err = parseInterval(text); err != nil {
			d.Report(diag.Error, "value", v.Span, "%v", err)
		}
	},
	"from": momentField(func(s *scheduled) *string { return &s.schedule.From }),
	"to":   momentField(func(s *scheduled) *string { return &s.schedule.To }),
	"max_signals": func(d *tomltree.Decoder, v *tomltree.Value, s *scheduled) {
		tomltree.Number(func(s *scheduled) *int { return &s.schedule.MaxSignals })(d, v, s)
		if v.Kind == tomltree.Integer && s.schedule.MaxSignals < 1 {
			d.Report(diag.Error, "value", v.Span, "%s", wantedSignals)
		}
	},
	"index": tomltree.OneOrList(func(s *scheduled) *[]string { return &s.schedule.Index }),
}

func momentField(at func(*scheduled) *string) tomltree.Field[scheduled] {
	return func(d *tomltree.Decoder, v *tomltree.Value, s *scheduled) {
		tomltree.Scalar(at)(d, v, s)
		if v.Kind == tomltree.String {
			if err := checkMoment(v.Text); err != nil {
				d.Report(diag.Error, "value", v.Span, "%v", err)
			}
		}
	}
}

// ReadSchedules reads a file (TOML) of [[schedule]] tables. The conditions of a table are product, category, service
// and path, a text or a list of texts each; a table without any is for all rules. What it sets are the keys that a
// rule can have under custom.
func ReadSchedules(file diag.Text) (Schedules, diag.List) {
	root, diags := tomltree.Parse(file, "sigma")
	if root == nil || diags.HasErrors() {
		return Schedules{}, diags
	}
	d := &tomltree.Decoder{File: file, Area: "sigma", List: diags}
	var read scheduleFile
	tomltree.Into(d, root, scheduleFields, &read)
	for i := range d.List {
		// Without a condition that is misspelt, a table is for more rules than it says.
		if d.List[i].Code == CodeUnknownKey {
			d.List[i].Severity = diag.Error
		}
	}
	if len(root.Items) == 0 {
		d.Report(diag.Warning, "missing", root.Span, "the file has no [[schedule]]")
	}
	if d.List.HasErrors() {
		return Schedules{}, d.List
	}
	return Schedules(read), d.List
}

// check reports what no schedule can mean.
func (s *scheduled) check(d *tomltree.Decoder) {
	for _, of := range []struct {
		key   string
		texts []string
	}{{"product", s.product}, {"category", s.category}, {"service", s.service}, {"path", s.path}, {"index", s.schedule.Index}} {
		at := s.table.Get(of.key)
		if at != nil && (of.texts != nil && len(of.texts) == 0 || slices.Contains(of.texts, "")) {
			d.Report(diag.Error, "value", at.Span, "%s is empty", of.key)
		}
	}
	for _, glob := range s.path {
		if !doublestar.ValidatePattern(glob) {
			d.Report(diag.Error, "value", s.table.Get("path").Span, "%q is no pattern of paths such as rules/windows/**", glob)
		}
	}
	if !slices.ContainsFunc(scheduleKeys, func(key string) bool { return s.table.Get(key) != nil }) {
		d.Report(diag.Error, "missing", s.table.Span, "the schedule sets none of %s", strings.Join(scheduleKeys, ", "))
	}
}

// meets reports whether the entry is for a rule.
func (s *scheduled) meets(r *Rule) bool { return s.meetsAll(r.Path, []LogSource{r.LogSource}) }

// meetsAll reports whether the entry is for a document: for its path, and for all log sources that it is about.
func (s *scheduled) meetsAll(path string, logs []LogSource) bool {
	return !slices.ContainsFunc(logs, func(log LogSource) bool {
		return !among(s.product, log.Product) || !among(s.category, log.Category) || !among(s.service, log.Service)
	}) && (s.path == nil || slices.ContainsFunc(s.path, func(glob string) bool { return onPath(glob, path) }))
}

func among(wanted []string, got string) bool {
	return wanted == nil || slices.ContainsFunc(wanted, func(one string) bool { return strings.EqualFold(one, got) })
}

// onPath reports whether a pattern names a file or one of its folders. A pattern that does not begin with / may begin at
// any folder of the path, so that it does not matter from where the rules are read.
func onPath(glob, file string) bool {
	file = filepath.ToSlash(file)
	if strings.HasPrefix(glob, "/") {
		if abs, err := filepath.Abs(filepath.FromSlash(file)); err == nil {
			file = filepath.ToSlash(abs)
		}
	} else {
		glob = path.Join("**", glob)
	}
	glob = strings.TrimSuffix(glob, "/")
	return doublestar.MatchUnvalidated(glob, file) || doublestar.MatchUnvalidated(glob+"/**", file)
}

// Then returns the schedules with others after them, which override them.
func (s Schedules) Then(more Schedules) Schedules {
	return Schedules{slices.Concat(s.entries, more.entries)}
}

// Assign gives each rule its schedule, key by key: what the rule says itself, else what the last entry says that is for
// it. An entry is for a correlation if it is for its path and for the log sources of all of its rules. The list is about
// entries that leave time unread between the runs of rules.
func (s Schedules) Assign(rules []*Rule, correlations ...*Correlation) diag.List {
	var diags diag.List
	checked := map[string]bool{}
	assign := func(path string, logs []LogSource, own *Schedule) {
		var mine []*scheduled
		var name strings.Builder
		schedule := Schedule{}
		for i, entry := range s.entries {
			if entry.meetsAll(path, logs) {
				schedule = entry.schedule.over(schedule)
				mine = append(mine, entry)
				name.WriteRune(rune(i))
			}
		}
		if len(mine) > 0 && own.usual() && !checked[name.String()] {
			checked[name.String()] = true
			diags = append(diags, gaps(mine, schedule)...)
		}
		*own = own.over(schedule)
	}
	for _, r := range rules {
		assign(r.Path, []LogSource{r.LogSource}, &r.Schedule)
	}
	for _, c := range correlations {
		assign(c.Path, logSources(c), &c.Schedule)
	}
	return diags
}

// logSources are those of all rules of a correlation.
func logSources(c *Correlation) []LogSource {
	var logs []LogSource
	c.Leaves(func(r *Rule) { logs = append(logs, r.LogSource) })
	return logs
}

func (s *scheduled) meetsCorrelation(c *Correlation) bool { return s.meetsAll(c.Path, logSources(c)) }

// gaps are the warnings about the times of a schedule that entries make together.
func gaps(entries []*scheduled, schedule Schedule) diag.List {
	r := rule.New(entries[0].file.File())
	r.Source = schedulePlaces(entries)
	schedule.apply(r)
	return slices.DeleteFunc(rule.CheckSchedule(r), func(d diag.Diagnostic) bool { return d.Severity == diag.Error }) // each rule has it
}

// schedulePlaces finds the keys of schedules that apply together: the last that has it decides.
type schedulePlaces []*scheduled

// Place implements [rule.Source].
func (p schedulePlaces) Place(key string) (file diag.Text, s diag.Span, found bool) {
	for _, name := range []string{strings.TrimPrefix(key, "rule."), "from", "interval"} {
		for _, entry := range slices.Backward(p) {
			if v := entry.table.Get(name); v != nil {
				return entry.file, v.Span, true
			}
		}
	}
	last := p[len(p)-1]
	return last.file, last.table.Span, false
}

// Unmet are notes about the entries that are for none of the rules and correlations.
func (s Schedules) Unmet(rules []*Rule, correlations ...*Correlation) diag.List {
	var diags diag.List
	for _, entry := range s.entries {
		if !slices.ContainsFunc(rules, entry.meets) && !slices.ContainsFunc(correlations, entry.meetsCorrelation) {
			diags = append(diags, entry.file.Report(diag.Note, CodeUnknownName, entry.table.Span, "the schedule is for none of the rules"))
		}
	}
	return diags
}

// over returns the schedule with what it does not say from another.
func (s Schedule) over(other Schedule) Schedule {
	s.Interval, s.MaxSignals = cmp.Or(s.Interval, other.Interval), cmp.Or(s.MaxSignals, other.MaxSignals)
	s.From, s.To = cmp.Or(s.From, other.From), cmp.Or(s.To, other.To)
	if len(s.Index) == 0 {
		s.Index = other.Index
	}
	return s
}

// usual reports whether all times are the defaults.
func (s Schedule) usual() bool { return s.Interval == 0 && s.From == "" && s.To == "" }
