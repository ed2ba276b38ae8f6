package rule

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

// typeKeys checks that a rule has the keys of its type.
func (c *checker) typeKeys() {
	r := c.r
	needs := types[r.Type]
	why := fmt.Sprintf(": a rule of type %s needs it", r.Type)
	for _, key := range needs.keys {
		if !c.elsewhere(key) {
			c.need(diag.Error, "rule."+key, why)
		}
	}
	if len(needs.languages) > 1 {
		c.need(diag.Error, "rule.language", why)
	}
	if needs.index && len(r.Index) == 0 && r.DataViewID == "" && (!c.has("rule.index") || c.is("rule.index", tomltree.Array)) {
		c.warn("no-index", "rule.index", "neither rule.index nor rule.data_view_id says which indices are searched")
	}
	for _, key := range []string{"rule.query", "rule.threat_query"} {
		if v, _ := c.root.Find(key); c.is(key, tomltree.String) && !c.filtersOnly(key) {
			c.text(key, v.Text)
		}
	}
}

// filtersOnly reports whether a query may be empty: in Kibana it then matches everything, and the
// filters select.
func (c *checker) filtersOnly(key string) bool {
	return key == "rule.query" && len(c.r.Filters) > 0 && slices.Contains(queryLanguages, c.r.Language)
}

// elsewhere reports whether a key may be missing here: its table is missing, which is reported
// separately, or it is present in the spelling of Kibana's API.
func (c *checker) elsewhere(key string) bool {
	if c.r.Type == TypeNewTerms && c.has("rule.new_terms_fields") && c.has("rule.history_window_start") {
		return strings.HasPrefix(key, "new_terms")
	}
	table, _, nested := strings.Cut(key, ".")
	return nested && !c.is("rule."+table, tomltree.Table)
}

// language checks that the language exists and that the type can run it.
func (c *checker) language() {
	r := c.r
	all := []Language{Kuery, Lucene, EQL, ESQL}
	if r.ThreatMatch != nil {
		word(c, "unknown-language", "rule.threat_language", r.ThreatMatch.Language, queryLanguages...)
	}
	word(c, "unknown-language", "rule.language", r.Language, all...)
	fit := types[r.Type].languages
	if r.Language == "" || len(fit) == 0 || !slices.Contains(all, r.Language) || slices.Contains(fit, r.Language) {
		return
	}
	names := make([]string, len(fit))
	for i, l := range fit {
		names[i] = string(l)
	}
	c.fail("language-mismatch", "rule.language", "language %s does not fit type %s, which takes %s", r.Language, r.Type, strings.Join(names, " or "))
}

// typeValues checks the numbers and lists of a type.
func (c *checker) typeValues() {
	r := c.r
	if t := r.Threshold; t != nil {
		c.number("rule.threshold.value", t.Value, 1, unbounded)
		c.maxLength("rule.threshold.field", len(t.Fields), maxThresholdFields)
		for i, card := range t.Cardinality {
			at := fmt.Sprintf("rule.threshold.cardinality[%d].", i)
			c.need(diag.Error, at+"field", "")
			c.need(diag.Error, at+"value", "")
			c.number(at+"value", card.Value, 0, unbounded)
		}
	}
	if n := r.NewTerms; n != nil {
		key := "rule.new_terms.value"
		if c.has("rule.new_terms_fields") {
			key = "rule.new_terms_fields"
		}
		c.maxLength(key, len(n.Fields), maxNewTermsFields)
	}
	if m := r.MachineLearning; m != nil {
		c.number("rule.anomaly_threshold", m.AnomalyThreshold, 0, 100)
	}
	if t := r.ThreatMatch; t != nil {
		c.threatMapping(t)
	}
	c.notEmpty("rule.machine_learning_job_id", "rule.new_terms.value", "rule.new_terms_fields", "rule.new_terms.history_window_start",
		"rule.threat_index", "rule.threat_mapping", "rule.alert_suppression.group_by")
}

// The maximum numbers of fields of a group, as in Kibana.
const (
	maxThresholdFields = 5
	maxNewTermsFields  = 3
)

// maxLength checks the maximum length of a list of fields.
func (c *checker) maxLength(key string, n, most int) {
	if n > most {
		c.fail("bad-value", key, "%s names %d fields, more than %d", key, n, most)
	}
}

// notEmpty checks lists that must not be empty.
func (c *checker) notEmpty(keys ...string) {
	for _, key := range keys {
		if v, found := c.root.Find(key); found && v.Kind == tomltree.Array && len(v.Items) == 0 {
			c.fail("bad-value", key, "%s must not be empty", key)
		}
	}
}

// threatMapping checks the pairs of fields of a threat_match rule.
func (c *checker) threatMapping(t *ThreatMatch) {
	for i, m := range t.Mapping {
		at := fmt.Sprintf("rule.threat_mapping[%d].entries", i)
		c.need(diag.Error, at, "")
		c.notEmpty(at)
		for j, e := range m.Entries {
			entry := fmt.Sprintf("%s[%d].", at, j)
			c.need(diag.Error, entry+"field", "")
			c.need(diag.Error, entry+"value", "")
			word(c, "bad-value", entry+"type", e.Type, "mapping")
		}
	}
}
