package health_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/run/health"
)

var errDown = errors.New("the store does not answer")

// flaky is a store that may be down, or lose the answer of a write.
type flaky struct {
	health.Memory

	down, lost bool
}

func (f *flaky) Update(ctx context.Context, change func([]byte) ([]byte, error)) error {
	if f.down {
		return errDown
	}
	err := f.Memory.Update(ctx, change)
	if err == nil && f.lost {
		return errDown
	}
	return err
}

// outbox keeps the first change of each key, as receivers that honour keys do.
type outbox struct {
	down bool
	told []string
	at   map[string]int
}

func (o *outbox) add(changes ...health.Change) error {
	if o.down {
		return errDown
	}
	for _, c := range changes {
		if o.at == nil {
			o.at = map[string]int{}
		}
		if o.at[c.Key()]++; o.at[c.Key()] == 1 {
			o.told = append(o.told, c.Key())
		}
	}
	return nil
}

func newBoard(store health.Store, out *outbox, runner string, urgent bool) *health.Board {
	return owningBoard(store, out, runner, urgent, nil)
}

func owningBoard(store health.Store, out *outbox, runner string, urgent bool, owns func(string) bool) *health.Board {
	o := health.Options{Store: store, Runner: runner, Owns: owns, Tell: func(_ context.Context, changes []health.Change) error { return out.add(changes...) }}
	if urgent {
		o.Urgent = func(_ context.Context, c health.Change) bool { return out.add(c) == nil }
	}
	return health.New(o)
}

