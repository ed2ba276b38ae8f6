package escu

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
	"tocsin/internal/rule/attack"
)

// maxRows is how many new findings one run may make. Splunk hands as many results to an action.
const maxRows = 10000

// Rule returns the detection as a rule: what it says of itself, when it runs and over which window.
// A finding has its texts and its mapping to MITRE ATT&CK.
func (d *Detection) Rule() *rule.Rule {
	sum := sha256.Sum256([]byte(d.File.Value))
	r := &rule.Rule{
		Path: d.Path, Source: places{d}, ContentHash: hex.EncodeToString(sum[:]),
		ID: d.ID, Name: d.Name, Description: d.Description, Type: rule.TypeSPL, Language: rule.SPL, Query: d.Search, Enabled: d.Enabled,
		TimestampField: "@timestamp", Cron: d.Schedule.Cron, Range: d.Schedule.Range, MaxSignals: maxRows,
		From: rule.Moment{Text: d.Schedule.Earliest}, To: rule.Moment{Text: d.Schedule.Latest},
		Severity: d.severity(), RiskScore: d.Risk.Score(), Threat: attack.Threat(d.MITRE), Tags: d.tags(),
		Setup: d.HowToImplement, References: d.References, Version: d.Version,
		Metadata: rule.Metadata{CreationDate: date(d.Created), UpdatedDate: date(d.Modified), Maturity: rule.Maturity(d.Status)},
	}
	if d.FalsePositives != "" {
		r.FalsePositives = []string{d.FalsePositives}
	}
	if d.Author != "" {
		r.Author = []string{d.Author}
	}
	return r
}

// date reads a date as files write it; what is none is left out.
func date(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// severity is Splunk's word in those that rules have.
func (d *Detection) severity() rule.Severity { return Severity(d.Risk.Severity()) }

// Severity is a word of Splunk's in those that rules have.
func Severity(word string) rule.Severity {
	if word == "informational" {
		return rule.Low
	}
	return rule.Severity(word)
}

// tags are what people look for rules by.
func (d *Detection) tags() []string {
	tags := []string{"Type: " + string(d.Type)}
	add := func(label string, values ...string) {
		for _, v := range values {
			if v != "" {
				tags = append(tags, label+": "+v)
			}
		}
	}
	add("Analytic Story", d.Stories...)
	add("Data Source", d.DataSources...)
	add("Asset", d.AssetType)
	add("Security Domain", d.SecurityDomain)
	add("CVE", d.CVE...)
	return tags
}

// Score returns the highest score of the objects, of the finding's entity where there is none.
func (r Risk) Score() int {
	highest := 0
	for _, x := range r.Objects {
		highest = max(highest, x.Score)
	}
	if r.Finding != nil {
		highest = max(highest, r.Finding.Entity.Score)
	}
	return highest
}

// places finds what is said of a rule in the file of its detection.
type places struct{ d *Detection }

// Place returns the search, or else the file as a whole.
func (p places) Place(path string) (file diag.Text, s diag.Span, found bool) {
	if path == "rule.query" {
		return p.d.Search, diag.Span{End: len(p.d.Search.Value)}, true
	}
	return p.d.File, diag.Span{}, false
}
