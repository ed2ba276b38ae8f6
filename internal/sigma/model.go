package sigma

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/datemath"
)

// Grade is what a level becomes.
type Grade struct {
	Severity  rule.Severity
	RiskScore int
}

// Grades is the table of levels as it is used; "" is a rule that has none.
func Grades() map[string]Grade {
	return map[string]Grade{
		"": {rule.Medium, 47}, "informational": {rule.Low, 5}, "low": {rule.Low, 21}, "medium": {rule.Medium, 47}, "high": {rule.High, 73},
		"critical": {rule.Critical, 99},
	}
}

// GradesWith returns [Grades] with changes such as high=critical:90; the level none is that of rules without one.
func GradesWith(changes []string) (map[string]Grade, error) {
	out := Grades()
	for _, change := range changes {
		level, grade, _ := strings.Cut(change, "=")
		severity, text, _ := strings.Cut(grade, ":")
		score, err := strconv.Atoi(text)
		if level == "none" {
			level = ""
		}
		if _, known := out[level]; !known || err != nil || score < 0 || score > 100 || !slices.Contains(severities, rule.Severity(severity)) {
			return nil, fmt.Errorf("%q is no LEVEL=SEVERITY:SCORE with a level of %s or none, a severity of %s, and a score from 0 to 100",
				change, strings.Join(levels, ", "), strings.Join(levels[1:], ", "))
		}
		out[level] = Grade{rule.Severity(severity), score}
	}
	return out, nil
}

var severities = []rule.Severity{rule.Low, rule.Medium, rule.High, rule.Critical}

// Rule returns the detection as a rule of the model. Index are the patterns of rules that name none.
func (r *Rule) Rule(index []string, grades map[string]Grade) *rule.Rule {
	out, remarks := r.model(r.Level, grades, "detection")
	r.Diags = append(r.Diags, remarks...)
	out.Type, out.Index = rule.TypeQuery, r.Schedule.patterns(index)
	r.Schedule.apply(out)
	r.Diags = append(r.Diags, r.checkSchedule(out)...)
	return out
}

// Rule returns the correlation as a rule of the model. Index are the patterns of the rules that it is about. Its level, if it
// has none, is the highest of theirs.
func (c *Correlation) Rule(index []string, grades map[string]Grade) *rule.Rule {
	out, remarks := c.model(c.EffectiveLevel(), grades, "correlation")
	c.Diags = append(c.Diags, remarks...)
	out.Type, out.Index = rule.TypeCorrelation, index
	c.Schedule.apply(out)
	c.Diags = append(c.Diags, c.checkSchedule(out)...)
	return out
}

// EffectiveLevel is the level of the correlation: its own, or the highest of the rules that it is about.
func (c *Correlation) EffectiveLevel() string { return c.level(map[*Correlation]bool{}) }

// level is the level of a correlation, or the highest of the rules that it is about.
func (c *Correlation) level(seen map[*Correlation]bool) string {
	if c.Level != "" || seen[c] {
		return c.Level
	}
	seen[c] = true
	highest := -1
	for _, ref := range c.Rules {
		level := ""
		switch {
		case ref.Rule != nil:
			level = ref.Rule.Level
		case ref.Correlation != nil:
			level = ref.Correlation.level(seen)
		}
		highest = max(highest, slices.Index(levels, level))
	}
	if highest < 0 {
		return ""
	}
	return levels[highest]
}

// model is what rules of all kinds have of their document.
func (r *Head) model(level string, grades map[string]Grade, section string) (*rule.Rule, diag.List) {
	out := rule.New(r.Path)
	out.Line, out.LastLine = r.Line, r.Last
	out.Source = places{r, section}
	sum := sha256.Sum256([]byte(r.body()))
	out.ContentHash = hex.EncodeToString(sum[:])
	out.ID, out.Name, out.Alias, out.Description = r.ID, r.Title, r.Name, cmp.Or(r.Description, r.Title)
	out.Language, out.Query = rule.Sigma, r.sectionText()
	g, graded := grades[level]
	if !graded {
		g = Grades()[level]
	}
	out.Severity, out.RiskScore = g.Severity, g.RiskScore
	if level == "informational" {
		out.BuildingBlockType = "default" // such a rule informs other rules, and alerts nobody
	}
	var remarks diag.List
	out.Threat, remarks = r.threat()
	out.Tags, out.References, out.FalsePositives, out.License = r.Tags, r.References, r.FalsePositives, r.License
	for author := range strings.SplitSeq(r.Author, ",") {
		if author = strings.TrimSpace(author); author != "" {
			out.Author = append(out.Author, author)
		}
	}
	out.InvestigationFields = r.Fields
	out.Metadata = rule.Metadata{CreationDate: r.Date, UpdatedDate: r.Modified, Maturity: rule.Maturity(r.Status)}
	return out, remarks
}