var start = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// TestBoard goes through the life of states.
func TestBoard(t *testing.T) {
	failing := []health.Kind{health.RuleFailing}
	fails := []health.Finding{{Kind: health.RuleFailing, Subject: "r", Text: "no"}}
	tests := []struct {
		name string
		do   func(b *health.Board, turn func())
		want []string
	}{
		{"once is not a state", func(b *health.Board, turn func()) {
			b.Observe("r", failing, fails, start)
			turn()
			b.Observe("r", failing, nil, start)
			turn()
			b.Observe("r", failing, fails, start)
			turn()
		}, nil},
		{"twice in a row is", func(b *health.Board, turn func()) {
			for range 5 {
				b.Observe("r", failing, fails, start)
				turn()
			}
		}, []string{"state/rule-failing/r/1/raised"}},
		{"it ends, and comes back", func(b *health.Board, turn func()) {
			for range 2 {
				b.Observe("r", failing, fails, start)
				b.Observe("r", failing, fails, start)
				turn()
				for range 4 {
					b.Observe("r", failing, nil, start)
				}
				turn()
			}
		}, []string{"state/rule-failing/r/1/raised", "state/rule-failing/r/1/recovered", "state/rule-failing/r/2/raised", "state/rule-failing/r/2/recovered"}},
		{"what flaps ends later", func(b *health.Board, turn func()) {
			for range 10 {
				b.Observe("r", failing, fails, start)
				b.Observe("r", failing, fails, start)
				turn()
				for range 2 {
					b.Observe("r", failing, nil, start)
				}
				turn()
			}
		}, []string{"state/rule-failing/r/1/raised", "state/rule-failing/r/1/recovered", "state/rule-failing/r/2/raised"}},
		{"what was not examined stays", func(b *health.Board, turn func()) {
			b.Observe("r", failing, fails, start)
			b.Observe("r", failing, fails, start)
			turn()
			b.Observe("r", []health.Kind{health.Gap}, nil, start)
			b.Observe("other", failing, nil, start)
			turn()
		}, []string{"state/rule-failing/r/1/raised"}},
		{"a state of several holders ends with the last", func(b *health.Board, turn func()) {
			kinds, found := []health.Kind{health.Forbidden}, []health.Finding{{Kind: health.Forbidden, Subject: "logs-*", Text: "no"}}
			for range 2 {
				b.Observe("r1", kinds, found, start)
				b.Observe("r2", kinds, found, start)
			}
			turn()
			b.Observe("r1", kinds, nil, start)
			turn()
			b.Observe("r1", kinds, nil, start)
			b.Observe("r2", kinds, nil, start)
			turn()
		}, []string{"state/privilege-missing/logs-*/1/raised", "state/privilege-missing/logs-*/1/recovered"}},
		{"a cause is told alone", func(b *health.Board, turn func()) {
			down := []health.Finding{{Kind: health.Unreachable, Subject: "cluster", Text: "refused"}}
			b.Observe("r0", failing, []health.Finding{{Kind: health.RuleFailing, Subject: "r0"}}, start)
			for range 3 {
				b.Observe(b.Runner(), []health.Kind{health.Unreachable}, down, start)
				for i := range 100 {
					id := fmt.Sprintf("r%d", i)
					b.Observe(id, failing, []health.Finding{{Kind: health.RuleFailing, Subject: id}}, start)
				}
				turn()
			}
			b.Observe(b.Runner(), []health.Kind{health.Unreachable}, nil, start)
			for i := range 100 {
				id := fmt.Sprintf("r%d", i)
				b.Observe(id, failing, []health.Finding{{Kind: health.RuleFailing, Subject: id}}, start) // the last of the outage
				b.Observe(id, failing, nil, start)
			}
			turn()
		}, []string{"state/cluster-unreachable/cluster/1/raised", "state/cluster-unreachable/cluster/1/recovered"}},
		{"what has happened has no end", func(b *health.Board, turn func()) {
			b.Observe(b.Runner(), []health.Kind{health.GivenUp}, []health.Finding{{Kind: health.GivenUp, Subject: "service", Text: "3 slots"}}, start)
			turn()
			b.Observe(b.Runner(), []health.Kind{health.GivenUp}, nil, start)
			turn()
		}, []string{"state/slots-given-up/service/1/raised"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := &outbox{}
			b := newBoard(&health.Memory{}, out, "me", false)
			tt.do(b, func() {
				if err := b.Sync(t.Context(), start); err != nil {
					t.Fatal(err)
				}
			})
			if diff := cmp.Diff(tt.want, out.told); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestRestart: a state is not told again after a restart, and its end is told by whoever finds it.
func TestRestart(t *testing.T) {
	store, out := &health.Memory{}, &outbox{}
	failing := []health.Kind{health.RuleFailing}
	fails := []health.Finding{{Kind: health.RuleFailing, Subject: "r", Text: "no"}}
	for i := range 3 {
		b := newBoard(store, out, fmt.Sprint("runner", i), false)
		for range 3 {
			b.Observe("r", failing, fails, start)
			if err := b.Sync(t.Context(), start); err != nil {
				t.Fatal(err)
			}
		}
	}
	b := newBoard(store, out, "last", false)
	if err := b.Sync(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	if got := b.States(); len(got) != 1 || got[0].Name() != "rule-failing/r" {
		t.Errorf("%v", got)
	}
	b.Observe("r", failing, nil, start)
	b.Observe("r", failing, nil, start)
	if err := b.Sync(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	want := []string{"state/rule-failing/r/1/raised", "state/rule-failing/r/1/recovered"}
	if diff := cmp.Diff(want, out.told); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestUrgent: while the store does not answer, a state is delivered at once, with the key that it has afterwards, by all runners.
func TestUrgent(t *testing.T) {
	store, out := &flaky{}, &outbox{}
	kinds, down := []health.Kind{health.Unreachable}, []health.Finding{{Kind: health.Unreachable, Subject: "cluster", Text: "refused"}}
	a, b := newBoard(store, out, "a", true), newBoard(store, out, "b", true)
	for range 2 {
		for _, one := range []*health.Board{a, b} {
			if err := one.Sync(t.Context(), start); err != nil {
				t.Fatal(err)
			}
		}
		store.down = true
		for _, one := range []*health.Board{a, b} {
			one.Observe(one.Runner(), kinds, down, start)
			one.Observe(one.Runner(), kinds, down, start)
			if err := one.Sync(t.Context(), start); !errors.Is(err, errDown) {
				t.Fatal(err)
			}
			if got := one.States(); len(got) != 1 {
				t.Errorf("%v", got)
			}
		}
		store.down = false
		for range 8 {
			for _, one := range []*health.Board{a, b} {
				one.Observe(one.Runner(), kinds, nil, start)
				if err := one.Sync(t.Context(), start); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	want := []string{
		"state/cluster-unreachable/cluster/1/raised", "state/cluster-unreachable/cluster/1/recovered",
		"state/cluster-unreachable/cluster/2/raised", "state/cluster-unreachable/cluster/2/recovered",
	}
	if diff := cmp.Diff(want, out.told); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestNeverTwiceNeverLost: whatever happens (findings, restarts, a store or an outbox that fails, rules that change their runner), each
// state is told once and ended once, in turn, and at the end what is told to be wrong is what is wrong. What was delivered urgently is
// known to nobody else until the store answers: no runner is restarted before.
func TestNeverTwiceNeverLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, out := &flaky{}, &outbox{}
		now, made := start, 0
		subjects := []string{"a", "b"}
		owner := map[string]int{"a": 0, "b": 1}
		fresh := func(i int) *health.Board {
			made++
			return owningBoard(store, out, fmt.Sprint("runner", made), rapid.Bool().Draw(t, "urgent"), func(rule string) bool { return owner[rule] == i })
		}
		boards := []*health.Board{fresh(0), fresh(1)}
		wrong := map[string]bool{}
		kinds := []health.Kind{health.RuleFailing}
		look := func(b *health.Board, subject string) {
			var found []health.Finding
			if wrong[subject] {
				found = []health.Finding{{Kind: health.RuleFailing, Subject: subject, Text: "x"}}
			}
			b.Observe(subject, kinds, found, now)
		}
		t.Repeat(map[string]func(*rapid.T){
			"change": func(t *rapid.T) {
				s := rapid.SampledFrom(subjects).Draw(t, "subject")
				wrong[s] = !wrong[s]
			},
			"look": func(t *rapid.T) {
				s := rapid.SampledFrom(subjects).Draw(t, "subject")
				look(boards[owner[s]], s)
			},
			"own": func(t *rapid.T) {
				s := rapid.SampledFrom(subjects).Draw(t, "subject")
				owner[s] = 1 - owner[s]
			},
			"sync": func(t *rapid.T) {
				_ = boards[rapid.IntRange(0, 1).Draw(t, "board")].Sync(t.Context(), now)
			},
			"store":  func(t *rapid.T) { store.down, store.lost = rapid.Bool().Draw(t, "down"), rapid.Bool().Draw(t, "lost") },
			"outbox": func(t *rapid.T) { out.down = rapid.Bool().Draw(t, "down") },
			"time":   func(t *rapid.T) { now = now.Add(time.Duration(rapid.IntRange(1, 7200).Draw(t, "s")) * time.Second) },
			"restart": func(t *rapid.T) {
				i := rapid.IntRange(0, 1).Draw(t, "which")
				if store.down || store.lost || boards[i].Sync(t.Context(), now) != nil {
					t.Skip()
				}
				boards[i] = fresh(i)
			},
			"": func(t *rapid.T) {
				turns := map[string]int{}
				for _, k := range out.told {
					parts := strings.Split(k, "/")
					name, raised := parts[2], parts[4] == "raised"
					if raised != (turns[name]%2 == 0) || parts[3] != strconv.Itoa(turns[name]/2+1) {
						t.Fatalf("%s is out of turn: %v", k, out.told)
					}
					turns[name]++
				}
			},
		})
		store.down, store.lost, out.down = false, false, false
		for range 40 {
			for _, s := range subjects {
				look(boards[owner[s]], s)
				for _, b := range boards {
					if err := b.Sync(t.Context(), now); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		open := map[string]bool{}
		for _, k := range out.told {
			parts := strings.Split(k, "/")
			open[parts[2]] = parts[4] == "raised"
		}
		for _, s := range subjects {
			if open[s] != wrong[s] {
				t.Fatalf("%s: told %t, is %t: %v", s, open[s], wrong[s], out.told)
			}
			if got := slices.ContainsFunc(boards[owner[s]].States(), func(x health.State) bool { return x.Subject == s }); got != wrong[s] {
				t.Fatalf("%s: state %t, is %t", s, got, wrong[s])
			}
		}
	})
}

// TestRemovedRule: the state of a rule that is removed ends, and that of a runner stays.
func TestRemovedRule(t *testing.T) {
	out, there := &outbox{}, true
	b := health.New(health.Options{
		Store: &health.Memory{}, Runner: "me", Exists: func(string) bool { return there },
		Tell: func(_ context.Context, changes []health.Change) error { return out.add(changes...) },
	})
	for range 2 {
		b.Observe("r", []health.Kind{health.RuleFailing}, []health.Finding{{Kind: health.RuleFailing, Subject: "r", Text: "no"}}, start)
		b.Observe(b.Runner(), []health.Kind{health.ReloadBroken}, []health.Finding{{Kind: health.ReloadBroken, Subject: "rules", Text: "no"}}, start)
	}
	for _, exists := range []bool{true, false, false} {
		there = exists
		if err := b.Sync(t.Context(), start); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"state/reload-broken/rules/1/raised", "state/rule-failing/r/1/raised", "state/rule-failing/r/1/recovered"}
	slices.Sort(out.told[:2])
	if diff := cmp.Diff(want, out.told); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
