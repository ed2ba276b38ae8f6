package escu

import (
	"slices"
	"strings"

	"tocsin/internal/diag"
)

// Risk describes the risk that the rows of a detection add.
type Risk struct {
	Objects []RiskObject
	Threats []ThreatObject
	// Finding has the title and entity of a finding; nil if the file has none.
	Finding *Finding
}

// RiskObject is a field whose values are users, systems or other objects with a risk score.
type RiskObject struct {
	Field, Type string
	Score       int
	// Message is the text, with $field$ tokens.
	Message string
}

// ThreatObject is a field with an object that was used in the attack.
type ThreatObject struct{ Field, Type string }

// Finding is the finding section of ESCU 6.
type Finding struct {
	Title  string
	Entity RiskObject
}

// threatTypes are the threat object types that generations 5 and 6 define.
var threatTypes = []string{
	"certificate_common_name", "certificate_organization", "certificate_serial", "certificate_unit", "command", "domain",
	"email_address", "email_subject", "file_hash", "file_name", "file_path", "http_user_agent", "ip_address", "process",
	"process_name", "parent_process", "parent_process_name", "process_hash", "registry_path", "registry_value_name",
	"registry_value_text", "service", "signature", "system", "tls_hash", "url",
}

var riskTypes = []string{"system", "user", "other"}

// readRisk reads the risk of a file in the form of its generation. A half-converted file may have two forms: a
// field then counts once.
func readRisk(o, tags *object, d *Detection) Risk {
	if d.Generation == V4 {
		return readObservables(tags)
	}
	r := readFindings(o)
	before := readRBA(o)
	for _, x := range before.Objects {
		if !slices.ContainsFunc(r.Objects, func(y RiskObject) bool { return y.Field == x.Field }) {
			r.Objects = append(r.Objects, x)
		}
	}
	for _, x := range before.Threats {
		if !slices.Contains(r.Threats, x) {
			r.Threats = append(r.Threats, x)
		}
	}
	return r
}

// checkRisk checks the risk of a file against the type of its detection.
func checkRisk(o *object, d *Detection) {
	if d.Risk.Finding == nil {
		return
	}
	switch {
	case d.Type == Anomaly:
		o.report(diag.Warning, CodeValue, o.get("finding"), "an Anomaly makes no finding: the format has intermediate_findings for it")
	case d.Type == Hunting || d.Type == Baseline:
		o.report(diag.Warning, CodeValue, o.get("finding"), "a %s makes neither finding nor risk", d.Type)
	case d.Risk.Finding.Entity.Field == "":
		o.report(diag.Warning, CodeMissing, o.get("finding"), "the finding has no entity with a field: nobody is scored for it")
	}
}

// readObservables converts the observables of generation 4 in the same way as contentctl.
func readObservables(tags *object) Risk {
	var r Risk
	message, score := tags.text("message"), tags.number("risk_score", 0)
	for _, b := range tags.objects("observable") {
		name, kind, roles := b.text("name"), strings.ToLower(b.text("type")), b.texts("role")
		b.rest()
		if slices.ContainsFunc(roles, func(role string) bool { return strings.EqualFold(role, "Attacker") }) {
			r.Threats = append(r.Threats, ThreatObject{name, threatType(kind)})
			continue
		}
		r.Objects = append(r.Objects, RiskObject{name, riskType(kind), score, message})
	}
	return r
}

func riskType(kind string) string {
	switch kind {
	case "user", "username", "email address":
		return "user"
	case "device", "endpoint", "hostname", "ip address":
		return "system"
	}
	return "other"
}

func threatType(kind string) string {
	switch kind {
	case "process name", "process":
		return "process"
	case "file name", "file", "file hash":
		return "file_name"
	case "ip address":
		return "ip_address"
	case "url string", "url":
		return "url"
	}
	return kind
}

func readRBA(o *object) Risk {
	var r Risk
	if !o.has("rba") {
		return r
	}
	b := o.object("rba")
	message := b.text("message")
	for _, x := range b.objects("risk_objects") {
		r.Objects = append(r.Objects, RiskObject{x.text("field"), oneOf(x, riskTypes), score(x), message})
		x.rest()
	}
	r.Threats = readThreats(b)
	b.ignore("throttling")
	b.rest()
	return r
}

func readThreats(o *object) []ThreatObject {
	var out []ThreatObject
	for _, x := range o.objects("threat_objects") {
		out = append(out, ThreatObject{x.text("field"), oneOf(x, threatTypes)})
		x.rest()
	}
	return out
}

func readFindings(o *object) Risk {
	var r Risk
	if o.has("finding") {
		f := o.object("finding")
		r.Finding = &Finding{Title: f.text("title")}
		if f.has("entity") {
			e := f.object("entity")
			r.Finding.Entity = RiskObject{e.text("field"), oneOf(e, riskTypes), score(e), r.Finding.Title}
			e.rest()
		}
		f.rest()
	}
	if o.has("intermediate_findings") {
		f := o.object("intermediate_findings")
		for _, e := range f.objects("entities") {
			r.Objects = append(r.Objects, RiskObject{e.text("field"), oneOf(e, riskTypes), score(e), e.text("message")})
			e.rest()
		}
		f.rest()
	}
	r.Threats = readThreats(o)
	return r
}

// score reads a risk score from 0 to 100.
func score(o *object) int {
	n := o.number("score", 0)
	if n < 0 || n > 100 {
		o.report(diag.Error, CodeValue, o.get("score"), "the score %d is not within 0 and 100", n)
	}
	return n
}

// oneOf reads a type from a list of words. Other words are accepted with a warning, since the list grows.
func oneOf(o *object, known []string) string {
	v := o.text("type")
	if v != "" && !slices.Contains(known, v) {
		o.report(diag.Warning, CodeValue, o.get("type"), "%s %s is not one that is known", o.at("type"), v)
	}
	return v
}

// Severity returns the severity of the highest score in Splunk's grades; high without a score.
func (r Risk) Severity() string {
	highest := -1
	for _, x := range r.Objects {
		highest = max(highest, x.Score)
	}
	if r.Finding != nil && r.Finding.Entity.Field != "" {
		highest = max(highest, r.Finding.Entity.Score)
	}
	switch {
	case highest < 0:
		return "high"
	case highest <= 20:
		return "informational"
	case highest <= 40:
		return "low"
	case highest <= 60:
		return "medium"
	case highest <= 80:
		return "high"
	}
	return "critical"
}
