package tocsintest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// An Alert is the document of an alert.
type Alert struct {
	ID string
	// Source has the fields of Kibana's alerts under their full names, such as "kibana.alert.severity", beside objects of the event.
	Source map[string]any
}

// Text returns the text of a field by its full name; "" without one.
func (a Alert) Text(field string) string {
	switch v := a.Value(field).(type) {
	case string:
		return v
	case nil:
		return ""
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		return string(text)
	}
}

// Value returns the value of a field by its full name, whether its name is written in one or as objects; nil without one.
func (a Alert) Value(field string) any { return valueOf(a.Source, field) }

func valueOf(object map[string]any, field string) any {
	if v, ok := object[field]; ok {
		return v
	}
	for i, c := range field {
		if c != '.' {
			continue
		}
		if inner, ok := object[field[:i]].(map[string]any); ok {
			if v := valueOf(inner, field[i+1:]); v != nil {
				return v
			}
		}
	}
	return nil
}

// RuleID returns the rule_id of the alert's rule.
func (a Alert) RuleID() string { return a.Text("kibana.alert.rule.rule_id") }

// RuleName returns the name of the alert's rule.
func (a Alert) RuleName() string { return a.Text("kibana.alert.rule.name") }

// Severity returns low, medium, high or critical.
func (a Alert) Severity() string { return a.Text("kibana.alert.severity") }

// Events returns the ids of the events that the alert is about, sorted.
func (a Alert) Events() []string {
	var ids []string
	list, _ := a.Value("kibana.alert.ancestors").([]any)
	for _, one := range list {
		ancestor, _ := one.(map[string]any)
		if id, ok := ancestor["id"].(string); ok && ancestor["type"] == "event" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// IsPart reports whether the alert is about one event of a sequence, beside the alert about the whole sequence.
func (a Alert) IsPart() bool { return a.Value("kibana.alert.group.index") != nil }

// Alerts returns all alerts that the suite's rules have made, the oldest first.
func (s *Suite) Alerts() []Alert {
	s.t.Helper()
	var all []Alert
	for line := range strings.Lines(s.Command("alerts", "list", "--oldest", "--format", "ndjson")) {
		var source map[string]any
		if err := json.Unmarshal([]byte(line), &source); err != nil {
			s.t.Fatalf("alerts: %v in %s", err, line)
		}
		id, _ := source["_id"].(string)
		delete(source, "_id")
		all = append(all, Alert{id, source})
	}
	return all
}

// WantAlerts requires that the suite's rules have made these alerts and no others: by the name or the rule_id of a rule, the ids of the events
// of each alert. An alert about several events, as of a sequence, is written as their sorted ids with + between them; those about its parts do not count.
func (s *Suite) WantAlerts(want map[string][]string) {
	s.t.Helper()
	got := map[string][]string{}
	for _, a := range s.Alerts() {
		if a.IsPart() {
			continue
		}
		rule := a.RuleName()
		if _, byID := want[a.RuleID()]; byID {
			rule = a.RuleID()
		}
		got[rule] = append(got[rule], strings.Join(a.Events(), "+"))
	}
	if have, wanted := table(got), table(want); have != wanted {
		s.t.Errorf("the alerts are\n%swant\n%s", have, wanted)
	}
}

// WantCount requires that a rule, by its name or rule_id, has made this number of alerts, those about parts of sequences not counted.
func (s *Suite) WantCount(rule string, want int) {
	s.t.Helper()
	got := 0
	for _, a := range s.Alerts() {
		if !a.IsPart() && (a.RuleName() == rule || a.RuleID() == rule) {
			got++
		}
	}
	if got != want {
		s.t.Errorf("%s has made %d alerts, want %d", rule, got, want)
	}
}

// table writes alerts by rule, a line each.
func table(alerts map[string][]string) string {
	var b strings.Builder
	for _, rule := range sortedKeys(alerts) {
		events := slices.Sorted(slices.Values(alerts[rule]))
		if len(events) > 0 {
			fmt.Fprintf(&b, "  %s: %s\n", rule, strings.Join(events, ", "))
		}
	}
	if b.Len() == 0 {
		return "  none\n"
	}
	return b.String()
}
