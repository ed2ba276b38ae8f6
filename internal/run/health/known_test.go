package health_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/run/health"
)

// TestKnown: whatever is found, and whether the store answers or not, what is known has each state once, its number is that of the begins
// that were told, those that are open are the states, and it says how old it is.
func TestKnown(t *testing.T) {
	holders := []string{"r1", "r2", "r3"}
	kinds := []health.Kind{health.RuleFailing, health.ShardsFailed, health.GivenUp, health.SourceSilent}
	rapid.Check(t, func(t *rapid.T) {
		store, out := &flaky{}, &outbox{}
		b := newBoard(store, out, "a", false)
		if k := b.Known(); len(k.Episodes) > 0 || !k.Agreed.IsZero() || k.Err != nil {
			t.Fatalf("before the first agreement: %+v", k)
		}
		now, agreed := start, time.Time{}
		for range rapid.IntRange(1, 60).Draw(t, "turns") {
			now = now.Add(time.Duration(rapid.IntRange(1, 600).Draw(t, "seconds")) * time.Second)
			h := rapid.SampledFrom(append(holders, b.Runner())).Draw(t, "holder")
			var found []health.Finding
			for _, k := range kinds {
				if rapid.Bool().Draw(t, string(k)) {
					found = append(found, health.Finding{Kind: k, Subject: rapid.SampledFrom([]string{h, "x"}).Draw(t, "subject"), Text: "no"})
				}
			}
			b.Observe(h, kinds, found, now)
			store.down = rapid.IntRange(0, 3).Draw(t, "down") == 0
			err := b.Sync(t.Context(), now)
			if !store.down {
				agreed = now
			}
			known := b.Known()
			if !known.Agreed.Equal(agreed) || (known.Err == nil) != (err == nil) {
				t.Fatalf("agreed %s, %v; want %s, %v", known.Agreed, known.Err, agreed, err)
			}
			var open []health.State
			seen := map[string]bool{}
			for _, e := range known.Episodes {
				if seen[e.Name()] {
					t.Fatalf("%s is there twice", e.Name())
				}
				seen[e.Name()] = true
				if (e.Phase == health.Ended) == e.Until.IsZero() || !e.Until.IsZero() && e.Until.Before(e.Since) || e.Episode < 1 || e.Since.IsZero() || e.Text == "" {
					t.Fatalf("%+v", e)
				}
				if (e.Phase == health.Happened) != health.Describe(e.Kind).Passing {
					t.Fatalf("%s is %s", e.Name(), e.Phase)
				}
				if got := len(e.Rules) + len(e.Runners); e.Phase == health.Open && got == 0 || e.Phase == health.Ended && got > 0 {
					t.Fatalf("%s is %s, and held by %v %v", e.Name(), e.Phase, e.Rules, e.Runners)
				}
				if e.Phase == health.Open {
					open = append(open, e.State)
				}
				told := 0
				for _, key := range out.told {
					if strings.HasPrefix(key, "state/"+e.Name()+"/") && strings.HasSuffix(key, "/raised") {
						told++
					}
				}
				if !store.down && int64(told) != e.Episode {
					t.Fatalf("%s has the number %d, and was told %d times", e.Name(), e.Episode, told)
				}
			}
			if diff := cmp.Diff(b.States(), open); diff != "" {
				t.Fatalf("states and what is open: %s", diff)
			}
			closed := known.Episodes[len(open):]
			if slices.ContainsFunc(closed, func(e health.Episode) bool { return e.Phase == health.Open }) ||
				!slices.IsSortedFunc(closed, func(x, y health.Episode) int { return changed(y).Compare(changed(x)) }) {
				t.Fatalf("not in order: %+v", known.Episodes)
			}
		}
	})
}

func changed(e health.Episode) time.Time {
	if e.Phase == health.Ended {
		return e.Until
	}
	return e.Since
}

// TestRuleOf: a state is about a rule if its kind is and it does not stand for many; the mark of the sources is nobody's name.
func TestRuleOf(t *testing.T) {
	for _, d := range health.Kinds {
		for _, subject := range []string{"a-rule", health.ManyRules} {
			want := ""
			if strings.HasPrefix(d.Subject, "rule id") && subject == "a-rule" {
				want = subject
			}
			if got := (health.State{Kind: d.Kind, Subject: subject}).Rule(); got != want {
				t.Errorf("%s %s is about the rule %q, want %q", d.Kind, subject, got, want)
			}
		}
	}
	b, c := newBoard(&health.Memory{}, &outbox{}, "a", false), &counter{now: start, events: []event{{start.Add(-time.Hour), start.Add(-time.Hour)}}}
	if err := (&health.Silence{Board: b, Events: c, After: time.Minute}).Check(t.Context(), []string{"a"}, start); err != nil {
		t.Fatal(err)
	}
	if err := b.Sync(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	states := b.States()
	if len(states) != 1 || len(states[0].Rules)+len(states[0].Runners) > 0 {
		t.Errorf("%+v", states)
	}
}
