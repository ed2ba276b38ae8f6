package alert_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
)

// mapped makes the alert of an event whose index maps its fields.
func mapped(t *testing.T, r *rule.Rule, e event.Event, types mapping.Fields) map[string]any {
	t.Helper()
	doc, err := alert.NewBuilder(r, alert.Options{}, alert.Indices{Fields: func(string) mapping.Fields { return types }}).Build(alert.Finding{Event: e}, aRun())
	if err != nil {
		t.Fatal(err)
	}
	return roundTrip(t, doc.Source)
}

// TestMappedAlert: an alert depends on the values of the event's fields, not on their spelling.
func TestMappedAlert(t *testing.T) {
	date := func(format string) mapping.Field { return mapping.Field{Type: mapping.Date, Format: format} }
	keyword := mapping.Field{Type: mapping.Keyword}
	tests := []struct {
		name   string
		fields map[string]mapping.Field
		change func(*rule.Rule)
		source string
		key    string
		want   any
	}{
		{"time in seconds", map[string]mapping.Field{"@timestamp": date("epoch_second")}, nil, `{"@timestamp":1772359995}`, "original_time", "2026-03-01T10:13:15.000Z"},
		{"time in seconds, in text", map[string]mapping.Field{"@timestamp": date("epoch_second")}, nil, `{"@timestamp":"1772359995.5"}`, "original_time", "2026-03-01T10:13:15.500Z"},
		{"day before month", map[string]mapping.Field{"@timestamp": date("dd/MM/yyyy HH:mm")}, nil, `{"@timestamp":"02/03/2026 10:13"}`, "original_time", "2026-03-02T10:13:00.000Z"},
		{"month before day", map[string]mapping.Field{"@timestamp": date("MM/dd/yyyy HH:mm")}, nil, `{"@timestamp":"02/03/2026 10:13"}`, "original_time", "2026-02-03T10:13:00.000Z"},
		{"another name of the time", map[string]mapping.Field{"@timestamp": {Type: mapping.Date, Path: "t"}}, nil, `{"t":"2026-03-01T10:13:15Z"}`, "original_time", "2026-03-01T10:13:15.000Z"},
		{"nanoseconds", map[string]mapping.Field{"@timestamp": {Type: mapping.DateNanos}}, nil, `{"@timestamp":"2026-03-01T10:13:15.123999Z"}`, "original_time", "2026-03-01T10:13:15.123Z"},
		{"no value where null is one", map[string]mapping.Field{"@timestamp": {Type: mapping.Date, NullValue: "2020-01-01"}}, nil, `{"@timestamp":null}`, "original_time", "2020-01-01T00:00:00.000Z"},
		{"a time that cannot be read", map[string]mapping.Field{"@timestamp": date("epoch_second")}, nil, `{"@timestamp":"soon"}`, "original_time", nil},
		{"another date of the event", map[string]mapping.Field{"event.created": date("epoch_second")}, nil, `{"event":{"created":[1772359995,1772359996]}}`, "original_event.created", []any{"2026-03-01T10:13:15.000Z", "2026-03-01T10:13:16.000Z"}},
		{"one that everybody reads", map[string]mapping.Field{"event.created": date("")}, nil, `{"event":{"created":"2026-03-01T11:13:15+01:00"}}`, "original_event.created", "2026-03-01T11:13:15+01:00"},
		{"data stream that only its index says", map[string]mapping.Field{"data_stream.dataset": {Type: mapping.ConstantKeyword, Constant: new("nginx")}}, nil, `{}`, "original_data_stream.dataset", "nginx"},
		{"severity, normalized", map[string]mapping.Field{"vendor.kind": {Type: mapping.Keyword, Normalizer: "lowercase"}}, func(r *rule.Rule) {
			r.SeverityMapping = []rule.SeverityMapping{{Field: "vendor.kind", Value: "WORM", Severity: rule.Low}}
		}, `{"vendor":{"kind":"Worm"}}`, "severity", "low"},
		{"severity of an address", map[string]mapping.Field{"ip": {Type: mapping.IP}}, func(r *rule.Rule) {
			r.SeverityMapping = []rule.SeverityMapping{{Field: "ip", Value: "2001:db8::1", Severity: rule.Low}}
		}, `{"ip":["::1","2001:DB8:0::1"]}`, "severity", "low"},
		{"severity of a number in text", map[string]mapping.Field{"n": {Type: mapping.Long}}, func(r *rule.Rule) {
			r.SeverityMapping = []rule.SeverityMapping{{Field: "n", Value: "7", Severity: rule.Low}}
		}, `{"n":"7.0"}`, "severity", "low"},
		{"severity of another name", map[string]mapping.Field{"level": {Type: mapping.Keyword, Path: "vendor.level"}}, func(r *rule.Rule) {
			r.SeverityMapping = []rule.SeverityMapping{{Field: "level", Value: "x", Severity: rule.Low}}
		}, `{"vendor":{"level":"x"}}`, "severity", "low"},
		{"severity of a constant", map[string]mapping.Field{"c": {Type: mapping.ConstantKeyword, Constant: new("x")}}, func(r *rule.Rule) {
			r.SeverityMapping = []rule.SeverityMapping{{Field: "c", Value: "x", Severity: rule.Low}}
		}, `{}`, "severity", "low"},
		{"severity of what is not indexed", map[string]mapping.Field{"k": {Type: mapping.Keyword, IgnoreAbove: 3}}, func(r *rule.Rule) {
			r.SeverityMapping = []rule.SeverityMapping{{Field: "k", Value: "long", Severity: rule.Low}}
		}, `{"k":"long"}`, "severity", "high"},
		{"severity of analysed text is that of the whole", map[string]mapping.Field{"t": {Type: mapping.Text}}, func(r *rule.Rule) {
			r.SeverityMapping = []rule.SeverityMapping{{Field: "t", Value: "Two words", Severity: rule.Low}}
		}, `{"t":"Two words"}`, "severity", "low"},
		{"score of a float as it is written", map[string]mapping.Field{"s": {Type: mapping.Float}}, func(r *rule.Rule) {
			r.RiskScoreMapping = []rule.RiskScoreMapping{{Field: "s"}}
		}, `{"s":"47.3"}`, "risk_score", 47.3},
		{"score, a boolean is none", map[string]mapping.Field{"s": {Type: mapping.Boolean}}, func(r *rule.Rule) {
			r.RiskScoreMapping = []rule.RiskScoreMapping{{Field: "s"}}
		}, `{"s":"true"}`, "risk_score", 73.0},
		{"name of a sub-field", map[string]mapping.Field{"message.keyword": {Type: mapping.Keyword, Path: "message"}}, func(r *rule.Rule) {
			r.RuleNameOverride = "message.keyword"
		}, `{"message":"Worm"}`, "rule.name", "Worm"},
		{
			"reason",
			map[string]mapping.Field{"source.ip": {Type: mapping.IP}, "source.port": {Type: mapping.Long}, "host.name": {Type: mapping.Keyword, Path: "machine"}, "user.name": keyword},
			nil,
			`{"source":{"ip":"2001:DB8::1","port":"443"},"machine":"pc","user":{"name":"bob"}}`, "reason",
			"event with source [2001:db8::1]:443, by bob on pc created high alert Thing.",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			table := mapping.Table{}
			for name, f := range test.fields {
				f.Name = name
				table[name] = f
			}
			r := aRule()
			if test.change != nil {
				test.change(r)
			}
			if diff := cmp.Diff(test.want, mapped(t, r, anEvent(test.source), table)["kibana.alert."+test.key]); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestTimesAgainstDefinition: the alert is the same however a time is written and mapped.
func TestTimesAgainstDefinition(t *testing.T) {
	formats := []struct {
		format string
		text   func(time.Time) any
	}{
		{"", func(t time.Time) any { return t.Format(time.RFC3339Nano) }},
		{"", func(t time.Time) any { return t.UnixMilli() }},
		{"epoch_second", func(t time.Time) any { return json.Number(fmt.Sprintf("%d.%03d", t.Unix(), t.Nanosecond()/1e6)) }},
		{"epoch_millis", func(t time.Time) any { return strconv.FormatInt(t.UnixMilli(), 10) }},
		{"dd.MM.yyyy HH:mm:ss.SSS", func(t time.Time) any { return t.Format("02.01.2006 15:04:05.000") }},
		{"MM.dd.yyyy HH:mm:ss.SSS", func(t time.Time) any { return t.Format("01.02.2006 15:04:05.000") }},
		{"dd.MM.yyyy HH:mm:ss.SSS||epoch_second", func(t time.Time) any { return t.Format("02.01.2006 15:04:05.000") }},
	}
	rapid.Check(t, func(rt *rapid.T) {
		at := time.UnixMilli(rapid.Int64Range(1e9, 4e12).Draw(rt, "time")).UTC()
		written := rapid.SampledFrom(formats).Draw(rt, "format")
		field := mapping.Field{Name: "@timestamp", Type: mapping.Date, Format: written.format}
		at0 := "@timestamp"
		if rapid.Bool().Draw(rt, "alias") {
			field.Path, at0 = "when", "when"
		}
		r := folding("k")
		if rapid.Bool().Draw(rt, "override") {
			r.TimestampOverride, field.Name = "event.ingested", "event.ingested"
			if field.Path == "" {
				at0 = "event.ingested"
			}
		}
		source, err := json.Marshal(map[string]any{at0: written.text(at)})
		if err != nil {
			rt.Fatal(err)
		}
		e := anEvent(string(source))
		table := mapping.Table{field.Name: field}
		if got := subjectsOf(t, r, alert.Finding{Event: e}, table)[0].At; !got.Equal(at) {
			rt.Fatalf("%s as %+v is at %s, not %s", source, field, got, at)
		}
		if r.TimestampOverride != "" {
			return
		}
		if got := mapped(t, r, e, table)["kibana.alert.original_time"]; got != at.Format("2006-01-02T15:04:05.000Z") {
			rt.Fatalf("%s as %+v has the original time %v, not %s", source, field, got, at)
		}
	})
}

// asking records which fields are looked up.
type asking map[string]bool

func (a asking) Field(name string) (mapping.Field, bool) {
	a[name] = true
	return mapping.Field{Name: name, Type: mapping.Keyword}, true
}

// TestAlertFields: [rule.Rule.AlertFields] includes every field that alerts depend on.
func TestAlertFields(t *testing.T) {
	r := graded()
	r.TimestampOverride = "event.ingested"
	r.AlertSuppression = &rule.AlertSuppression{GroupBy: []string{"user.id", "x"}}
	asked := asking{}
	e := anEvent(`{"event":{"created":1,"start":2,"end":3,"ingested":4,"category":"c"},"source":{"ip":"::1"},"destination":{"ip":"::1"}}`)
	mapped(t, r, e, asked)
	b := alert.NewBuilder(r, alert.Options{}, alert.Indices{Fields: func(string) mapping.Fields { return asked }})
	all, err := b.Subjects(alert.Finding{Event: e}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for range all {
	}
	if _, err := b.BuildGroup(alert.Group{Events: []event.Event{e, e}}, aRun()); err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(func(yield func(string) bool) {
		for name := range asked {
			if !yield(name) {
				return
			}
		}
	})
	if diff := cmp.Diff(r.AlertFields(), got); diff != "" {
		t.Errorf("resolved and asked for (-want +got):\n%s", diff)
	}
}

// TestComputedValues: values that cannot be derived from a document are taken from Elasticsearch,
// and are not guessed if Elasticsearch was asked.
func TestComputedValues(t *testing.T) {
	r := folding("runtime", "seen")
	r.Type = rule.TypeQuery
	table := mapping.Table{
		"runtime": {Name: "runtime", Type: mapping.Keyword, Opaque: "it is a runtime field"}, "seen": {Name: "seen", Type: mapping.Keyword},
		"user.name": {Name: "user.name", Type: mapping.Keyword, Opaque: "it is a runtime field"},
	}
	e := anEvent(`{"runtime":"of the source","seen":"s","user":{"name":"bob"}}`)
	terms := func(e event.Event) string {
		var out []any
		for _, s := range subjectsOf(t, r, alert.Finding{Event: e}, table) {
			out = append(out, s.Terms[0].Value, s.Terms[1].Value)
		}
		return fmt.Sprint(out)
	}
	e.Fields = map[string][]any{"runtime": {"x", "y", "x"}}
	if got := terms(e); got != "[x s y s]" {
		t.Errorf("what was told: %s", got)
	}
	e.Fields = map[string][]any{}
	if got := terms(e); got != "[<nil> s]" {
		t.Errorf("told that there is none: %s", got)
	}
	if got := mapped(t, r, e, table)["kibana.alert.reason"]; got != "event by bob created high alert Thing." {
		t.Errorf("nobody asks for what is only described: %v", got)
	}
}
