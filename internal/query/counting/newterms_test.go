package counting_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/query"
)

const newTermsOf = `[rule.new_terms]
field = "new_terms_fields"
value = [%s]
[[rule.new_terms.history_window_start]]
field = "history_window_start"
value = "now-1h"
`

// newTermsLines writes which new terms were found on which events.
func newTermsLines(hits []query.Hit) []string {
	var lines []string
	for _, h := range hits {
		var terms []string
		for _, term := range h.Facts["kibana.alert.new_terms"].([]any) {
			terms = append(terms, fmt.Sprint(term))
		}
		lines = append(lines, strings.Join(terms, "|")+" on "+h.Event.ID)
	}
	return lines
}

func TestNewTerms(t *testing.T) {
	const user, both = `"user.name"`, `"user.name", "host.name"`
	tests := []struct {
		name, fields, query, events string
		want                        []string
	}{
		{"new", user, "", "10:a:x", []string{"a on e0"}},
		{"its first event", user, "", "30:a:x 10:a:x 20:a:x", []string{"a on e1"}},
		{"known", user, "", "-5:a:x 10:a:x", nil},
		{"known just before the window", user, "", "-1:a:x 0:a:x", nil},
		{"first in the window's first moment", user, "", "0:a:x", []string{"a on e0"}},
		{"after the window", user, "", "100:a:x", nil},
		{"where the history begins", user, "", "-3500:a:x 10:a:x", nil},
		{"before the history", user, "", "-3501:a:x 10:a:x", []string{"a on e1"}},
		{"the history is of the query", user, "host.name:x", "-5:a:y 10:a:x 20:b:y", []string{"a on e1"}},
		{"missing", user, "", "10:-:x", nil},
		{"two new ones on one event", user, "", "10:a+b:x", []string{"a on e0", "b on e0"}},
		{"one of two is known", user, "", "-5:a:x 10:a+b:x", []string{"b on e1"}},
		{"combination", both, "", "-5:a:x -5:b:y 10:a:y 11:a:x", []string{"a|y on e2"}},
		{"combination of several values", both, "", "-5:a:x 10:a+b:x", []string{"b|x on e1"}},
		{"combination with a value missing", both, "", "10:-:x", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan := countingPlan(t, "new_terms", tt.query, fmt.Sprintf(newTermsOf, tt.fields))
			hits, diags := found(t, plan, query.Source{Events: storeOf(t, nil, logins(tt.events)...)}, 0, 100)
			if diff := cmp.Diff(tt.want, newTermsLines(hits)); diff != "" || len(diags) > 0 {
				t.Errorf("%v (-want +got):\n%s", diags, diff)
			}
		})
	}
}

// TestNewTermsManyCombinations finds the few that are new among 50,000 that one event has, and had before.
func TestNewTermsManyCombinations(t *testing.T) {
	list := func(prefix string, n int, more ...string) string {
		names := more
		for i := range n {
			names = append(names, fmt.Sprintf("%s%03d", prefix, i))
		}
		text, err := json.Marshal(names)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	of := func(users string) string {
		return fmt.Sprintf(`"user":{"name":%s},"host":{"name":%s},"process":{"name":%s}`, users, list("h", 100), list("p", 5))
	}
	one := func(user, host, process string) string {
		return fmt.Sprintf(`"user":{"name":%q},"host":{"name":%q},"process":{"name":%q}`, user, host, process)
	}
	events := []sourced{
		{"old", -5, of(list("u", 100))},
		{"again", 10, of(list("u", 100))},
		{"n1", 20, one("u000", "h000", "new")},
		{"n2", 21, one("u099", "new", "p004")},
		{"n3", 22, one("new", "h050", "p000")},
		{"n4", 23, one("u050", "h050", "another")},
		{"known", 24, one("u050", "h050", "p003")},
	}
	plan := countingPlan(t, "new_terms", "", fmt.Sprintf(newTermsOf, `"user.name", "host.name", "process.name"`))
	start := time.Now()
	hits, diags := found(t, plan, query.Source{Events: storeOf(t, nil, events...)}, 0, 100)
	want := []string{"new|h050|p000 on n3", "u000|h000|new on n1", "u050|h050|another on n4", "u099|new|p004 on n2"}
	if diff := cmp.Diff(want, newTermsLines(hits)); diff != "" || len(diags) > 0 {
		t.Errorf("%v (-want +got):\n%s", diags, diff)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it took %s", took)
	}
}

// TestNewTermsAgain: a term of which there was an alert is not new, also when an earlier event of it
// arrives late; without a history of alerts the same event makes the same alert.
func TestNewTermsAgain(t *testing.T) {
	plan := countingPlan(t, "new_terms", "", fmt.Sprintf(newTermsOf, `"user.name"`))
	events := query.Source{Events: storeOf(t, nil, logins("20:a+b:x")...)}
	first, _ := found(t, plan, events, 0, 100)
	again, _ := found(t, plan, events, 5, 105)
	if len(first) != 2 || len(again) != 2 || !cmp.Equal(first[0].Key, again[0].Key) || cmp.Equal(first[0].Key, first[1].Key) {
		t.Fatalf("%v, then %v", first, again)
	}
	if want := []string{"new_terms", "a"}; !cmp.Equal(want, first[0].Key) || !first[0].ByEvent || first[0].Event.Index != "logs-x" || first[0].Parents != nil {
		t.Errorf("key %q of %s", first[0].Key, first[0].Event.Index)
	}
	history := &recorded{}
	history.add(t, first[:1])
	events.Events, events.History = storeOf(t, nil, logins("20:a+b:x 10:a:x")...), history
	late, _ := found(t, plan, events, 0, 100)
	if diff := cmp.Diff([]string{"b on e0"}, newTermsLines(late)); diff != "" {
		t.Errorf("late (-want +got):\n%s", diff)
	}
	later, _ := found(t, plan, events, 3700, 3800)
	if len(later) > 0 {
		t.Errorf("nothing happened, yet %v", newTermsLines(later))
	}
}

// TestNewTermsSchedule: over the windows of a schedule every combination alerts once, on the first
// event that has it after at least an hour without.
func TestNewTermsSchedule(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	plan := countingPlan(t, "new_terms", "", fmt.Sprintf(newTermsOf, `"user.name", "host.name"`))
	for range 5 {
		var words []string
		type occurrence struct{ at, n int }
		occurrences := map[string][]occurrence{}
		times := r.Perm(1800)[:80] // no two at once: then the first is clear
		for n, at := range times {
			user, host := string(rune('a'+r.IntN(6))), string(rune('x'+r.IntN(3)))
			words = append(words, fmt.Sprintf("%d:%s:%s", at, user, host))
			occurrences[user+"|"+host] = append(occurrences[user+"|"+host], occurrence{at, n})
		}
		want := map[string]bool{}
		for combination, all := range occurrences {
			first := slices.MinFunc(all, func(a, b occurrence) int { return a.at - b.at })
			want[fmt.Sprintf("%s on e%d", combination, first.n)] = true
		}
		src := query.Source{Events: storeOf(t, nil, logins(strings.Join(words, " "))...)}
		history := &recorded{}
		src.History = history
		got := map[string]bool{}
		for to := 300; to <= 2100; to += 300 {
			hits, _ := found(t, plan, src, to-540, to)
			history.add(t, hits)
			for _, line := range newTermsLines(hits) {
				if got[line] {
					t.Errorf("%s a second time", line)
				}
				got[line] = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
