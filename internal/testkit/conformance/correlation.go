package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// CorrelationRow is a file of Sigma with correlations, over a few events.
type CorrelationRow struct {
	Name   string           `json:"name"`
	Rules  string           `json:"rules"`
	Events []map[string]any `json:"events"`
	// Expected are the groups that are found, or "error" where the file is refused.
	Expected json.RawMessage `json:"expected"`
	// Only are the rules that are judged; none: all.
	Only []string `json:"only"`
	// BaseAlerts are the numbers of alerts of other rules.
	BaseAlerts map[string]int `json:"base_alerts"`
}

// CorrelationFound is what is expected of a rule and a group: all times at which it completes.
type CorrelationFound struct {
	Rule  string         `json:"rule"`
	Group map[string]any `json:"group"`
	First string         `json:"first"`
	At    []string       `json:"at"`
}

// CorrelationRows reads the rows of a file.
func CorrelationRows(path string) ([]CorrelationRow, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("rows of correlations: %w", err)
	}
	var rows []CorrelationRow
	for line := range strings.Lines(string(data)) {
		dec := json.NewDecoder(strings.NewReader(line))
		dec.UseNumber()
		var r CorrelationRow
		if err := dec.Decode(&r); err != nil {
			return nil, fmt.Errorf("rows of correlations: %s: %w", path, err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// Refused reports whether the file is to be refused.
func (r CorrelationRow) Refused() bool { return string(r.Expected) == `"error"` }

// Wrong says what is wrong with the alerts, by rule and group, of which times are those of the alerts; "" if nothing is: the times
// of each group are among those at which it completes, the first one among them, and there are no other groups.
func (r CorrelationRow) Wrong(alerts map[string]map[string][]string) (string, error) {
	var expected []CorrelationFound
	if err := json.Unmarshal(r.Expected, &expected); err != nil {
		return "", fmt.Errorf("row %s: %w", r.Name, err)
	}
	var wrong []string
	left := map[string]map[string][]string{}
	for rule, groups := range alerts {
		if r.Only == nil || slices.Contains(r.Only, rule) {
			left[rule] = maps.Clone(groups)
		}
	}
	for _, e := range expected {
		group := CorrelationGroup(e.Group)
		times := left[e.Rule][group]
		delete(left[e.Rule], group)
		if !slices.Contains(times, e.First) || slices.ContainsFunc(times, func(t string) bool { return !slices.Contains(e.At, t) }) {
			wrong = append(wrong, fmt.Sprintf("%s %s: alerts at %v, want some of %v", e.Rule, group, times, e.At))
		}
	}
	for rule, groups := range left {
		for group, times := range groups {
			wrong = append(wrong, fmt.Sprintf("%s %s: alerts at %v, want none", rule, group, times))
		}
	}
	slices.Sort(wrong)
	return strings.Join(wrong, "\n"), nil
}

// CorrelationGroup writes the values of a group as one text.
func CorrelationGroup[T any](group map[string]T) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(group)) {
		out = append(out, fmt.Sprintf("%s=%v", name, group[name]))
	}
	return strings.Join(out, ",")
}
