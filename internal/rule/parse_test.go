package rule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/datemath"
)

const header = `[rule]
rule_id = "0c9b3a52-6f0e-4d8e-9d0a-3f1f0a3b7c11"
name = "N"
description = "D"
severity = "low"
risk_score = 21
index = ["logs-*"]
`

func TestDefaults(t *testing.T) {
	r := mustParse(t, header+"type = 'eql'\nquery = 'any where true'\n")
	want := &rule.Rule{
		Path: "rule.toml", ContentHash: r.ContentHash,
		ID: "0c9b3a52-6f0e-4d8e-9d0a-3f1f0a3b7c11", Name: "N", Description: "D", Type: rule.TypeEQL,
		Language: rule.EQL, Index: []string{"logs-*"}, TimestampField: "@timestamp",
		Interval: 5 * time.Minute, From: moment(t, "now-6m"), To: moment(t, "now"), MaxSignals: 100,
		Severity: rule.Low, RiskScore: 21,
	}
	if diff := cmp.Diff(want, r, ignorePlaces); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if r.Query.Value != "any where true" {
		t.Errorf("query = %q", r.Query.Value)
	}
}

// ignorePlaces ignores positions, which have their own tests.
var ignorePlaces = cmp.Options{
	cmpopts.IgnoreFields(rule.Rule{}, "Source"),
	cmpopts.IgnoreTypes(diag.Text{}),
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, in string
		get      func(*rule.Rule) any
		want     any
	}{
		{
			"schedule", "type = 'eql'\nquery = 'x'\ninterval = '1h'\nfrom = 'now-70m'\nto = 'now-10m'\nmax_signals = 5",
			func(r *rule.Rule) any { return []any{r.Interval, r.From, r.To, r.MaxSignals} },
			[]any{time.Hour, moment(t, "now-70m"), moment(t, "now-10m"), 5},
		},
		{
			"cron", "type = 'eql'\nquery = 'x'\ncron = '0 * * * *'\nfrom = 'now-61m'",
			func(r *rule.Rule) any { return []any{r.Cron, r.Interval} },
			[]any{"0 * * * *", time.Duration(0)},
		},
		{
			"cron of even spacing", "type = 'eql'\nquery = 'x'\ncron = '@every 5m'",
			func(r *rule.Rule) any { return r.Cron }, "@every 5m",
		},
		{
			"disabled", "type = 'eql'\nquery = 'x'\nenabled = false",
			func(r *rule.Rule) any { return *r.Enabled }, false,
		},
		{
			"query with filters", "type = 'query'\nlanguage = 'lucene'\nquery = 'x'\n[[rule.filters]]\n[rule.filters.meta]\nnegate = true\n[rule.filters.query.wildcard.\"file.path\"]\nvalue = 'a*'\n",
			func(r *rule.Rule) any { return []any{r.Language, r.Filters} },
			[]any{rule.Lucene, []map[string]any{{
				"meta":  map[string]any{"negate": true},
				"query": map[string]any{"wildcard": map[string]any{"file.path": map[string]any{"value": "a*"}}},
			}}},
		},
		{
			"saved query", "type = 'saved_query'\nsaved_id = 's'",
			func(r *rule.Rule) any { return r.SavedID }, "s",
		},
		{
			"threshold", "type = 'threshold'\nlanguage = 'kuery'\nquery = 'x'\n[rule.threshold]\nfield = 'host.id'\nvalue = 3\n[[rule.threshold.cardinality]]\nfield = 'user.id'\nvalue = 2",
			func(r *rule.Rule) any { return r.Threshold },
			&rule.Threshold{Fields: []string{"host.id"}, Value: 3, Cardinality: []rule.Cardinality{{Field: "user.id", Value: 2}}},
		},
		{
			"threshold over everything", "type = 'threshold'\nlanguage = 'kuery'\nquery = 'x'\nthreshold = { field = [], value = 30 }",
			func(r *rule.Rule) any { return r.Threshold },
			&rule.Threshold{Fields: []string{}, Value: 30},
		},
		{
			"new terms", "type = 'new_terms'\nlanguage = 'kuery'\nquery = 'x'\n[rule.new_terms]\nfield = 'new_terms_fields'\nvalue = ['a', 'b']\n[[rule.new_terms.history_window_start]]\nfield = 'history_window_start'\nvalue = 'now-7d'",
			func(r *rule.Rule) any { return r.NewTerms },
			&rule.NewTerms{Fields: []string{"a", "b"}, HistoryWindowStart: moment(t, "now-7d")},
		},
		{
			"new terms as in the API", "type = 'new_terms'\nlanguage = 'kuery'\nquery = 'x'\nnew_terms_fields = ['a']\nhistory_window_start = 'now-7d'",
			func(r *rule.Rule) any { return r.NewTerms },
			&rule.NewTerms{Fields: []string{"a"}, HistoryWindowStart: moment(t, "now-7d")},
		},
		{
			"threat match", "type = 'threat_match'\nlanguage = 'kuery'\nquery = 'x'\nthreat_index = ['ti-*']\nthreat_query = '*'\nthreat_indicator_path = 'threat.indicator'\n[[rule.threat_mapping]]\n[[rule.threat_mapping.entries]]\nfield = 'a'\ntype = 'mapping'\nvalue = 'b'\nnegate = true",
			func(r *rule.Rule) any { return r.ThreatMatch },
			&rule.ThreatMatch{
				Index: []string{"ti-*"}, Language: rule.Kuery, IndicatorPath: "threat.indicator",
				Mapping: []rule.ThreatMapping{{Entries: []rule.ThreatEntry{{Field: "a", Type: "mapping", Value: "b", Negate: true}}}},
			},
		},
		{
			"machine learning", "type = 'machine_learning'\nmachine_learning_job_id = 'j'\nanomaly_threshold = 75",
			func(r *rule.Rule) any { return r.MachineLearning },
			&rule.MachineLearning{JobIDs: []string{"j"}, AnomalyThreshold: 75},
		},
		{
			"esql needs no index", "type = 'esql'\nquery = 'FROM x'",
			func(r *rule.Rule) any { return r.Language }, rule.ESQL,
		},
		{
			"suppression", "type = 'eql'\nquery = 'x'\n[rule.alert_suppression]\ngroup_by = ['a']\nmissing_fields_strategy = 'doNotSuppress'\nduration = { value = 6, unit = 'h' }",
			func(r *rule.Rule) any { return r.AlertSuppression },
			&rule.AlertSuppression{GroupBy: []string{"a"}, Duration: 6 * time.Hour, MissingFieldsStrategy: rule.DoNotSuppress},
		},
		{
			"mappings", "type = 'eql'\nquery = 'x'\n[[rule.severity_mapping]]\nfield = 'f'\noperator = 'equals'\nvalue = '99'\nseverity = 'critical'\n[[rule.risk_score_mapping]]\nfield = 'g'\noperator = 'equals'\nvalue = ''",
			func(r *rule.Rule) any { return []any{r.SeverityMapping, r.RiskScoreMapping} },
			[]any{
				[]rule.SeverityMapping{{Field: "f", Operator: "equals", Value: "99", Severity: rule.Critical}},
				[]rule.RiskScoreMapping{{Field: "g", Operator: "equals"}},
			},
		},
		{
			"threat", "type = 'eql'\nquery = 'x'\n[[rule.threat]]\nframework = 'MITRE ATT&CK'\n[[rule.threat.technique]]\nid = 'T1'\nname = 'n'\nreference = 'u'\n[[rule.threat.technique.subtechnique]]\nid = 'T1.1'\nname = 's'\n[rule.threat.tactic]\nid = 'TA'\nname = 't'",
			func(r *rule.Rule) any { return r.Threat },
			[]rule.Threat{{
				Framework: "MITRE ATT&CK", Tactic: rule.Tactic{ID: "TA", Name: "t"},
				Technique: []rule.Technique{{ID: "T1", Name: "n", Reference: "u", Subtechnique: []rule.Subtechnique{{ID: "T1.1", Name: "s"}}}},
			}},
		},
		{
			"metadata", "type = 'eql'\nquery = 'x'\n[metadata]\ncreation_date = '2025/06/23'\nupdated_date = 2025-07-07\nintegration = 'endpoint'\nmaturity = 'production'\npromotion = true",
			func(r *rule.Rule) any { return r.Metadata },
			rule.Metadata{
				CreationDate: time.Date(2025, 6, 23, 0, 0, 0, 0, time.UTC), UpdatedDate: time.Date(2025, 7, 7, 0, 0, 0, 0, time.UTC),
				Integration: []string{"endpoint"}, Maturity: rule.Production, Promotion: true,
			},
		},
		{
			"transform", "type = 'eql'\nquery = 'x'\n[[transform.investigate]]\nlabel = 'l'\nproviders = [[{ excluded = false, field = 'f', queryType = 'phrase', value = 'v', valueType = 'string' }], []]\n[[transform.osquery]]\nlabel = 'o'\nquery = 'SELECT 1'",
			func(r *rule.Rule) any { return r.Transform },
			rule.Transform{
				Investigate: []rule.Investigate{{Label: "l", Providers: [][]rule.Provider{{{Field: "f", QueryType: "phrase", Value: "v", ValueType: "string"}}, {}}}},
				Osquery:     []rule.Osquery{{Label: "o", Query: "SELECT 1"}},
			},
		},
		{
			"what Kibana keeps", "type = 'eql'\nquery = 'x'\nversion = 3\nmeta = { a = 1 }\ninvestigation_fields = { field_names = ['f'] }\nexceptions_list = [{ id = 'i', list_id = 'l', type = 'endpoint', namespace_type = 'agnostic' }]\nrequired_fields = [{ name = 'n', type = 'keyword', ecs = true }]\nrelated_integrations = [{ package = 'p', version = '1' }]",
			func(r *rule.Rule) any {
				return []any{r.Version, r.Meta, r.InvestigationFields, r.ExceptionsList, r.RequiredFields, r.RelatedIntegrations}
			},
			[]any{
				3,
				map[string]any{"a": int64(1)},
				[]string{"f"},
				[]rule.Exception{{ID: "i", ListID: "l", Type: "endpoint", NamespaceType: "agnostic"}},
				[]rule.RequiredField{{Name: "n", Type: "keyword", ECS: true}},
				[]rule.RelatedIntegration{{Package: "p", Version: "1"}},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.get(mustParse(t, header+tt.in))
			if diff := cmp.Diff(tt.want, got, ignorePlaces); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestReport(t *testing.T) {
	r := mustParse(t, header+"type = 'eql'\nquery = '''\nany where\n  bad'''\n[[rule.threat]]\nframework = 'F'\ntactic = { id = 'TA', name = 'n' }\n")
	tests := []struct{ name, key, want string }{
		{"value", "rule.type", "rule.toml:8:8"},
		{"element", "rule.index[0]", "rule.toml:7:10"},
		{"deep", "rule.threat[0].tactic.id", "rule.toml:14:17"},
		{"absent", "rule.note", "rule.toml:1:1"},
		{"absent in a list", "rule.threat[0].technique", "rule.toml:12:1"},
		{"no such table", "transform.osquery", "rule.toml:1:1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, r.Report(diag.Error, "x/y", tt.key, "").Place()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	at := strings.Index(r.Query.Value, "bad")
	if d := r.Query.Report(diag.Error, "", diag.Span{Start: at, End: at + 3}, ""); d.Place() != "rule.toml:11:3" {
		t.Errorf("a byte of the query is reported at %s", d.Place())
	}
	made := &rule.Rule{Path: "memory"}
	if d := made.Report(diag.Error, "x/y", "rule.type", "m"); d.Place() != "memory" {
		t.Errorf("a rule without a file is reported at %s", d.Place())
	}
}

func TestContentHash(t *testing.T) {
	const body = "type = 'eql'\nquery = '''\na\nb'''\ntags = ['x', 'y']\n"
	first := mustParse(t, header+body).ContentHash
	tests := []struct {
		name, in string
		same     bool
	}{
		{"comment", "# c\n" + header + body, true},
		{"line ends", strings.ReplaceAll(header+body, "\n", "\r\n"), true},
		{"order", header + "tags = [ 'x',\n 'y' ]\nquery = \"a\\nb\"\ntype = 'eql'\n", true},
		{"metadata", header + body + "[metadata]\nmaturity = 'beta'\n", true},
		{"enabled", header + body + "enabled = true\n", true},
		{"tag order", header + strings.Replace(body, "'x', 'y'", "'y', 'x'", 1), false},
		{"tags joined", header + strings.Replace(body, "'x', 'y'", "'xy'", 1), false},
		{"query", header + strings.Replace(body, "a\nb", "a\nc", 1), false},
		{"default written out", header + body + "interval = '5m'\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := mustParse(t, tt.in).ContentHash; (got == first) != tt.same {
				t.Errorf("hash equal = %t, want %t", got == first, tt.same)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(header + "type = 'eql'\nquery = '''\nx'''\n[[rule.threat]]\nframework = 1\n")
	f.Add("[rule]\ntype = 'threshold'\nthreshold = { field = 'a' }\ncron = '@every 1s'\nfrom = 'now+1d'\n[rule]\n")
	f.Add("[rule]\ntype = 'new_terms'\nnew_terms = { value = [], history_window_start = [{ value = 'now-1y/d' }] }\n")
	f.Add(header + "cron = 'CRON_TZ=x 0 0 30 2 *'\n")
	f.Add("\uFEFF[[rule]]\r\nquery = \"\\u00e9\"\r\n")
	f.Fuzz(func(t *testing.T, content string) {
		r, list := rule.Parse("f", content)
		if r == nil {
			t.Fatal("no rule")
		}
		list = append(list, r.Report(diag.Note, "", "rule.query", ""), r.Query.Report(diag.Note, "", diag.Span{End: 1}, ""))
		lines := strings.Split(strings.TrimPrefix(content, "\uFEFF"), "\n")
		for _, d := range list {
			if d.Line < 1 || d.Line > len(lines) || d.Column < 1 || d.Column > len([]rune(lines[d.Line-1]))+1 {
				t.Errorf("outside of the file: %v", d)
			}
		}
	})
}

func mustParse(t *testing.T, content string) *rule.Rule {
	t.Helper()
	r, list := rule.Parse("rule.toml", content)
	if len(list) > 0 {
		t.Fatal(render(t, list))
	}
	return r
}

func moment(t *testing.T, text string) rule.Moment {
	t.Helper()
	e, err := datemath.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return rule.Moment{Text: text, Expr: e}
}
