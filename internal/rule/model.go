package rule

import (
	"fmt"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/scheduler/datemath"
)

// Rule is a detection rule with the defaults filled in. Field names are the names of the file
// format ([rule] of elastic/detection-rules) in Go spelling; where they differ, the comment has the
// key.
type Rule struct {
	// Path is the rule's file, as given to the loader.
	Path string
	// Line is the line of the rule in a file with several rules; else 0.
	Line int
	// LastLine is its last line there; 0 where the rule is one line.
	LastLine int
	// Source finds the positions of the rule's keys; nil for a rule that was not read from a file.
	Source Source
	// ContentHash is the SHA-256, in hexadecimal, of the rule's content: equal for files that
	// differ only in layout, comments, key order, line ends, [metadata] and rule.enabled.
	ContentHash string

	Metadata  Metadata
	Transform Transform

	ID   string // rule_id, unique in a set
	Name string
	// Alias is a short name by which other rules may refer to it; "" if it has none.
	Alias       string
	Description string
	Type        Type
	// Enabled is nil when the file does not set it.
	Enabled *bool

	// What is searched.
	Language Language
	Query    diag.Text
	SavedID  string
	Index    []string
	// IndexSupposed: Index is where a map supposes the events, not what the author of the rule names, so that nothing is
	// amiss while there are indices of some of the patterns.
	IndexSupposed bool
	// DataViewID names a Kibana data view, an alternative to Index.
	DataViewID string
	// Filters are Kibana filters: Query DSL with a meta part.
	Filters               []map[string]any
	EventCategoryOverride string
	TiebreakerField       string
	TimestampField        string
	// TimestampOverride is the field of an event's time for the window; @timestamp is the fallback.
	TimestampOverride                 string
	TimestampOverrideFallbackDisabled bool

	// When it is searched. If Cron is set, it applies and Interval is 0.
	Interval time.Duration
	Cron     string
	// CronTimeZone is the IANA time zone of Cron; "" is UTC.
	CronTimeZone string
	// Skew is the delay of all slots relative to Interval or Cron.
	Skew     time.Duration
	From, To Moment
	// Range, if set, determines the window. From and To then only describe it.
	Range      func(slot time.Time) (from, to time.Time)
	MaxSignals int
	Throttle   string

	// Settings of single types; nil when the file does not have them.
	Threshold       *Threshold
	NewTerms        *NewTerms
	ThreatMatch     *ThreatMatch
	MachineLearning *MachineLearning

	// The alert's content.
	Severity          Severity
	SeverityMapping   []SeverityMapping
	RiskScore         int
	RiskScoreMapping  []RiskScoreMapping
	RuleNameOverride  string
	BuildingBlockType string // "default" marks alerts that only other rules use
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

	// Correlated are event fields by which correlations group and count what the rule finds.
	Correlated []string
	// SilencedBy is the name of the correlation that alerts in place of the rule; "" if the rule alerts by itself.
	SilencedBy string

	// ExceptionsList refers to lists of exceptions, Exceptions holds their items.
	ExceptionsList []Exception
	Exceptions     []*ExceptionItem

	// Data that Kibana stores with a rule.
	Actions             []map[string]any
	ResponseActions     []map[string]any
	Meta                map[string]any
	RelatedIntegrations []RelatedIntegration
	RequiredFields      []RequiredField
	OutputIndex         string
	Version             int
	Revision            int
}

// Moment is a date math expression with its text in the file.
type Moment struct {
	Text string
	datemath.Expr
}

// Threshold is the condition of a threshold rule: Value events per group of the Fields, and in each
// group a minimum number of distinct values.
type Threshold struct {
	Fields      []string // field; empty means a single group
	Value       int
	Cardinality []Cardinality
}

// Cardinality is the minimum number of distinct values of a field in a group.
type Cardinality struct {
	Field string
	Value int
}

// NewTerms is the condition of a new_terms rule: combinations of values not seen since
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
	// ConcurrentSearches and ItemsPerSearch are tuning parameters of Kibana; 0 when not set.
	ConcurrentSearches int
	ItemsPerSearch     int
}

// ThreatMapping is one alternative of a match; all of its entries must hold.
type ThreatMapping struct{ Entries []ThreatEntry }

// ThreatEntry requires that an event's field equals (or, negated, differs from) an indicator's
// field.
type ThreatEntry struct {
	Field  string
	Type   string // always "mapping"
	Value  string // the indicator's field
	Negate bool
}

// MachineLearning is the source of a machine_learning rule: anomalies of jobs above a score.
type MachineLearning struct {
	JobIDs           []string // machine_learning_job_id
	AnomalyThreshold int
}

// Source finds the positions of the parts of a rule in its file.
type Source interface {
	// Place returns the text of the file and the span of the value at a path such as
	// "rule.threat[1].tactic.id". If the file does not have it, found is false and the span is the
	// span of the enclosing table or list.
	Place(path string) (file diag.Text, s diag.Span, found bool)
}

// Report makes a diagnostic about the value of a key, such as "rule.index[2]", or about the
// enclosing table if the key is missing.
func (r *Rule) Report(sev diag.Severity, code, key, format string, args ...any) diag.Diagnostic {
	return report(r.Source, r.Path, sev, code, key, format, args...)
}

// report makes a diagnostic about a key of a source, or about the whole file if there is no source.
func report(source Source, path string, sev diag.Severity, code, key, format string, args ...any) diag.Diagnostic {
	if source == nil {
		return diag.Diagnostic{Severity: sev, Code: code, Message: fmt.Sprintf(format, args...), File: path}
	}
	file, s, _ := source.Place(key)
	return file.Report(sev, code, s, format, args...)
}

// Owns reports whether a diagnostic of a loader is about this rule.
func (r *Rule) Owns(d diag.Diagnostic) bool {
	return d.File == r.Path && (r.Line == 0 || r.Line <= d.Line && d.Line <= max(r.Line, r.LastLine))
}
