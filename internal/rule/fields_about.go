package rule

import (
	"time"

	"tocsin/internal/diag/tomltree"
)

var metadataFields = tomltree.Fields[Metadata]{
	"creation_date":      day(func(m *Metadata) *time.Time { return &m.CreationDate }),
	"updated_date":       day(func(m *Metadata) *time.Time { return &m.UpdatedDate }),
	"deprecation_date":   day(func(m *Metadata) *time.Time { return &m.DeprecationDate }),
	"deprecated_reason":  tomltree.Scalar(func(m *Metadata) *string { return &m.DeprecatedReason }),
	"maturity":           tomltree.Scalar(func(m *Metadata) *Maturity { return &m.Maturity }),
	"integration":        tomltree.OneOrList(func(m *Metadata) *[]string { return &m.Integration }),
	"min_stack_version":  tomltree.Scalar(func(m *Metadata) *string { return &m.MinStackVersion }),
	"min_stack_comments": tomltree.Scalar(func(m *Metadata) *string { return &m.MinStackComments }),
	"bypass_bbr_timing":  tomltree.Flag(func(m *Metadata) *bool { return &m.BypassBBRTiming }),
	"promotion":          tomltree.Flag(func(m *Metadata) *bool { return &m.Promotion }),

	// Valid in the schema, but not used in any published rule.
	"comments":                tomltree.Scalar(func(m *Metadata) *string { return &m.Comments }),
	"os_type_list":            tomltree.List(func(m *Metadata) *[]string { return &m.OSTypeList }),
	"query_schema_validation": tomltree.Flag(func(m *Metadata) *bool { return made(&m.QuerySchemaValidation) }),
	"related_endpoint_rules":  tomltree.List(func(m *Metadata) *[]string { return &m.RelatedEndpointRules }),
	"extended":                tomltree.Free(func(m *Metadata) *map[string]any { return &m.Extended }),
}

var transformFields = tomltree.Fields[Transform]{
	"investigate": tomltree.Each(investigateFields, func(t *Transform) *[]Investigate { return &t.Investigate }),
	"osquery":     tomltree.Each(osqueryFields, func(t *Transform) *[]Osquery { return &t.Osquery }),
}

var investigateFields = tomltree.Fields[Investigate]{
	"label":        tomltree.Scalar(func(i *Investigate) *string { return &i.Label }),
	"description":  tomltree.Scalar(func(i *Investigate) *string { return &i.Description }),
	"providers":    tomltree.EachOfEach(providerFields, func(i *Investigate) *[][]Provider { return &i.Providers }),
	"relativeFrom": tomltree.Scalar(func(i *Investigate) *string { return &i.RelativeFrom }),
	"relativeTo":   tomltree.Scalar(func(i *Investigate) *string { return &i.RelativeTo }),
}

var providerFields = tomltree.Fields[Provider]{
	"excluded":  tomltree.Flag(func(p *Provider) *bool { return &p.Excluded }),
	"field":     tomltree.Scalar(func(p *Provider) *string { return &p.Field }),
	"queryType": tomltree.Scalar(func(p *Provider) *string { return &p.QueryType }),
	"value":     tomltree.Scalar(func(p *Provider) *string { return &p.Value }),
	"valueType": tomltree.Scalar(func(p *Provider) *string { return &p.ValueType }),
}

var osqueryFields = tomltree.Fields[Osquery]{
	"label":       tomltree.Scalar(func(q *Osquery) *string { return &q.Label }),
	"query":       tomltree.Scalar(func(q *Osquery) *string { return &q.Query }),
	"ecs_mapping": tomltree.Free(func(q *Osquery) *map[string]any { return &q.ECSMapping }),
}

var threatFields = tomltree.Fields[Threat]{
	"framework": tomltree.Scalar(func(t *Threat) *string { return &t.Framework }),
	"tactic":    tomltree.Sub(tacticFields, func(t *Threat) *Tactic { return &t.Tactic }),
	"technique": tomltree.Each(techniqueFields, func(t *Threat) *[]Technique { return &t.Technique }),
}

var tacticFields = tomltree.Fields[Tactic]{
	"id":        tomltree.Scalar(func(t *Tactic) *string { return &t.ID }),
	"name":      tomltree.Scalar(func(t *Tactic) *string { return &t.Name }),
	"reference": tomltree.Scalar(func(t *Tactic) *string { return &t.Reference }),
}

var techniqueFields = tomltree.Fields[Technique]{
	"id":           tomltree.Scalar(func(t *Technique) *string { return &t.ID }),
	"name":         tomltree.Scalar(func(t *Technique) *string { return &t.Name }),
	"reference":    tomltree.Scalar(func(t *Technique) *string { return &t.Reference }),
	"subtechnique": tomltree.Each(subtechniqueFields, func(t *Technique) *[]Subtechnique { return &t.Subtechnique }),
}

var subtechniqueFields = tomltree.Fields[Subtechnique]{
	"id":        tomltree.Scalar(func(s *Subtechnique) *string { return &s.ID }),
	"name":      tomltree.Scalar(func(s *Subtechnique) *string { return &s.Name }),
	"reference": tomltree.Scalar(func(s *Subtechnique) *string { return &s.Reference }),
}
