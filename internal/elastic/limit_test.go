package elastic

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/failure"
	"tocsin/internal/search"
)

var errBusy = &failure.Error{Kind: failure.Unavailable, Op: "search", Status: 429, Type: "es_rejected_execution_exception"}

// TestLimit: the limit grows while all goes well, and halves once for what is refused together.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(0)
		search := func(n int, err error) {
			var leaves []func(error)
			for range n {
				leave, stop := l.enter(t.Context())
				if stop != nil {
					t.Fatal(stop)
				}
				leaves = append(leaves, leave)
			}
			time.Sleep(10 * time.Millisecond)
			for _, leave := range leaves {
				leave(err)
			}
		}
		search(firstSearches, nil)
		if got := l.load(); got.Limit != firstSearches {
			t.Errorf("a round of searches that went well: %+v", got) // not quite one more
		}
		for range 200 {
			search(firstSearches, nil)
		}
		if got := l.load(); got.Limit != mostSearches || got.Running != 0 {
			t.Errorf("after many: %+v", got)
		}
		time.Sleep(time.Millisecond)
		search(20, errBusy)
		if got := l.load(); got.Limit != mostSearches/2 || got.Rejected != 20 {
			t.Errorf("refused together: %+v", got)
		}
		for range 10 {
			time.Sleep(time.Millisecond)
			search(1, errBusy)
		}
		if got := l.load(); got.Limit != 1 {
			t.Errorf("refused again and again: %+v", got)
		}
	})
}

// TestLimitSlow: searches that take much longer than they used to are a sign of load.
func TestLimitSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(0)
		for _, took := range []time.Duration{100 * time.Millisecond, 100 * time.Millisecond, 5 * time.Second} {
			leave, err := l.enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(took)
			leave(nil)
		}
		if got := l.load(); got.Slow != 1 || got.Limit >= firstSearches {
			t.Errorf("%+v", got)
		}
	})
}

// TestLanes: the background has a part of the places, and goes behind who waits.
func TestLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(0)
		var order []string
		behind := search.Background(t.Context())
		run := func(ctx context.Context, name string) {
			leave, err := l.enter(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			order = append(order, name)
			time.Sleep(time.Second)
			leave(errors.New("neither well nor refused"))
		}
		for range firstSearches {
			go run(behind, "behind")
			synctest.Wait()
		}
		if got := l.load(); got.Running != firstSearches/behindShare || got.Waiting != firstSearches-got.Running {
			t.Errorf("the background alone: %+v", got)
		}
		for range firstSearches + 4 {
			go run(t.Context(), "live")
			synctest.Wait()
		}
		if got := l.load(); got.Running != firstSearches {
			t.Errorf("both: %+v", got)
		}
		ended, cancel := context.WithCancel(behind)
		cancel()
		if _, err := l.enter(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("who does not wait any more: %v", err)
		}
		time.Sleep(time.Minute)
		if got := l.load(); got.Running != 0 || got.Waiting != 0 || len(order) != 2*firstSearches+4 {
			t.Errorf("in the end: %+v, %d ran", got, len(order))
		}
		for i, name := range order {
			if want := i >= firstSearches/behindShare && i < firstSearches/behindShare+firstSearches; want && name != "live" {
				t.Errorf("search %d was %s", i, name)
			}
		}
	})
}

// TestRate: the bucket holds a second's searches, and those that are in debt come in turn.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(5)
		begun := time.Now()
		for range 15 {
			leave, err := l.enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			leave(nil)
		}
		if took := time.Since(begun); took < 1900*time.Millisecond || took > 2100*time.Millisecond {
			t.Errorf("15 searches at 5 a second took %s", took)
		}
	})
}
