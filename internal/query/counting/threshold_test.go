package counting_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
)

// thresholdLine writes what a threshold alert says.
func thresholdLine(t *testing.T, h query.Hit) string {
	t.Helper()
	var line strings.Builder
	for _, term := range h.Facts["kibana.alert.threshold_result.terms"].([]any) {
		pair := term.(map[string]any)
		fmt.Fprintf(&line, "%s=%v ", pair["field"], pair["value"])
	}
	fmt.Fprintf(&line, "%d in %s-%s", h.Facts["kibana.alert.threshold_result.count"],
		second(t, h.Facts["kibana.alert.threshold_result.from"]), second(t, sourceOf(t, h)["@timestamp"]))
	cardinality, has := h.Facts["kibana.alert.threshold_result.cardinality"].([]any)
	if has && len(cardinality) == 0 {
		t.Error("a cardinality of nothing")
	}
	for _, c := range cardinality {
		pair := c.(map[string]any)
		fmt.Fprintf(&line, " %s:%d", pair["field"], pair["value"])
	}
	line.WriteString(" of")
	for _, e := range h.Parents {
		line.WriteString(" " + e.ID)
	}
	return line.String()
}

func logins(words string) []sourced {
	var events []sourced
	for i, word := range strings.Fields(words) {
		var at int
		var user, host string
		if _, err := fmt.Sscanf(strings.ReplaceAll(word, ":", " "), "%d %s %s", &at, &user, &host); err != nil {
			panic(err)
		}
		rest := fmt.Sprintf(`"host":{"name":%q}`, host)
		if user != "-" {
			rest += `,"user":{"name":["` + strings.ReplaceAll(user, "+", `","`) + `"]}`
		}
		events = append(events, sourced{fmt.Sprintf("e%d", i), at, rest})
	}
	return events
}

