package lease_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"tocsin/internal/ledger/lease"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const period = 15 * time.Second

// partitioned is a store from which a runner can be cut off.
type partitioned struct {
	lease.Store
	mu  sync.Mutex
	cut bool
}

var errCut = errors.New("cut off")

func (p *partitioned) set(cut bool) { p.mu.Lock(); p.cut = cut; p.mu.Unlock() }

func (p *partitioned) down() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.cut }

func (p *partitioned) Load(ctx context.Context) (lease.State, error) {
	if p.down() {
		return lease.State{}, errCut
	}
	return p.Store.Load(ctx)
}

func (p *partitioned) Save(ctx context.Context, s *lease.State) error {
	if p.down() {
		return errCut
	}
	return p.Store.Save(ctx, s)
}

// start joins a runner whose clock is off by skew, and returns a func that makes it leave.
func start(t *testing.T, store lease.Store, id string, skew time.Duration, o lease.Options) (*lease.Member, func()) {
	t.Helper()
	o.ID, o.Period, o.Now = id, period, func() time.Time { return time.Now().Add(skew) }
	m := lease.New(store, o)
	if err := m.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); m.Run(ctx) }()
	return m, func() { cancel(); <-done }
}

// owners counts who owns each of a hundred rules.
func owners(members ...*lease.Member) (none, one, more int) {
	for i := range 100 {
		n := 0
		for _, m := range members {
			if m.Owns(fmt.Sprintf("rule-%d", i)) {
				n++
			}
		}
		switch n {
		case 0:
			none++
		case 1:
			one++
		default:
			more++
		}
	}
	return none, one, more
}

func TestOneRunnerOwnsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, stop := start(t, &lease.Memory{}, "a", 0, lease.Options{})
		defer stop()
		time.Sleep(time.Hour)
		if none, one, more := owners(m); one != 100 {
			t.Error(none, one, more)
		}
	})
}

// TestTakeover: a runner that dies is replaced within two periods, and no rule ever has two owners.
func TestTakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &lease.Memory{}
		cuttable := &partitioned{Store: store}
		var mu sync.Mutex
		skewed := map[string]time.Duration{}
		a, stopA := start(t, store, "a", 0, lease.Options{Skew: func(id string, by time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			skewed[id] = by
		}})
		defer stopA()
		b, stopB := start(t, cuttable, "b", 90*time.Second, lease.Options{})
		defer stopB()
		c, stopC := start(t, store, "c", -time.Hour, lease.Options{})
		time.Sleep(period)
		if none, _, more := owners(a, b, c); none+more > 0 {
			t.Fatal("at first:", none, more)
		}
		fence := a.Fence()
		cuttable.set(true)
		var free time.Duration
		for step := time.Duration(0); step < 3*period; step += 100 * time.Millisecond {
			time.Sleep(100 * time.Millisecond)
			none, _, more := owners(a, b, c)
			if more > 0 {
				t.Fatalf("%s after b was cut off %d rules have two owners", step, more)
			}
			if none > 0 {
				free = step
			}
		}
		if free >= 2*period {
			t.Errorf("rules had no owner until %s", free)
		}
		if a.Fence() <= fence {
			t.Error("the fencing number stays", fence)
		}
		if b.Owns("rule-1") || b.Fence() >= a.Fence() {
			t.Error("the runner that was cut off goes on")
		}
		cuttable.set(false)
		stopC() // it leaves properly
		time.Sleep(period)
		if none, _, more := owners(a, b, c); none+more > 0 {
			t.Error("after b has come back and c has left:", none, more)
		}
		mu.Lock()
		by := skewed["b"]
		mu.Unlock()
		if by < 80*time.Second || by > 100*time.Second {
			t.Error("skew of b:", by)
		}
	})
}

func TestGoodbyeIsQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &lease.Memory{}
		a, stopA := start(t, store, "a", 0, lease.Options{})
		defer stopA()
		b, stopB := start(t, store, "b", 0, lease.Options{})
		time.Sleep(period)
		stopB()
		time.Sleep(period/3 + time.Second)
		if none, _, _ := owners(a, b); none > 0 {
			t.Error(none, "rules have no owner")
		}
	})
}

func TestFailedBeatIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &partitioned{Store: &lease.Memory{}}
		var mu sync.Mutex
		var told []error
		changes := 0
		m, stop := start(t, store, "a", 0, lease.Options{
			Failed:  func(err error) { mu.Lock(); defer mu.Unlock(); told = append(told, err) },
			Changed: func() { mu.Lock(); defer mu.Unlock(); changes++ },
		})
		state := func() ([]error, int) { mu.Lock(); defer mu.Unlock(); return told, changes }
		_, before := state()
		store.set(true)
		time.Sleep(2 * period)
		if errs, n := state(); len(errs) == 0 || !errors.Is(errs[0], errCut) || m.Owns("x") || n != before+1 {
			t.Error(errs, m.Owns("x"), n-before)
		}
		store.set(false)
		time.Sleep(period)
		if _, n := state(); !m.Owns("x") || n != before+2 {
			t.Error(m.Owns("x"), n-before)
		}
		stop()
	})
}

func TestOwner(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runners := rapid.SliceOfNDistinct(rapid.StringN(1, 8, 8), 2, 6, rapid.ID[string]).Draw(t, "runners")
		gone := rapid.IntRange(0, len(runners)-1).Draw(t, "gone")
		left := append(append([]string{}, runners[:gone]...), runners[gone+1:]...)
		for i := range 50 {
			key := fmt.Sprintf("rule-%d", i)
			if before := lease.Owner(runners, key); before != runners[gone] && lease.Owner(left, key) != before {
				t.Fatalf("%s moves although its runner lives", key)
			}
		}
	})
	counts := map[string]int{}
	for i := range 3000 {
		counts[lease.Owner([]string{"runner-1", "runner-2", "runner-3"}, fmt.Sprintf("rule-%d", i))]++
	}
	for id, n := range counts {
		if n < 850 || n > 1150 {
			t.Errorf("%s has %d of 3000 rules", id, n)
		}
	}
}

// TestComingAndGoing: a runner is notified once of each other runner that joins, leaves or dies,
// and of its own return.
func TestComingAndGoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &lease.Memory{}
		mine, theirs := &partitioned{Store: store}, &partitioned{Store: store}
		var mu sync.Mutex
		var told []string
		tell := func(what string) func(string) {
			return func(id string) { mu.Lock(); defer mu.Unlock(); told = append(told, what+" "+id) }
		}
		_, stop := start(t, mine, "a", 0, lease.Options{
			Came: tell("came"), Gone: tell("gone"), Renewed: func() { tell("renewed")("a") },
		})
		defer stop()
		expect := func(want ...string) {
			t.Helper()
			time.Sleep(2*period + period/7) // at no moment at which something else is done
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(told, want) {
				t.Errorf("told of %q, want %q", told, want)
			}
			told = nil
		}
		_, stopB := start(t, store, "b", 0, lease.Options{})
		expect("came b")
		stopB()
		expect("gone b")
		_, stopC := start(t, theirs, "c", 0, lease.Options{})
		expect("came c")
		theirs.set(true)
		expect("gone c")
		stopC()
		mine.set(true)
		expect()
		mine.set(false)
		expect("renewed a")
	})
}

// TestDiffers tells each runner once that another runs other rules, unless that ends soon.
func TestDiffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &lease.Memory{}
		var mu sync.Mutex
		told := map[string]int{}
		rules := map[string]string{"a": "1", "b": "1", "silent": ""}
		runner := func(id string) (*lease.Member, func()) {
			return start(t, store, id, 0, lease.Options{
				Rules:   func() string { mu.Lock(); defer mu.Unlock(); return rules[id] },
				Differs: func(other string) { mu.Lock(); defer mu.Unlock(); told[id+" of "+other]++ },
			})
		}
		var stops []func()
		for _, id := range []string{"a", "b", "silent"} {
			_, stop := runner(id)
			stops = append(stops, stop)
		}
		defer func() {
			for _, stop := range stops {
				stop()
			}
		}()
		is := func(want int) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if told["a of b"] != want || told["b of a"] != want || len(told) > 2 {
				t.Errorf("told %v, want %d", told, want)
			}
		}
		set := func(id, digest string) { mu.Lock(); defer mu.Unlock(); rules[id] = digest }
		time.Sleep(4 * period)
		is(0)
		set("a", "2")
		time.Sleep(period)
		set("b", "2") // a reload that comes everywhere
		time.Sleep(4 * period)
		is(0)
		set("a", "3")
		time.Sleep(10 * period)
		is(1)
		set("b", "3")
		time.Sleep(2 * period)
		set("b", "4")
		time.Sleep(4 * period)
		is(2)
	})
}