// checkSchedule reports mistakes in the times of a rule. What entries of [Schedules] alone leave unread was said of them.
func (r *Head) checkSchedule(out *rule.Rule) diag.List {
	own := slices.ContainsFunc(timeKeys, func(key string) bool { return r.custom(key) != nil })
	return slices.DeleteFunc(rule.CheckSchedule(out), func(d diag.Diagnostic) bool { return d.Severity != diag.Error && !own })
}

// custom returns the value under custom of a key of the rule model; nil when there is none.
func (r *Head) custom(key string) *yamltree.Node {
	if r.customs == nil || r.customs.Kind != yamltree.Map {
		return nil
	}
	if v := r.customs.Get(strings.TrimPrefix(key, "rule.")); v != nil && v.IsScalar() {
		return v
	}
	return nil
}

func (s *Schedule) patterns(usual []string) []string {
	if len(s.Index) > 0 {
		return s.Index
	}
	return usual
}

func (s *Schedule) apply(r *rule.Rule) {
	if s.Interval > 0 {
		r.Interval = s.Interval
	}
	if s.MaxSignals > 0 {
		r.MaxSignals = s.MaxSignals
	}
	for _, set := range []struct {
		text string
		to   *rule.Moment
	}{{s.From, &r.From}, {s.To, &r.To}} {
		if e, err := datemath.Parse(set.text); err == nil && set.text != "" {
			*set.to = rule.Moment{Text: set.text, Expr: e}
		}
	}
}

// body is the text of the document.
func (r *Head) body() string {
	if r.Line == 0 {
		return r.Text.Value
	}
	lines := strings.SplitAfter(r.Text.Value, "\n")
	return strings.Join(lines[r.Line-1:min(r.Last, len(lines))], "")
}

// sectionText is the section of the document that says what is found, as it stands in the file.
func (r *Head) sectionText() diag.Text {
	if r.section == (diag.Span{}) {
		return r.Text
	}
	return r.Text.Part(r.section)
}

// sectionOf is where a section stands in the file, with its key; none where there is none.
func sectionOf(file diag.Text, doc *yamltree.Node, name string) diag.Span {
	start, end := -1, len(file.Value)
	for _, m := range doc.Members {
		at := m.Key.Span(file).Start
		switch {
		case m.Key.Value == name:
			start = at
		case start >= 0 && at > start:
			end = min(end, at)
		}
	}
	if start < 0 {
		return diag.Span{}
	}
	text := file.Value[start:end]
	if i := strings.Index(text, "\n---"); i >= 0 {
		text = text[:i]
	}
	return diag.Span{Start: start, End: start + len(strings.TrimRight(text, " \r\n"))}
}

// timeKeys are the keys of the rule model about its window that custom can have.
var timeKeys = []string{"rule.from", "rule.interval", "rule.to"}

// places finds what is said of a rule in its document; section is the key of what it finds.
type places struct {
	r       *Head
	section string
}

// keys are those of documents by those of the rule model.
var keys = map[string]string{
	"rule.rule_id": "id", "rule.name": "title", "rule.index": "logsource", "rule.severity": "level", "rule.threat": "tags",
	"rule.description": "description", "rule.author": "author",
}

// Place implements [rule.Source].
func (p places) Place(path string) (file diag.Text, s diag.Span, found bool) {
	placed := p.r.placed
	if placed == nil {
		return p.r.Text, diag.Span{}, false
	}
	key := keys[path]
	switch {
	case path == "rule.query", key == "logsource" && p.section == "correlation":
		key = p.section
	}
	if slices.Contains(timeKeys, path) {
		for _, key := range slices.Concat([]string{path}, timeKeys) {
			if v := p.r.custom(key); v != nil {
				return p.r.Text, v.Span(p.r.Text), true
			}
		}
	}
	i := slices.IndexFunc(placed.keys, func(k placedKey) bool { return k.name == key })
	if i < 0 {
		return p.r.Text, placed.whole.Span(p.r.Text), false
	}
	k := placed.keys[i]
	if k.value.Scalar {
		return p.r.Text, k.value.Span(p.r.Text), true
	}
	return p.r.Text, k.key.Span(p.r.Text), true
}