func TestThreshold(t *testing.T) {
	tests := []struct {
		name, threshold, query, events string
		want                           []string
	}{
		{"as many", `field = "user.name"` + "\nvalue = 2", "", "1:a:x 2:a:y 3:b:x", []string{"user.name=a 2 in 1-2 of e0 e1"}},
		{"one less", `field = "user.name"` + "\nvalue = 3", "", "1:a:x 2:a:y 3:b:x", nil},
		{"the window's ends", `field = "user.name"` + "\nvalue = 2", "", "-1:a:x 0:a:x 99:a:x 100:a:x", []string{"user.name=a 2 in 0-99 of e1 e2"}},
		{"the query", `field = "user.name"` + "\nvalue = 2", "host.name:x", "1:a:x 2:a:y 3:a:x", []string{"user.name=a 2 in 1-3 of e0 e2"}},
		{"missing value", `field = "user.name"` + "\nvalue = 2", "", "1:-:x 2:-:x", nil},
		{"several values", `field = "user.name"` + "\nvalue = 2", "", "1:a+b:x 2:b:x 3:a:x", []string{"user.name=a 2 in 1-3 of e0 e2", "user.name=b 2 in 1-2 of e0 e1"}},
		{"two fields", `field = ["user.name", "host.name"]` + "\nvalue = 2", "", "1:a:x 2:a:y 3:a:x", []string{"user.name=a host.name=x 2 in 1-3 of e0 e2"}},
		{"no fields", "field = []\nvalue = 3", "", "1:-:x 2:a:x 3:b:y", []string{"3 in 1-3 of e0 e1 e2"}},
		{"no fields, one less", "field = []\nvalue = 4", "", "1:-:x 2:a:x 3:b:y", nil},
		{"no fields, no events", "field = []\nvalue = 1", "", "200:a:x", nil},
		{
			"values", `field = "host.name"` + "\nvalue = 1\n[[rule.threshold.cardinality]]\nfield = \"user.name\"\nvalue = 2", "",
			"1:a:x 2:a:x 3:b:x 4:a:y 5:a:y",
			[]string{"host.name=x 3 in 1-3 user.name:2 of e0 e1 e2"},
		},
		{
			"values and count", `field = "host.name"` + "\nvalue = 3\n[[rule.threshold.cardinality]]\nfield = \"user.name\"\nvalue = 2", "",
			"1:a:x 2:b:x 4:a:y 5:a:y 6:b:y",
			[]string{"host.name=y 3 in 4-6 user.name:2 of e2 e3 e4"},
		},
		{
			"two kinds of values", "field = []\nvalue = 1\n[[rule.threshold.cardinality]]\nfield = \"user.name\"\nvalue = 2\n[[rule.threshold.cardinality]]\nfield = \"host.name\"\nvalue = 2", "",
			"1:a:x 2:b:x", nil,
		},
		{"at most five samples, the earliest", "field = []\nvalue = 6", "", "9:a:x 8:a:x 7:a:x 6:a:x 5:a:x 4:a:x", []string{"6 in 4-9 of e5 e4 e3 e2 e1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan := countingPlan(t, "threshold", tt.query, "[rule.threshold]\n"+tt.threshold)
			hits, diags := found(t, plan, query.Source{Events: storeOf(t, nil, logins(tt.events)...)}, 0, 100)
			var got []string
			for _, h := range hits {
				got = append(got, thresholdLine(t, h))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || len(diags) > 0 {
				t.Errorf("%v (-want +got):\n%s", diags, diff)
			}
		})
	}
}

// TestThresholdAgain: what an alert was made of does not count again, and what comes besides does.
func TestThresholdAgain(t *testing.T) {
	plan := countingPlan(t, "threshold", "", "[rule.threshold]\nfield = \"user.name\"\nvalue = 2\n[[rule.threshold.cardinality]]\nfield = \"host.name\"\nvalue = 2")
	history := &recorded{}
	run := func(events string, from, to int) []string {
		t.Helper()
		src := query.Source{Events: storeOf(t, nil, logins(events)...), History: history}
		hits, _ := found(t, plan, src, from, to)
		history.add(t, hits)
		var got []string
		for _, h := range hits {
			got = append(got, thresholdLine(t, h))
		}
		return got
	}
	events := "10:a:x 20:a:y 20:b:x"
	for _, step := range []struct {
		name, more string
		from, to   int
		want       []string
	}{
		{"first", "", 0, 100, []string{"user.name=a 2 in 10-20 host.name:2 of e0 e1"}},
		{"the same window again", "", 0, 100, nil},
		{"late, within what was counted", " 15:a:z 16:a:w", 0, 100, nil},
		{"one event more", " 30:a:x", 5, 105, nil},
		{"enough, but not of different values", " 31:a:x", 5, 105, nil},
		{"enough", " 32:a:y", 5, 105, []string{"user.name=a 3 in 30-32 host.name:2 of e5 e6 e7"}},
		{"before what was counted", " 8:a:x 9:a:y", 5, 105, []string{"user.name=a 2 in 8-9 host.name:2 of e8 e9"}},
		{"all of it again", "", 0, 110, nil},
	} {
		events += step.more
		if diff := cmp.Diff(step.want, run(events, step.from, step.to)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

// TestThresholdIdentity: the same run finds the same alert, another window or group another.
func TestThresholdIdentity(t *testing.T) {
	plan := countingPlan(t, "threshold", "", "[rule.threshold]\nfield = [\"user.name\", \"host.name\"]\nvalue = 1")
	turned := countingPlan(t, "threshold", "", "[rule.threshold]\nfield = [\"host.name\", \"user.name\"]\nvalue = 1")
	events := query.Source{Events: storeOf(t, nil, logins("10:a:x 11:a:x 12:b:x")...)}
	first, _ := found(t, plan, events, 0, 100)
	again, _ := found(t, plan, events, 0, 100)
	later, _ := found(t, plan, events, 5, 105)
	other, _ := found(t, turned, events, 0, 100)
	if diff := cmp.Diff(first[0].Key, again[0].Key); diff != "" {
		t.Errorf("the same run (-first +second):\n%s", diff)
	}
	if cmp.Equal(first[0].Key, later[0].Key) || first[0].Instance != later[0].Instance {
		t.Errorf("another window: keys %q, %q, instances %q, %q", first[0].Key, later[0].Key, first[0].Instance, later[0].Instance)
	}
	if cmp.Equal(first[0].Key, first[1].Key) || first[0].Instance == first[1].Instance {
		t.Errorf("another group: keys %q, %q, instances %q, %q", first[0].Key, first[1].Key, first[0].Instance, first[1].Instance)
	}
	if first[0].Instance != other[0].Instance {
		t.Error("the order of fields makes another instance")
	}
	history := &recorded{}
	history.add(t, first[:1])
	events.Events, events.History = storeOf(t, nil, logins("10:a:x 11:a:x 12:a:x")...), history
	if more, _ := found(t, plan, events, 0, 100); len(more) != 1 || cmp.Equal(more[0].Key, first[0].Key) {
		t.Errorf("more events in the same window: %v, before %q", more, first[0].Key)
	}
}

// TestThresholdEvent wants the group's values where the events have them, with their types.
func TestThresholdEvent(t *testing.T) {
	fields := mapping.Table{
		"@timestamp": {Name: "@timestamp", Type: mapping.Date}, "port": {Name: "port", Type: mapping.Long}, "load": {Name: "load", Type: mapping.Double},
		"up": {Name: "up", Type: mapping.Boolean}, "text": {Name: "text", Type: mapping.Text, Exact: "text.exact"},
		"text.exact": {Name: "text.exact", Path: "text", Type: mapping.Keyword},
	}
	plan := countingPlan(t, "threshold", "", "[rule.threshold]\nfield = [\"port\", \"load\", \"up\", \"text\"]\nvalue = 1")
	hits, diags := found(t, plan, query.Source{Events: storeOf(t, fields, sourced{"1", 7, `"port":"22","load":1.50,"up":"true","text":"A b"`})}, 0, 100)
	want := map[string]any{"@timestamp": "2026-01-15T12:00:07.000Z", "port": 22.0, "load": 1.5, "up": true, "text": "A b"}
	if len(hits) != 1 {
		t.Fatal(hits, diags)
	}
	if diff := cmp.Diff(want, sourceOf(t, hits[0])); diff != "" {
		t.Errorf("source (-want +got):\n%s", diff)
	}
	if got := thresholdLine(t, hits[0]); got != "port=22 load=1.5 up=true text=A b 1 in 7-7 of 1" {
		t.Errorf("facts: %s", got)
	}
}

// TestThresholdCountsOnce: over the windows of a schedule, with the history of its own alerts, no
// event counts for two alerts of a group, and every event that can reach the threshold does.
func TestThresholdCountsOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	plan := countingPlan(t, "threshold", "", "[rule.threshold]\nfield = \"user.name\"\nvalue = 3")
	for range 10 {
		var words []string
		events := map[string]int{}
		for range 60 {
			user := string(rune('a' + r.IntN(4)))
			words = append(words, fmt.Sprintf("%d:%s:x", r.IntN(300), user))
			events["user.name="+user]++
		}
		src := query.Source{Events: storeOf(t, nil, logins(strings.Join(words, " "))...)}
		history := &recorded{}
		src.History = history
		counted := map[string]int{}
		for to := 50; to <= 350; to += 50 {
			hits, _ := found(t, plan, src, to-90, to)
			history.add(t, hits)
			for _, h := range hits {
				user, _, _ := strings.Cut(thresholdLine(t, h), " ")
				count := int(h.Facts["kibana.alert.threshold_result.count"].(int64))
				counted[user] += count
				if count < 3 {
					t.Errorf("an alert of %d events", count)
				}
			}
			if again, _ := found(t, plan, src, to-90, to); len(again) > 0 {
				t.Errorf("the window to %d a second time: %d alerts", to, len(again))
			}
		}
		for user, n := range counted {
			if n > events[user] || n == 0 {
				t.Errorf("%s: %d events counted of %d", user, n, events[user])
			}
		}
		if len(counted) < 4 {
			t.Errorf("alerts of %v only", counted)
		}
	}
}
