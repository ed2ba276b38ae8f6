package notify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/notify"
)

// receiver is a channel that remembers what it took, by key.
type receiver struct {
	traits notify.Traits
	mu     sync.Mutex
	taken  map[string]notify.Message
	times  map[string][]time.Time
	sends  int
	// answer decides about a message; nil: all are accepted.
	answer func(m notify.Message) error
}

func newReceiver() *receiver {
	return &receiver{taken: map[string]notify.Message{}, times: map[string][]time.Time{}}
}

func (r *receiver) Traits() notify.Traits { return r.traits }

func (r *receiver) Send(_ context.Context, m notify.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sends++
	if r.answer != nil {
		if err := r.answer(m); err != nil {
			return err
		}
	}
	if before, known := r.taken[m.Key]; known && (before.Title != m.Title || before.Count != m.Count) {
		return errors.New("a key with another message")
	}
	r.taken[m.Key] = m
	r.times[m.Key] = append(r.times[m.Key], time.Now())
	return nil
}

// requests returns the number of messages that were sent, accepted or not.
func (r *receiver) requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sends
}

// messages returns the messages that were accepted.
func (r *receiver) messages() map[string]notify.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.taken)
}

// told returns how many notices the messages stand for.
func (r *receiver) told() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, m := range r.taken {
		n += m.Count
	}
	return n
}

// errKilled is what a killed process would never have seen.
var errKilled = errors.New("killed")

// process is the store and the channels as one process sees them: once it is killed, nothing that it does has an effect.
type process struct {
	notify.Store
	mu     sync.Mutex
	random *rand.Rand
	// lost is how often, in a thousand, an answer of the store is lost although it did what it was asked.
	lost   int
	killed bool
}

func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
}

// before returns the error of an operation that is not done, after that of one whose answer is lost.
func (p *process) before() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed {
		return errKilled
	}
	return nil
}

// delay returns how long a message takes.
func (p *process) delay() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Duration(p.random.Int64N(int64(300 * time.Millisecond)))
}

func (p *process) after() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed || p.random.IntN(1000) < p.lost {
		return errKilled
	}
	return nil
}

func (p *process) Create(ctx context.Context, e []*notify.Entry) ([]bool, error) {
	if err := p.before(); err != nil {
		return nil, err
	}
	made, err := p.Store.Create(ctx, e)
	return made, errors.Join(err, p.after())
}

func (p *process) Update(ctx context.Context, e []*notify.Entry) ([]error, error) {
	if err := p.before(); err != nil {
		return nil, err
	}
	errs, err := p.Store.Update(ctx, e)
	return errs, errors.Join(err, p.after())
}

func (p *process) Get(ctx context.Context, ids []string) ([]notify.Entry, error) {
	if err := p.before(); err != nil {
		return nil, err
	}
	out, err := p.Store.Get(ctx, ids)
	return out, errors.Join(err, p.after())
}

func (p *process) Find(ctx context.Context, q notify.Query) ([]notify.Entry, error) {
	if err := p.before(); err != nil {
		return nil, err
	}
	out, err := p.Store.Find(ctx, q)
	return out, errors.Join(err, p.after())
}

// through is a channel of one process.
type through struct {
	*receiver
	process *process
}

func (c through) Send(ctx context.Context, m notify.Message) error {
	if err := c.process.before(); err != nil {
		return err
	}
	time.Sleep(c.process.delay())
	if err := c.process.before(); err != nil {
		return err
	}
	return errors.Join(c.receiver.Send(ctx, m), c.process.before())
}

// world is some runners over one store and their receivers.
type world struct {
	store     *notify.Memory
	receivers map[string]*receiver
	route     func(name string, c notify.Channel) notify.Route
	seed      uint64
	lost      int
	started   int
}

// outbox returns the outbox of a store for a process, whose use of it may fail.
func outbox(ctx context.Context, store, through notify.Store, routes *notify.Routes) *notify.Outbox {
	out := &notify.Outbox{Store: store, Now: time.Now}
	if err := out.Use(ctx, routes); err != nil {
		panic(err) // memory does not fail
	}
	out.Store = through
	return out
}

// start starts a runner; it returns its outbox, and a func that kills it and one that stops it.
func (w *world) start(ctx context.Context) (out *notify.Outbox, kill, stop func()) {
	w.started++
	p := &process{Store: w.store, random: rand.New(rand.NewPCG(w.seed, uint64(w.started))), lost: w.lost}
	var list []notify.Route
	for name, r := range w.receivers {
		list = append(list, w.route(name, through{r, p}))
	}
	out = outbox(ctx, w.store, p, notify.NewRoutes(list...))
	s := &notify.Sender{Store: p, Routes: out.Routes, ID: fmt.Sprint("runner ", w.started), Now: time.Now, Log: slog.New(slog.DiscardHandler), Poll: 4 * time.Second}
	running, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); s.Run(running) }()
	end := func() { cancel(); <-done }
	return out, func() { p.kill(); end() }, end
}

// until waits until a condition holds, for at most a time; it reports whether it does.
func until(most time.Duration, holds func() bool) bool {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(5 * time.Second) {
		if holds() {
			return true
		}
	}
	return holds()
}

