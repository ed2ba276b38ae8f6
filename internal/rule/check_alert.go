package rule

import (
	"fmt"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

var severities = []Severity{Low, Medium, High, Critical}

// alert checks the alert's content.
func (c *checker) alert() {
	r := c.r
	word(c, "unknown-severity", "rule.severity", r.Severity, severities...)
	c.number("rule.risk_score", r.RiskScore, 0, 100)
	for i, m := range r.SeverityMapping {
		at := fmt.Sprintf("rule.severity_mapping[%d].", i)
		c.need(diag.Error, at+"field", "")
		word(c, "unknown-severity", at+"severity", m.Severity, severities...)
		word(c, "bad-value", at+"operator", m.Operator, "equals")
	}
	for i, m := range r.RiskScoreMapping {
		at := fmt.Sprintf("rule.risk_score_mapping[%d].", i)
		c.need(diag.Error, at+"field", "")
		word(c, "bad-value", at+"operator", m.Operator, "equals")
		c.number(at+"risk_score", m.RiskScore, 0, 100)
	}
	word(c, "bad-value", "rule.building_block_type", r.BuildingBlockType, "default")
	if s := r.AlertSuppression; s != nil {
		word(c, "bad-value", "rule.alert_suppression.missing_fields_strategy", s.MissingFieldsStrategy, Suppress, DoNotSuppress)
		if c.is("rule.alert_suppression", tomltree.Table) {
			c.suppression(s)
		}
	}
}

// maxGroupBy is the maximum number of suppression fields, as in Kibana.
const maxGroupBy = 5

// suppression checks alert suppression. A threshold rule already has groups, so it can only set a
// duration.
func (c *checker) suppression(s *AlertSuppression) {
	const at = "rule.alert_suppression."
	if c.r.Type != TypeThreshold {
		if c.need(diag.Error, at+"group_by", ""); len(s.GroupBy) > maxGroupBy {
			c.fail("bad-value", at+"group_by", "%sgroup_by has %d fields, at most %d are allowed", at, len(s.GroupBy), maxGroupBy)
		}
		return
	}
	c.need(diag.Error, at+"duration", ": a rule of type threshold needs it")
	for _, key := range []string{"group_by", "missing_fields_strategy"} {
		if c.has(at + key) {
			c.fail("bad-value", at+key, "%s%s: a rule of type threshold is suppressed by the fields of its threshold", at, key)
		}
	}
}

// threat checks that each entry of the mapping names its target. The ids themselves are not looked
// up: MITRE ATT&CK grows twice a year.
func (c *checker) threat() {
	for i, t := range c.r.Threat {
		at := fmt.Sprintf("rule.threat[%d].", i)
		c.need(diag.Warning, at+"framework", "")
		if c.need(diag.Warning, at+"tactic", ""); c.is(at+"tactic", tomltree.Table) {
			c.mapped(at + "tactic.")
		}
		for j, technique := range t.Technique {
			way := fmt.Sprintf("%stechnique[%d].", at, j)
			c.mapped(way)
			for k := range technique.Subtechnique {
				c.mapped(fmt.Sprintf("%ssubtechnique[%d].", way, k))
			}
		}
	}
}

// mapped checks one part of a mapping.
func (c *checker) mapped(at string) {
	c.need(diag.Warning, at+"id", "")
	c.need(diag.Warning, at+"name", "")
}
