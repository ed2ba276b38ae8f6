package settle_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/scheduler/settle"
)

var base = time.Date(2026, 1, 15, 14, 0, 0, 0, time.UTC)

// world is true time with two clocks, each wrong in its own way, and a way to ask for the second.
type world struct {
	now              time.Duration // since base
	machine, cluster wrong
	there, back      time.Duration // the duration of a request and of its answer
	silent           error
}

// wrong is a clock that is off by off and fast by some millionths.
type wrong struct {
	off   time.Duration
	drift int64
}

func (w wrong) at(now time.Duration) time.Time {
	return base.Add(now + w.off + time.Duration(int64(now)/1_000_000*w.drift))
}

func (w *world) ask(context.Context) (time.Time, error) {
	w.now += w.there
	at := w.cluster.at(w.now)
	w.now += w.back
	return at.Truncate(time.Millisecond), w.silent
}

func (w *world) clock() *settle.Clock {
	return &settle.Clock{
		Machine: func() time.Time { return w.machine.at(w.now) },
		// The steady clock has the speed of the machine's and is never set.
		Steady: func() time.Duration { return w.machine.at(w.now).Sub(w.machine.at(0)) },
	}
}

func off(t *rapid.T, name string) time.Duration {
	return time.Duration(rapid.Int64Range(int64(-2*time.Minute), int64(2*time.Minute)).Draw(t, name))
}

func upTo(t *rapid.T, most time.Duration, name string) time.Duration {
	return time.Duration(rapid.Int64Range(0, int64(most)).Draw(t, name))
}

// TestPassed: Passed is never ahead of either clock, and behind the earlier one by no more than the
// best answer took plus the drift until the next comparison.
func TestPassed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{machine: wrong{off: off(t, "machine")}, cluster: wrong{off: off(t, "cluster")}}
		drift := rapid.Int64Range(-100, 100).Draw(t, "drift")
		w.cluster.drift = drift
		c := w.clock()
		for range rapid.IntRange(1, 5).Draw(t, "comparisons") {
			w.there, w.back = upTo(t, 400*time.Millisecond, "there"), upTo(t, 400*time.Millisecond, "back")
			if err := c.Compare(t.Context(), w.ask); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				// The drift of a clock between two comparisons.
				since := upTo(t, 5*time.Second, "since")
				w.now += since
				drifted := 15*time.Second*100/1_000_000 + time.Millisecond
				earlier := w.machine.at(w.now)
				if other := w.cluster.at(w.now); other.Before(earlier) {
					earlier = other
				}
				switch behind := earlier.Sub(c.Passed()); {
				case behind < -drifted:
					t.Fatalf("ahead of a clock by %s", -behind)
				case behind > w.back+drifted:
					t.Fatalf("behind both clocks by %s, the answer took %s back", behind, w.back)
				}
			}
		}
	})
}

// TestSet: setting the machine's clock affects nothing else.
func TestSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var jump time.Duration
		now := time.Duration(0)
		c := &settle.Clock{Machine: func() time.Time { return base.Add(now + jump) }, Steady: func() time.Duration { return now }}
		if err := c.Compare(t.Context(), func(context.Context) (time.Time, error) { return base.Add(now), nil }); err != nil {
			t.Fatal(err)
		}
		now += upTo(t, time.Minute, "since")
		jump = off(t, "jump")
		want := base.Add(now + min(jump, 0))
		if got := c.Passed(); !got.Equal(want) {
			t.Errorf("passed %s, want %s", got, want)
		}
		if got := c.Now(); !got.Equal(base.Add(now)) {
			t.Errorf("the cluster's clock shows %s, want %s", got, base.Add(now))
		}
	})
}

// TestSilent: without the cluster's time the machine's counts, and later the last known one.
func TestSilent(t *testing.T) {
	w := &world{cluster: wrong{off: -time.Minute}, silent: errors.New("may not ask")}
	c := w.clock()
	if err := c.Compare(t.Context(), w.ask); err == nil {
		t.Error("no error")
	}
	if got := c.Passed(); !got.Equal(base) || c.Ahead() != 0 {
		t.Errorf("passed %s, ahead %s", got, c.Ahead())
	}
	w.silent = nil
	if err := c.Compare(t.Context(), w.ask); err != nil {
		t.Fatal(err)
	}
	w.silent = errors.New("gone")
	if err := c.Compare(t.Context(), w.ask); err == nil {
		t.Error("no error")
	}
	if got := c.Passed(); !got.Equal(base.Add(-time.Minute)) || c.Ahead() != -time.Minute {
		t.Errorf("passed %s, ahead %s", got, c.Ahead())
	}
}

// TestSlowAnswers: the best of several slow answers is kept, and a quick one ends the requests.
func TestSlowAnswers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		backs  []time.Duration
		behind time.Duration
		asked  int
	}{
		{"quick", []time.Duration{10 * time.Millisecond}, 10 * time.Millisecond, 1},
		{"slow once", []time.Duration{4 * time.Second, 20 * time.Millisecond}, 20 * time.Millisecond, 2},
		{"slow", []time.Duration{4 * time.Second, time.Second, 2 * time.Second}, time.Second, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now, asked := time.Duration(0), 0
			c := &settle.Clock{Machine: func() time.Time { return base.Add(now) }, Steady: func() time.Duration { return now }}
			err := c.Compare(t.Context(), func(context.Context) (time.Time, error) {
				at := base.Add(now)
				now += tt.backs[asked]
				asked++
				return at, nil
			})
			if got := base.Add(now).Sub(c.Passed()); err != nil || got != tt.behind || asked != tt.asked {
				t.Errorf("behind by %s after %d questions, want %s after %d: %v", got, asked, tt.behind, tt.asked, err)
			}
		})
	}
}