// plan is a generated history.
type plan struct {
	notices, kills, fail, lost, rate, runners int
	digests, quiet                            bool
	seed                                      uint64
}

// TestEveryNoticeIsTold: whatever is killed, lost and refused, every notice is told to every receiver exactly once per key, in a message of
// its own or in a digest, and nothing else is.
func TestEveryNoticeIsTold(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := plan{
			notices: rapid.IntRange(1, 80).Draw(r, "notices"), kills: rapid.IntRange(0, 12).Draw(r, "kills"), fail: rapid.SampledFrom([]int{0, 100, 500, 900}).Draw(r, "failures"),
			lost: rapid.SampledFrom([]int{0, 20, 150}).Draw(r, "lost answers"), rate: rapid.SampledFrom([]int{0, 0, 1, 5}).Draw(r, "rate"), runners: rapid.IntRange(1, 3).Draw(r, "runners"),
			digests: rapid.Bool().Draw(r, "digests"), quiet: rapid.Bool().Draw(r, "quiet"), seed: rapid.Uint64().Draw(r, "seed"),
		}
		var wrong string
		synctest.Test(t, func(t *testing.T) { wrong = p.play(t) })
		if wrong != "" {
			r.Fatalf("%+v: %s", p, wrong)
		}
	})
}

func (p plan) play(t *testing.T) string {
	t.Helper()
	random := rand.New(rand.NewPCG(p.seed, 0))
	w := &world{store: notify.NewMemory(), receivers: map[string]*receiver{"a": newReceiver(), "b": newReceiver()}, seed: p.seed, lost: p.lost}
	w.receivers["b"].traits.Idempotent = true
	for name, r := range w.receivers {
		luck := rand.New(rand.NewPCG(p.seed, uint64(name[0])))
		r.answer = func(notify.Message) error { // one at a time
			switch n := luck.IntN(1000); {
			case n < p.fail/2:
				return errors.New("no")
			case n < p.fail:
				return &notify.Refusal{Err: errors.New("busy"), After: 3 * time.Second}
			}
			return nil
		}
	}
	w.route = func(name string, c notify.Channel) notify.Route {
		r := notify.Route{Name: name, Channel: c, Rate: p.rate, RetryMax: 10 * time.Second, GiveUp: 1000 * time.Hour}
		if p.quiet && name == "a" {
			now := time.Now().UTC().Add(time.Minute)
			r.Quiet = &notify.Quiet{From: now.Hour()*60 + now.Minute(), To: (now.Hour()*60 + now.Minute() + 7) % 1440, Zone: time.UTC}
		}
		return r
	}
	type runner struct {
		out        *notify.Outbox
		kill, stop func()
	}
	crew := make([]runner, p.runners)
	for i := range crew {
		crew[i].out, crew[i].kill, crew[i].stop = w.start(t.Context())
	}
	for i := range p.notices {
		n := notify.Notice{Key: fmt.Sprint("notice ", i), Kind: notify.KindAlert, At: time.Now(), Title: fmt.Sprint("title ", i)}
		if p.digests && i%3 == 0 {
			n.Digest = &notify.Digest{Key: fmt.Sprint("digest ", i%2), Title: "d", Calm: 4 * time.Second, Most: 20 * time.Second}
		}
		// Whoever adds a notice adds it again, here or at another runner, until it was stored; sometimes also afterwards.
		for again := true; again; {
			c := &crew[random.IntN(len(crew))]
			if random.IntN(p.notices) < p.kills {
				c.kill()
				c.out, c.kill, c.stop = w.start(t.Context())
			}
			err := c.out.Add(t.Context(), []notify.Notice{n})
			again = err != nil || random.IntN(5) == 0
			time.Sleep(time.Duration(random.Int64N(int64(2 * time.Second))))
		}
	}
	all := func() bool { return w.receivers["a"].told() >= p.notices && w.receivers["b"].told() >= p.notices }
	if !until(20*time.Hour, all) {
		return fmt.Sprintf("told %d and %d of %d", w.receivers["a"].told(), w.receivers["b"].told(), p.notices)
	}
	time.Sleep(20 * time.Minute) // for second looks, and for what is told again
	for _, c := range crew {
		c.stop()
	}
	for name, r := range w.receivers {
		if n := r.told(); n != p.notices {
			return fmt.Sprintf("route %s told %d of %d notices", name, n, p.notices)
		}
		if p.lost == 0 && p.kills == 0 {
			for key, times := range r.times {
				if len(times) != 1 {
					return fmt.Sprintf("route %s: %q was delivered %d times without a crash", name, r.taken[key].Title, len(times))
				}
			}
		}
		if p.rate > 0 && p.kills == 0 && p.lost == 0 && p.fail == 0 {
			in := map[time.Time]int{}
			for _, times := range r.times {
				if in[times[0].Truncate(time.Minute)]++; in[times[0].Truncate(time.Minute)] > p.rate+1 {
					return fmt.Sprintf("route %s sent more than %d in a minute", name, p.rate)
				}
			}
		}
	}
	stats, err := w.store.Stats(t.Context())
	if err != nil {
		return err.Error()
	}
	for _, s := range stats {
		if s.Status != notify.Delivered && s.Status != notify.Member {
			return fmt.Sprintf("left over: %+v", s)
		}
	}
	return ""
}
