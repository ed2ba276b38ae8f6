package report

import (
	"net/url"
	"path/filepath"
	"slices"

	"tocsin/internal/diag"
)

// The parts of SARIF 2.1.0 that code scanning reads.
type (
	sarifLog struct {
		Version string     `json:"version"`
		Schema  string     `json:"$schema"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID string `json:"id"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
)

// sarif makes a SARIF result of every diagnostic. Its SARIF rule is the diagnostic's code.
func (r *Report) sarif() sarifLog {
	run := sarifRun{Tool: sarifTool{Driver: sarifDriver{Name: "tocsin", Rules: []sarifRule{}}}, Results: []sarifResult{}}
	known := map[string]bool{}
	all := slices.Clone(r.Diagnostics)
	for _, result := range r.Results {
		all = append(all, result.Diagnostics...)
	}
	for _, d := range all {
		if !known[d.Code] {
			known[d.Code] = true
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{d.Code})
		}
		run.Results = append(run.Results, sarifOf(d))
	}
	return sarifLog{Version: "2.1.0", Schema: "https://json.schemastore.org/sarif-2.1.0.json", Runs: []sarifRun{run}}
}

// uri writes a path as a URI reference, in which a space or a percent sign is encoded.
func uri(path string) string { return (&url.URL{Path: filepath.ToSlash(path)}).String() }

func sarifOf(d diag.Diagnostic) sarifResult {
	place := sarifPhysical{Artifact: sarifArtifact{URI: uri(d.File)}}
	if d.Line > 0 {
		place.Region = &sarifRegion{d.Line, d.Column}
	}
	return sarifResult{
		RuleID: d.Code, Level: d.Severity.String(), Message: sarifMessage{d.Message},
		Locations: []sarifLocation{{place}},
	}
}
