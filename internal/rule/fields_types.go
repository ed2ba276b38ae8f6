package rule

import "tocsin/internal/diag/tomltree"

var thresholdFields = tomltree.Fields[Threshold]{
	"field":       tomltree.OneOrList(func(t *Threshold) *[]string { return &t.Fields }),
	"value":       tomltree.Number(func(t *Threshold) *int { return &t.Value }),
	"cardinality": tomltree.Each(cardinalityFields, func(t *Threshold) *[]Cardinality { return &t.Cardinality }),
}

var cardinalityFields = tomltree.Fields[Cardinality]{
	"field": tomltree.Scalar(func(c *Cardinality) *string { return &c.Field }),
	"value": tomltree.Number(func(c *Cardinality) *int { return &c.Value }),
}

// newTermsFields: the files have pairs of field and value, the API has two keys.
var newTermsFields = tomltree.Fields[NewTerms]{
	"field": constant[NewTerms]("new_terms_fields"),
	"value": tomltree.OneOrList(func(n *NewTerms) *[]string { return &n.Fields }),
	"history_window_start": func(d *tomltree.Decoder, v *tomltree.Value, n *NewTerms) {
		var starts []NewTerms
		tomltree.Each(historyFields, func(*NewTerms) *[]NewTerms { return &starts })(d, v, n)
		if len(starts) > 0 {
			n.HistoryWindowStart = starts[0].HistoryWindowStart
		}
	},
}

var historyFields = tomltree.Fields[NewTerms]{
	"field": constant[NewTerms]("history_window_start"),
	"value": moment(func(n *NewTerms) *Moment { return &n.HistoryWindowStart }),
}

var threatMappingFields = tomltree.Fields[ThreatMapping]{
	"entries": tomltree.Each(threatEntryFields, func(m *ThreatMapping) *[]ThreatEntry { return &m.Entries }),
}

var threatEntryFields = tomltree.Fields[ThreatEntry]{
	"field":  tomltree.Scalar(func(e *ThreatEntry) *string { return &e.Field }),
	"type":   tomltree.Scalar(func(e *ThreatEntry) *string { return &e.Type }),
	"value":  tomltree.Scalar(func(e *ThreatEntry) *string { return &e.Value }),
	"negate": tomltree.Flag(func(e *ThreatEntry) *bool { return &e.Negate }),
}

var suppressionFields = tomltree.Fields[AlertSuppression]{
	"group_by": tomltree.List(func(s *AlertSuppression) *[]string { return &s.GroupBy }),
	"duration": suppressionDuration,
	"missing_fields_strategy": tomltree.Scalar(func(s *AlertSuppression) *MissingFieldsStrategy {
		return &s.MissingFieldsStrategy
	}),
}

var severityMappingFields = tomltree.Fields[SeverityMapping]{
	"field":    tomltree.Scalar(func(m *SeverityMapping) *string { return &m.Field }),
	"operator": tomltree.Scalar(func(m *SeverityMapping) *string { return &m.Operator }),
	"value":    tomltree.Scalar(func(m *SeverityMapping) *string { return &m.Value }),
	"severity": tomltree.Scalar(func(m *SeverityMapping) *Severity { return &m.Severity }),
}

var riskScoreMappingFields = tomltree.Fields[RiskScoreMapping]{
	"field":      tomltree.Scalar(func(m *RiskScoreMapping) *string { return &m.Field }),
	"operator":   tomltree.Scalar(func(m *RiskScoreMapping) *string { return &m.Operator }),
	"value":      tomltree.Scalar(func(m *RiskScoreMapping) *string { return &m.Value }),
	"risk_score": tomltree.Number(func(m *RiskScoreMapping) *int { return &m.RiskScore }),
}

var investigationFields = tomltree.Fields[Rule]{
	"field_names": tomltree.List(func(r *Rule) *[]string { return &r.InvestigationFields }),
}

var exceptionFields = tomltree.Fields[Exception]{
	"id":             tomltree.Scalar(func(e *Exception) *string { return &e.ID }),
	"list_id":        tomltree.Scalar(func(e *Exception) *string { return &e.ListID }),
	"type":           tomltree.Scalar(func(e *Exception) *string { return &e.Type }),
	"namespace_type": tomltree.Scalar(func(e *Exception) *string { return &e.NamespaceType }),
}

var relatedFields = tomltree.Fields[RelatedIntegration]{
	"package":     tomltree.Scalar(func(i *RelatedIntegration) *string { return &i.Package }),
	"version":     tomltree.Scalar(func(i *RelatedIntegration) *string { return &i.Version }),
	"integration": tomltree.Scalar(func(i *RelatedIntegration) *string { return &i.Integration }),
}

var requiredFields = tomltree.Fields[RequiredField]{
	"name": tomltree.Scalar(func(f *RequiredField) *string { return &f.Name }),
	"type": tomltree.Scalar(func(f *RequiredField) *string { return &f.Type }),
	"ecs":  tomltree.Flag(func(f *RequiredField) *bool { return &f.ECS }),
}
