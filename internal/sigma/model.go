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
	out := rule.New(r.Path)
	out.Line, out.LastLine = r.Line, r.Last
	out.Source = places{r}
	sum := sha256.Sum256([]byte(r.body()))
	out.ContentHash = hex.EncodeToString(sum[:])
	out.ID, out.Name, out.Description = r.ID, r.Title, cmp.Or(r.Description, r.Title)
	out.Type, out.Language, out.Query = rule.TypeQuery, rule.Sigma, r.query()
	out.Index = r.Schedule.patterns(index)
	g, graded := grades[r.Level]
	if !graded {
		g = Grades()[r.Level]
	}
	out.Severity, out.RiskScore = g.Severity, g.RiskScore
	if r.Level == "informational" {
		out.BuildingBlockType = "default" // such a rule informs other rules, and alerts nobody
	}
	var remarks diag.List
	out.Threat, remarks = r.threat()
	r.Diags = append(r.Diags, remarks...)
	out.Tags, out.References, out.FalsePositives, out.License = r.Tags, r.References, r.FalsePositives, r.License
	for author := range strings.SplitSeq(r.Author, ",") {
		if author = strings.TrimSpace(author); author != "" {
			out.Author = append(out.Author, author)
		}
	}
	out.InvestigationFields = r.Fields
	out.Metadata = rule.Metadata{CreationDate: r.Date, UpdatedDate: r.Modified, Maturity: rule.Maturity(r.Status)}
	r.Schedule.apply(out)
	return out
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
func (r *Rule) body() string {
	if r.Line == 0 {
		return r.Text.Value
	}
	lines := strings.SplitAfter(r.Text.Value, "\n")
	return strings.Join(lines[r.Line-1:min(r.Last, len(lines))], "")
}

// query is the detection as it stands in the file.
func (r *Rule) query() diag.Text {
	if r.detection == (diag.Span{}) {
		return r.Text
	}
	return r.Text.Part(r.detection)
}

// detectionOf is where the detection stands in the file, with its key; none where there is none.
func detectionOf(file diag.Text, doc *yamltree.Node) diag.Span {
	start, end := -1, len(file.Value)
	for _, m := range doc.Members {
		at := m.Key.Span(file).Start
		switch {
		case m.Key.Value == "detection":
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

// places finds what is said of a rule in its document.
type places struct{ r *Rule }

// keys are those of documents by those of the rule model.
var keys = map[string]string{
	"rule.rule_id": "id", "rule.name": "title", "rule.index": "logsource", "rule.query": "detection", "rule.severity": "level", "rule.threat": "tags",
	"rule.description": "description", "rule.author": "author",
}

// Place implements [rule.Source].
func (p places) Place(path string) (file diag.Text, s diag.Span, found bool) {
	root := p.r.root()
	if root == nil {
		return p.r.Text, diag.Span{}, false
	}
	i := slices.IndexFunc(root.Members, func(m yamltree.Member) bool { return m.Key.Value == keys[path] })
	if i < 0 {
		return p.r.Text, root.Span(p.r.Text), false
	}
	m := root.Members[i]
	if m.Value.IsScalar() {
		return p.r.Text, m.Value.Span(p.r.Text), true
	}
	return p.r.Text, m.Key.Span(p.r.Text), true
}
