package rule

import (
	"fmt"

	"tocsin/internal/diag"
	"tocsin/internal/tomltree"
)

var severities = []Severity{Low, Medium, High, Critical}

// alert checks what an alert says.
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
		if r.Type != TypeThreshold && c.is("rule.alert_suppression", tomltree.Table) {
			c.need(diag.Error, "rule.alert_suppression.group_by", "")
		}
	}
}

// threat checks that each entry of the mapping names what it maps to. The ids themselves are not
// looked up: the list of MITRE ATT&CK grows twice a year.
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
