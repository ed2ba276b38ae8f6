package settle_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/scheduler"
	"tocsin/internal/scheduler/settle"
)

// TestNothingIsMissed: whatever the two clocks show, an event with a time before the slot, by
// either clock or by true time between them, that was indexed when it happened, is visible whenever
// the slot may be run. No slot waits longer than necessary.
func TestNothingIsMissed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{
			machine: wrong{off: off(t, "machine")}, cluster: wrong{off: off(t, "cluster")},
			there: upTo(t, 50*time.Millisecond, "there"), back: upTo(t, 50*time.Millisecond, "back"),
		}
		refresh := upTo(t, time.Minute, "refresh")
		patterns := []string{"logs-*"}
		times := &settle.Times{Clock: w.clock(), Ask: func(context.Context, []string) (settle.Refresh, error) {
			return settle.Refresh{Longest: refresh}, nil
		}}
		times.Update(t.Context(), [][]string{patterns})
		if err := times.Clock.Compare(t.Context(), w.ask); err != nil {
			t.Fatal(err)
		}
		every := time.Duration(rapid.IntRange(1, 120).Draw(t, "every")) * time.Second
		slots := scheduler.Interval(every, 0)
		slot := slots.Next(w.machine.at(w.now).Add(upTo(t, 10*time.Minute, "later")))

		// The first moment at which the slot may be run, to a millisecond.
		begin := w.now
		low, high := begin, begin+time.Hour
		for high-low > time.Millisecond {
			if w.now = (low + high) / 2; times.Settled(patterns, slot) {
				high = w.now
			} else {
				low = w.now
			}
		}
		run := high

		source := rapid.SampledFrom([]wrong{w.machine, w.cluster}).Draw(t, "whose time events have")
		happened := slot.Sub(base) - source.off - 1 - upTo(t, every, "before the slot")
		if visible := happened + refresh; visible > run {
			t.Fatalf("run at %s, an event is visible at %s only", run, visible)
		}
		// The true time at which both clocks have passed the slot.
		both := slot.Sub(base) - min(w.machine.off, w.cluster.off)
		if most := max(begin, both+refresh+w.back+2*time.Millisecond); run > most {
			t.Fatalf("run at %s, could have been at %s", run, most)
		}

		w.now = run
		if got := times.Latest(patterns, slots); run > begin && !got.Equal(slot) {
			t.Errorf("the latest slot that has settled is %s, want %s", got, slot)
		}
		if got := times.From(patterns, slot); !got.Equal(slot.Add(refresh)) {
			t.Errorf("from %s on, want %s", got, slot.Add(refresh))
		}
	})
}

func TestOf(t *testing.T) {
	three := 3 * time.Second
	zero := time.Duration(0)
	for _, tt := range []struct {
		name  string
		r     settle.Refresh
		err   error
		fixed *time.Duration
		want  time.Duration
		told  string
	}{
		{"as the index says", settle.Refresh{Longest: 30 * time.Second}, nil, nil, 30 * time.Second, ""},
		{"at most a minute", settle.Refresh{Longest: time.Hour}, nil, nil, time.Minute, ""},
		{"never", settle.Refresh{Longest: time.Second, Never: []string{"logs-never"}}, nil, nil, time.Minute, "logs-never"},
		{"remote", settle.Refresh{Unread: []string{"far:logs-*"}}, nil, nil, settle.Unknown, "far:logs-*"},
		{"remote, and slower ones here", settle.Refresh{Longest: 30 * time.Second, Unread: []string{"far:logs-*"}}, nil, nil, 30 * time.Second, "far:logs-*"},
		{"not readable", settle.Refresh{}, errors.New("may not"), nil, settle.Unknown, "may not"},
		{"fixed", settle.Refresh{Longest: time.Minute}, nil, &three, three, ""},
		{"fixed to nothing", settle.Refresh{Longest: time.Minute}, nil, &zero, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			times := &settle.Times{
				Clock: &settle.Clock{}, Fixed: tt.fixed, Log: slog.New(slog.NewTextHandler(&log, nil)),
				Ask: func(context.Context, []string) (settle.Refresh, error) { return tt.r, tt.err },
			}
			patterns := []string{"b-*", "a-*"}
			for range 2 {
				times.Update(t.Context(), [][]string{patterns, {"a-*", "b-*"}, nil})
			}
			if got := times.Of(patterns); got != tt.want {
				t.Errorf("waits %s, want %s", got, tt.want)
			}
			if lines := strings.Count(log.String(), "\n"); tt.told == "" && lines > 0 || tt.told != "" && (lines != 1 || !strings.Contains(log.String(), tt.told)) {
				t.Errorf("told %q, want %q once", log.String(), tt.told)
			}
		})
	}
}

// TestOfUnasked: without Ask there is no wait; before an answer, the wait is for unknown indices; a
// later failure keeps the last answer.
func TestOfUnasked(t *testing.T) {
	if got := (&settle.Times{Clock: &settle.Clock{}}).Of([]string{"logs-*"}); got != 0 {
		t.Errorf("waits %s, want nothing", got)
	}
	fail := false
	times := &settle.Times{Clock: &settle.Clock{}, Ask: func(context.Context, []string) (settle.Refresh, error) {
		if fail {
			return settle.Refresh{}, errors.New("gone")
		}
		return settle.Refresh{Longest: 30 * time.Second}, nil
	}}
	if got := times.Of([]string{"logs-*"}); got != settle.Unknown {
		t.Errorf("waits %s, want %s", got, settle.Unknown)
	}
	for _, fail = range []bool{false, true} {
		times.Update(t.Context(), [][]string{{"logs-*"}})
		if got := times.Of([]string{"logs-*"}); got != 30*time.Second {
			t.Errorf("waits %s, want 30s", got)
		}
	}
}

// TestLearnUnknownFirst: if time does not suffice for all, unknown patterns are asked about first.
func TestLearnUnknownFirst(t *testing.T) {
	var asked []string
	times := &settle.Times{Clock: &settle.Clock{}}
	rules := [][]string{{"a"}, {"b"}, {"c"}, {"d"}}
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		left := 2
		times.Ask = func(_ context.Context, patterns []string) (settle.Refresh, error) {
			if left--; left < 0 {
				cancel()
				return settle.Refresh{}, ctx.Err()
			}
			asked = append(asked, patterns[0])
			return settle.Refresh{Longest: time.Second}, nil
		}
		times.Update(ctx, rules)
		cancel()
	}
	if got := strings.Join(asked, ""); got != "abcd" {
		t.Errorf("asked for %s", got)
	}
}
