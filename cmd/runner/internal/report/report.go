package report

import (
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/run/reach"
)

// Status says whether a rule can run.
type Status string

// The statuses. An Unsupported rule is correct but cannot be run by this version.
const (
	Valid       Status = "valid"
	Invalid     Status = "invalid"
	Unsupported Status = "unsupported"
)

// Result is the result of checking one rule.
type Result struct {
	Path string `json:"path"`
	// Line is the line of the rule in a file with several rules.
	Line     int    `json:"line,omitempty"`
	RuleID   string `json:"rule_id"`
	Name     string `json:"name"`
	Type     string `json:"type"`
	Language string `json:"language"`
	Status   Status `json:"status"`
	// Strategy is how a valid rule is executed; "" if the rule is not valid.
	Strategy    string    `json:"strategy"`
	Diagnostics diag.List `json:"diagnostics"`
	// Live is whether the rule can match under the mappings at hand; nil without any.
	Live *reach.Verdict `json:"live,omitempty"`
}

// Here is where the rules were held against mappings.
type Here struct {
	Place string `json:"place"`
	// Within names the range of time whose events were asked for the fields of the rules; "" is all time. Unseen is why some
	// events were not asked.
	Within string `json:"-"`
	Unseen string `json:"unseen,omitempty"`
}

// Report is the result of checking all rules.
type Report struct {
	Rules       int      `json:"rules"`
	Valid       int      `json:"valid"`
	Invalid     int      `json:"invalid"`
	Unsupported int      `json:"unsupported"`
	Results     []Result `json:"results"`
	// Sigma counts the rules of Sigma; nil if there are none.
	Sigma *SigmaCounts `json:"sigma,omitempty"`
	// Diagnostics are about files that hold no rules but belong to rules, such as exceptions.
	Diagnostics diag.List `json:"diagnostics,omitempty"`
	// Here is nil if only texts were checked.
	Here *Here `json:"here,omitempty"`
}

// SigmaCounts are the numbers of Sigma rules by status and by level; "none" is a rule without one.
type SigmaCounts struct {
	Status map[string]int `json:"status"`
	Level  map[string]int `json:"level"`
}

// Judge summarizes diagnostics: an error makes a rule invalid, unless every error says that
// something is not supported.
func Judge(l diag.List) Status {
	status := Valid
	for _, d := range l {
		switch {
		case d.Severity != diag.Error:
		case strings.HasSuffix(d.Code, "/unsupported"):
			if status == Valid {
				status = Unsupported
			}
		default:
			status = Invalid
		}
	}
	return status
}

// Add counts and stores a result.
func (r *Report) Add(result Result) {
	if result.Diagnostics == nil {
		result.Diagnostics = diag.List{}
	}
	r.Rules++
	switch result.Status {
	case Valid:
		r.Valid++
	case Invalid:
		r.Invalid++
	case Unsupported:
		r.Unsupported++
	}
	r.Results = append(r.Results, result)
}
