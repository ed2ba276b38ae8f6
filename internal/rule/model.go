package rule

import (
	"fmt"
	"time"

	"tocsin/internal/datemath"
	"tocsin/internal/diag"
)

// Rule is a detection rule with the defaults filled in. Field names are those of the file format
// ([rule] of elastic/detection-rules) in Go spelling; where they differ, the comment has the key.
type Rule struct {
	// Path is the file that the rule was read from, as given to the loader.
	Path string
	// Line is the line of the file that the rule stands on, where a file has several; else 0.
	Line int
	// Source finds the places of the rule's keys; nil for a rule that was not read from a file.
	Source Source
	// ContentHash is the SHA-256, in hexadecimal, of what the rule says: equal for files that
	// differ in layout, comments, key order, line ends, [metadata] and rule.enabled only.
	ContentHash string

	Metadata  Metadata
	Transform Transform

	ID          string // rule_id, unique in a set
	Name        string
	Description string
	Type        Type
	// Enabled is nil when the file does not say.
	Enabled *bool

	// What is searched.
	Language Language
	Query    diag.Text
	SavedID  string
	Index    []string
	// DataViewID names a Kibana data view, an alternative to Index.
	DataViewID string
	// Filters are Kibana filters: Query DSL with a meta part.
	Filters               []map[string]any
	EventCategoryOverride string
	TiebreakerField       string
	TimestampField        string
	// TimestampOverride is the field that a window is about, before @timestamp.
	TimestampOverride                 string
	TimestampOverrideFallbackDisabled bool

	// When it is searched. Cron, when set, rules and Interval is 0.
	Interval time.Duration
	Cron     string
	// CronTimeZone is the IANA zone that Cron is in; "" is UTC.
	CronTimeZone string
	// Skew is by how much later than Interval or Cron say all slots lie.
	Skew     time.Duration
	From, To Moment
	// Range, when it is set, rules over From and To, which then only say in words what it does.
	Range      func(slot time.Time) (from, to time.Time)
	MaxSignals int
	Throttle   string

	// What the types need beyond a query; nil when the file does not have it.
	Threshold       *Threshold
	NewTerms        *NewTerms
	ThreatMatch     *ThreatMatch
	MachineLearning *MachineLearning

	// What an alert says.
	Severity          Severity
	SeverityMapping   []SeverityMapping
	RiskScore         int
	RiskScoreMapping  []RiskScoreMapping
	RuleNameOverride  string
	BuildingBlockType string // "default" marks alerts that only other rules look at
	AlertSuppression  *AlertSuppression
	Threat            []Threat
	Tags              []string
	Author            []string
	License           string
	Note              string
	Setup             string
	References        []string
	FalsePositives    []string
	// InvestigationFields is investigation_fields.field_names.
	InvestigationFields []string
	TimelineID          string
	TimelineTitle       string

	// ExceptionsList refers to lists of exceptions, Exceptions are the items that were found there.
	ExceptionsList []Exception
	Exceptions     []*ExceptionItem

	// What Kibana keeps with a rule.
	Actions             []map[string]any
	ResponseActions     []map[string]any
	Meta                map[string]any
	RelatedIntegrations []RelatedIntegration
	RequiredFields      []RequiredField
	OutputIndex         string
	Version             int
	Revision            int
}

// Moment is a date math expression and how the file spells it.
type Moment struct {
	Text string
	datemath.Expr
}

// Threshold is what a threshold rule counts: Value events per group of the Fields, and in each
// group a number of different values.
type Threshold struct {
	Fields      []string // field; empty means one group of everything
	Value       int
	Cardinality []Cardinality
}

// Cardinality is the least number of different values that a field has in a group.
type Cardinality struct {
	Field string
	Value int
}

// NewTerms is what a new_terms rule watches: combinations of values not seen since
// HistoryWindowStart.
type NewTerms struct {
	Fields             []string
	HistoryWindowStart Moment
}

// ThreatMatch is the indicator side of a threat_match rule.
type ThreatMatch struct {
	Index         []string
	Query         diag.Text
	Language      Language
	Mapping       []ThreatMapping
	Filters       []map[string]any
	IndicatorPath string
	// ConcurrentSearches and ItemsPerSearch are Kibana's tuning; 0 when not given.
	ConcurrentSearches int
	ItemsPerSearch     int
}

// ThreatMapping is one alternative of a match; all of its entries must hold.
type ThreatMapping struct{ Entries []ThreatEntry }

// ThreatEntry says that an event's field equals (or, negated, differs from) an indicator's.
type ThreatEntry struct {
	Field  string
	Type   string // always "mapping"
	Value  string // the indicator's field
	Negate bool
}

// MachineLearning is what a machine_learning rule reads: anomalies of jobs from a score on.
type MachineLearning struct {
	JobIDs           []string // machine_learning_job_id
	AnomalyThreshold int
}

// Source finds where the parts of a rule stand in its file.
type Source interface {
	// Place returns the text of the file and the span of the value at a path such as
	// "rule.threat[1].tactic.id". When the file does not have it, found is false and the span is
	// that of the table or list it would belong in.
	Place(path string) (file diag.Text, s diag.Span, found bool)
}

// Report makes a diagnostic about the value of a key, such as "rule.index[2]", or about the table
// that the key is missing in.
func (r *Rule) Report(sev diag.Severity, code, key, format string, args ...any) diag.Diagnostic {
	return report(r.Source, r.Path, sev, code, key, format, args...)
}

// report makes a diagnostic about a key of a source, or about the whole file where there is none.
func report(source Source, path string, sev diag.Severity, code, key, format string, args ...any) diag.Diagnostic {
	if source == nil {
		return diag.Diagnostic{Severity: sev, Code: code, Message: fmt.Sprintf(format, args...), File: path}
	}
	file, s, _ := source.Place(key)
	return file.Report(sev, code, s, format, args...)
}

// Owns reports whether a diagnostic of a loader is about this rule.
func (r *Rule) Owns(d diag.Diagnostic) bool {
	return d.File == r.Path && (r.Line == 0 || d.Line == r.Line)
}
