package rule

import "time"

// Metadata is the [metadata] table: the authors' data about the file. No run depends on it.
type Metadata struct {
	CreationDate    time.Time
	UpdatedDate     time.Time
	DeprecationDate time.Time
	// DeprecatedReason is set in a few rules of the _deprecated directory.
	DeprecatedReason string
	Maturity         Maturity
	Integration      []string // a string or a list in the file
	MinStackVersion  string
	MinStackComments string
	BypassBBRTiming  bool // a building block rule that may look back less than 119m
	Promotion        bool // the rule promotes alerts of another product
	Comments         string
	OSTypeList       []string
	// QuerySchemaValidation is nil when the file does not set it.
	QuerySchemaValidation *bool
	RelatedEndpointRules  []string
	Extended              map[string]any
}

// Transform is the [transform] table: what Kibana shows in place of $investigate_0 or $osquery_0 in
// the note.
type Transform struct {
	Investigate []Investigate
	Osquery     []Osquery
}

// Investigate is a button in a note that opens a timeline. The outer list of Providers is combined
// with or, the inner with and.
type Investigate struct {
	Label        string
	Description  string
	Providers    [][]Provider
	RelativeFrom string
	RelativeTo   string
}

// Provider is one condition of a timeline.
type Provider struct {
	Excluded  bool
	Field     string
	QueryType string // phrase, range
	Value     string
	ValueType string // string, boolean, …
}

// Osquery is a query in a note that an analyst may run on a host.
type Osquery struct {
	Label      string
	Query      string
	ECSMapping map[string]any
}

// Threat is one entry of the mapping to MITRE ATT&CK.
type Threat struct {
	Framework string
	Tactic    Tactic
	Technique []Technique
}

// Tactic is an adversary's goal (TA0007).
type Tactic struct{ ID, Name, Reference string }

// Technique is a way to reach a goal (T1613).
type Technique struct {
	ID, Name, Reference string
	Subtechnique        []Subtechnique
}

// Subtechnique is a variant of a technique (T1059.004).
type Subtechnique struct{ ID, Name, Reference string }

// SeverityMapping replaces the severity of an alert when an event's field has a value.
type SeverityMapping struct {
	Field    string
	Operator string // always "equals"
	Value    string
	Severity Severity
}

// RiskScoreMapping replaces the risk score of an alert by the number in an event's field.
type RiskScoreMapping struct {
	Field     string
	Operator  string // always "equals"
	Value     string // empty: the number in the field is the score
	RiskScore int    // the score when the field has the Value; 0 when not given
}

// AlertSuppression folds alerts with the same values in the GroupBy fields into one.
type AlertSuppression struct {
	GroupBy []string
	// Duration is 0 when alerts are folded only within one run.
	Duration              time.Duration
	MissingFieldsStrategy MissingFieldsStrategy
}

// Strategy returns the MissingFieldsStrategy, or Kibana's default.
func (s *AlertSuppression) Strategy() MissingFieldsStrategy {
	if s.MissingFieldsStrategy == "" {
		return Suppress
	}
	return s.MissingFieldsStrategy
}

// Exception refers to a list of exceptions in Kibana.
type Exception struct{ ID, ListID, Type, NamespaceType string }

// RelatedIntegration names an integration package that provides the data.
type RelatedIntegration struct{ Package, Version, Integration string }

// RequiredField names a field that the query reads.
type RequiredField struct {
	Name, Type string
	ECS        bool
}
