package snapshot_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"tocsin/cmd/runner/internal/snapshot"
)

// TestOnce: however many ask at the same time, a value is made once, and all get it.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made atomic.Int64
		v := snapshot.New(t.Context(), snapshot.Options{Fresh: time.Minute, Timeout: time.Minute}, func(context.Context) (int64, error) {
			time.Sleep(time.Second)
			return made.Add(1), nil
		})
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if got, err := v.Get(t.Context()); err != nil || got.Value != 1 {
					t.Errorf("%v, %v", got, err)
				}
			})
		}
		all.Wait()
		if made.Load() != 1 {
			t.Errorf("made %d times", made.Load())
		}
	})
}

var errBroken = errors.New("broken")

// TestOverTime draws when a value is asked for and whether it can be made: it is never made twice within its time, what is given out is
// the latest that could be made, without waiting, and an error is told with it.
func TestOverTime(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 40), 1, 30).Draw(rt, "seconds between questions")
		fails := rapid.SliceOfN(rapid.Bool(), 64, 64).Draw(rt, "tries that fail")
		synctest.Test(t, func(t *testing.T) {
			const fresh = 10 * time.Second
			tries := 0
			var good atomic.Int64
			good.Store(-1)
			var begun []time.Time
			v := snapshot.New(t.Context(), snapshot.Options{Fresh: fresh, Timeout: time.Minute}, func(context.Context) (int, error) {
				begun = append(begun, time.Now())
				tries++
				time.Sleep(time.Second)
				if fails[tries] {
					return 0, errBroken
				}
				good.Store(int64(tries))
				return tries, nil
			})
			for _, wait := range steps {
				time.Sleep(time.Duration(wait) * time.Second)
				before, asked := int(good.Load()), time.Now()
				got, err := v.Get(t.Context())
				switch {
				case before < 0 && good.Load() < 0:
					if !errors.Is(err, errBroken) {
						t.Errorf("no value: error %v", err)
					}
				case err != nil:
					t.Errorf("there is a value, and the error %v", err)
				case before >= 0 && (got.Value != before || time.Since(asked) > 0):
					t.Errorf("got %d after %s, want %d at once", got.Value, time.Since(asked), before)
				case before < 0 && got.Value != int(good.Load()):
					t.Errorf("got %d, want %d", got.Value, good.Load())
				}
			}
			time.Sleep(time.Minute)
			v.Wait()
			for i := 1; i < len(begun); i++ {
				if d := begun[i].Sub(begun[i-1]); d < fresh {
					t.Errorf("made again after %s", d)
				}
			}
			if len(begun) > len(steps) {
				t.Errorf("made %d times for %d questions", len(begun), len(steps))
			}
		})
	})
}

// TestExpire: after it, a value is made anew when it is next asked for.
func TestExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := 0
		v := snapshot.New(t.Context(), snapshot.Options{Fresh: time.Hour, Timeout: time.Minute}, func(context.Context) (int, error) { made++; return made, nil })
		for want := 1; want < 4; want++ {
			if _, err := v.Get(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if got, err := v.Get(t.Context()); err != nil || got.Value != want {
				t.Errorf("%d, %v: want %d", got.Value, err, want)
			}
			v.Expire()
		}
	})
}

// TestOld: who asks for a value that is old gets a new one, unless that takes too long.
func TestOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := 0
		var takes atomic.Int64
		v := snapshot.New(t.Context(), snapshot.Options{Fresh: time.Minute, Old: time.Hour, Patience: 3 * time.Second, Timeout: time.Minute}, func(context.Context) (int, error) {
			time.Sleep(time.Duration(takes.Load()))
			made++
			return made, nil
		})
		for _, tt := range []struct {
			after, takes time.Duration
			want         int
			waited       time.Duration
		}{{0, 9 * time.Second, 1, 9 * time.Second}, {2 * time.Minute, 2 * time.Second, 1, 0}, {2 * time.Hour, 2 * time.Second, 3, 2 * time.Second}, {2 * time.Hour, 9 * time.Second, 3, 3 * time.Second}, {time.Minute, 0, 4, 0}} {
			time.Sleep(tt.after)
			takes.Store(int64(tt.takes))
			asked := time.Now()
			got, err := v.Get(t.Context())
			if err != nil || got.Value != tt.want || time.Since(asked) != tt.waited {
				t.Errorf("%+v: got %d after %s, %v", tt, got.Value, time.Since(asked), err)
			}
		}
		time.Sleep(time.Minute)
		v.Wait()
	})
}

// TestEnds: who asks does not wait longer than his context, and nothing is made after the life of the value.
func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		life, end := context.WithCancel(t.Context())
		v := snapshot.New(life, snapshot.Options{Fresh: time.Second, Timeout: time.Minute}, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := v.Get(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		end()
		v.Wait()
		if _, err := v.Get(t.Context()); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

// TestPatienceTogether: who asks for several old values one after the other waits no longer than for one, and who asks while a value is
// being made waits only for the rest.
func TestPatienceTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const patience = 3 * time.Second
		var slow atomic.Bool
		var values []*snapshot.Value[bool]
		for range 5 {
			values = append(values, snapshot.New(t.Context(), snapshot.Options{Fresh: time.Minute, Old: time.Hour, Patience: patience, Timeout: time.Hour}, func(context.Context) (bool, error) {
				if slow.Load() {
					time.Sleep(10 * time.Second)
				}
				return true, nil
			}))
			if _, err := values[len(values)-1].Get(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		slow.Store(true)
		time.Sleep(2 * time.Hour)
		for _, wait := range []time.Duration{patience, 0} {
			asked := time.Now()
			for _, v := range values {
				v.Ask()
			}
			for _, v := range values {
				if _, err := v.Get(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if took := time.Since(asked); took != wait {
				t.Errorf("five values took %s, want %s", took, wait)
			}
		}
		time.Sleep(time.Minute)
		for _, v := range values {
			v.Wait()
		}
	})
}
