package rule

// Type is the kind of a rule (rule.type).
type Type string

// The types of Elastic's detection engine.
const (
	TypeQuery           Type = "query"
	TypeSavedQuery      Type = "saved_query"
	TypeEQL             Type = "eql"
	TypeESQL            Type = "esql"
	TypeThreshold       Type = "threshold"
	TypeNewTerms        Type = "new_terms"
	TypeThreatMatch     Type = "threat_match"
	TypeMachineLearning Type = "machine_learning"
)

// TypeSPL is the type of detections that are written for Splunk. No TOML file has it.
const TypeSPL Type = "spl"

// Language is the language of a query (rule.language).
type Language string

// The languages of the format; kuery is what Kibana calls KQL there.
const (
	Kuery  Language = "kuery"
	Lucene Language = "lucene"
	EQL    Language = "eql"
	ESQL   Language = "esql"
	// SPL is Splunk's Search Processing Language.
	SPL Language = "spl"
)

// Severity is how grave an alert is (rule.severity).
type Severity string

// The severities, the gravest last.
const (
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Maturity tells how far the authors trust a rule (metadata.maturity).
type Maturity string

// The maturities of elastic/detection-rules.
const (
	Development  Maturity = "development"
	Experimental Maturity = "experimental"
	Beta         Maturity = "beta"
	Production   Maturity = "production"
	Deprecated   Maturity = "deprecated"
)

// MissingFieldsStrategy says what suppression does with an alert that lacks a group_by field.
type MissingFieldsStrategy string

// The strategies of Kibana.
const (
	Suppress      MissingFieldsStrategy = "suppress"
	DoNotSuppress MissingFieldsStrategy = "doNotSuppress"
)

// typeNeeds is what a rule of a type must have, in the order in which its absence is reported.
type typeNeeds struct {
	keys []string
	// languages are those that the type can run. A single one need not be written down.
	languages []Language
	// index tells that something must say which indices are searched.
	index bool
}

// queryLanguages are the languages that become Query DSL.
var queryLanguages = []Language{Kuery, Lucene}

var types = map[Type]typeNeeds{
	TypeQuery:      {keys: []string{"query"}, languages: queryLanguages, index: true},
	TypeSavedQuery: {keys: []string{"saved_id"}, index: true},
	TypeEQL:        {keys: []string{"query"}, languages: []Language{EQL}, index: true},
	TypeESQL:       {keys: []string{"query"}, languages: []Language{ESQL}},
	TypeThreshold:  {keys: []string{"query", "threshold", "threshold.value"}, languages: queryLanguages, index: true},
	TypeNewTerms: {
		keys:      []string{"query", "new_terms", "new_terms.value", "new_terms.history_window_start"},
		languages: queryLanguages, index: true,
	},
	TypeThreatMatch: {
		keys:      []string{"query", "threat_index", "threat_query", "threat_mapping"},
		languages: queryLanguages, index: true,
	},
	TypeMachineLearning: {keys: []string{"machine_learning_job_id", "anomaly_threshold"}},
}
