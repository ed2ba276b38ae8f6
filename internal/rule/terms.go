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

// TypeSPL is the type of Splunk detections. No TOML file has it.
const TypeSPL Type = "spl"

// TypeCorrelation is the type of Sigma's correlations. No TOML file has it.
const TypeCorrelation Type = "correlation"

// Language is the language of a query (rule.language).
type Language string

// The languages of the format; kuery is Kibana's name for KQL there.
const (
	Kuery  Language = "kuery"
	Lucene Language = "lucene"
	EQL    Language = "eql"
	ESQL   Language = "esql"
	// SPL is Splunk's Search Processing Language.
	SPL Language = "spl"
	// Sigma is the language of detections of Sigma. No TOML file has it.
	Sigma Language = "sigma"
)

// Severity is the severity of an alert (rule.severity).
type Severity string

// The severities, the most severe last.
const (
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Maturity is how much the authors trust a rule (metadata.maturity).
type Maturity string

// The maturities of elastic/detection-rules.
const (
	Development  Maturity = "development"
	Experimental Maturity = "experimental"
	Beta         Maturity = "beta"
	Production   Maturity = "production"
	Deprecated   Maturity = "deprecated"
)

// MissingFieldsStrategy says how suppression treats an alert that lacks a group_by field.
type MissingFieldsStrategy string

// Kibana's strategies.
const (
	Suppress      MissingFieldsStrategy = "suppress"
	DoNotSuppress MissingFieldsStrategy = "doNotSuppress"
)

// typeNeeds lists the required keys of a type, in the order in which their absence is reported.
type typeNeeds struct {
	keys []string
	// languages are the languages that the type can run. If there is only one, the key is optional.
	languages []Language
	// index means that the searched indices must be specified.
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
