package lease

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Options are the settings of a member. The zero value is usable but for ID.
type Options struct {
	// ID distinguishes this runner from all others, including an earlier process on the same
	// machine.
	ID, Host string
	// Version is that of the program, for people.
	Version string
	// Period is the lease period; 0 means [DefaultPeriod]. A silent runner is replaced within two
	// periods. Heartbeats are sent three times in a period.
	Period time.Duration
	// Now is the clock; nil means time.Now. Durations are measured with it.
	Now func() time.Time
	// Skew is called with a runner whose clock differs from this one's by more than the delay of a
	// heartbeat can explain.
	Skew func(runner string, by time.Duration)
	// Rules returns a digest of the rules that this runner runs; nil: it does not say. Differs is called with a runner that has run
	// other rules for two periods.
	Rules   func() string
	Differs func(runner string)
	// Changed is called when the set of runners has changed, or this runner has lost or regained
	// its lease.
	Changed func()
	// Failed is called when a heartbeat fails.
	Failed func(error)
	// Renewed is called on the first successful heartbeat after failures.
	Renewed func()
	// Gone is called with a runner that left or was silent for a period, Came with a runner that
	// joined.
	Gone, Came func(runner string)
}

// DefaultPeriod is short enough for rules that run every minute.
const DefaultPeriod = 15 * time.Second

// Member is this runner among the others. It is safe for concurrent use.
type Member struct {
	store Store
	opts  Options

	mu    sync.Mutex
	state State
	// beaten is when the last successful heartbeat was sent, on this runner's clock.
	beaten time.Time
	// seen holds, for each other runner, its latest heartbeat and when that was first seen.
	seen map[string]sighting
	// differs has since when other runners have run other rules, zero once that was reported.
	differs map[string]time.Time
	// notified is the ownership that Changed was last called for.
	notified ownership
}

// ownership decides which rules this runner owns.
type ownership struct {
	epoch int64
	holds bool
}

type sighting struct {
	beat int64
	at   time.Time
}

// New returns a member that has not joined yet.
func New(store Store, o Options) *Member {
	if o.Period <= 0 {
		o.Period = DefaultPeriod
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Member{store: store, opts: o, seen: map[string]sighting{}, differs: map[string]time.Time{}}
}

// Join sends the first heartbeat. From then on the runner owns rules.
func (m *Member) Join(ctx context.Context) error { return m.beat(ctx, false) }

// Run sends heartbeats until the context ends, then leaves, so that the others need not wait. A
// heartbeat that fails is reported and sent again.
func (m *Member) Run(ctx context.Context) {
	ticker := time.NewTicker(m.opts.Period / 3)
	failing := false
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			m.leave(ctx)
			return
		case <-ticker.C:
			err := m.beat(ctx, false)
			switch {
			case err != nil && ctx.Err() == nil:
				failing = true
				if m.opts.Failed != nil {
					m.opts.Failed(err)
				}
			case err == nil && failing:
				failing = false
				if m.opts.Renewed != nil {
					m.opts.Renewed()
				}
			}
			m.notifyChanged()
		}
	}
}

// leaveTimeout bounds the write that removes this runner.
const leaveTimeout = 3 * time.Second

func (m *Member) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	// If leaving fails, the others notice the silence soon enough.
	_ = m.beat(ctx, true)
}

// maxTries is how often a heartbeat is written again after a conflict with another runner.
const maxTries = 10

// beat reads the state, decides who is alive, and writes the changes.
func (m *Member) beat(ctx context.Context, last bool) error {
	for range maxTries {
		sent := m.opts.Now()
		s, err := m.store.Load(ctx)
		if err != nil {
			return fmt.Errorf("read the leases: %w", err)
		}
		m.observe(s)
		next := m.next(s, last)
		err = m.store.Save(ctx, &next)
		if errors.Is(err, ErrChanged) {
			continue
		}
		if err != nil {
			return fmt.Errorf("renew the lease: %w", err)
		}
		m.mu.Lock()
		before := m.state
		m.state, m.beaten = next, sent
		m.mu.Unlock()
		m.report(before, next)
		m.notifyChanged()
		return nil
	}
	return fmt.Errorf("renew the lease: %w", ErrChanged)
}

// report calls the hooks for runners that have come or gone since the last heartbeat.
func (m *Member) report(before, now State) {
	if before.Runners == nil {
		return // this runner's first heartbeat
	}
	differ := func(a, b State, say func(string)) {
		if say == nil {
			return
		}
		for _, id := range a.IDs() {
			if _, there := b.Runners[id]; !there && id != m.opts.ID {
				say(id)
			}
		}
	}
	differ(before, now, m.opts.Gone)
	differ(now, before, m.opts.Came)
}

// observe notes new heartbeats of other runners.
func (m *Member) observe(s State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.opts.Now()
	for id, r := range s.Runners {
		if id == m.opts.ID {
			continue
		}
		m.compare(id, r, now)
		known, ok := m.seen[id]
		if ok && known.beat == r.Beat {
			continue
		}
		m.seen[id] = sighting{r.Beat, now}
		if by := r.At.Sub(now); ok && m.opts.Skew != nil && by.Abs() > m.opts.Period {
			m.opts.Skew(id, by)
		}
	}
	for id := range m.seen {
		if _, there := s.Runners[id]; !there {
			delete(m.seen, id)
			delete(m.differs, id)
		}
	}
}

// compare reports a runner that runs other rules, unless that may be a reload that has not come everywhere.
func (m *Member) compare(id string, r Runner, now time.Time) {
	mine := m.rules()
	if mine == "" || r.Rules == "" || r.Rules == mine {
		delete(m.differs, id)
		return
	}
	since, known := m.differs[id]
	switch {
	case !known:
		m.differs[id] = now
	case !since.IsZero() && now.Sub(since) >= 2*m.opts.Period:
		m.differs[id] = time.Time{}
		if m.opts.Differs != nil {
			m.opts.Differs(id)
		}
	}
}

func (m *Member) rules() string {
	if m.opts.Rules == nil {
		return ""
	}
	return m.opts.Rules()
}

// next returns the state with this runner's heartbeat and without silent runners: those not heard
// of for a period plus the time in which a heartbeat may be on its way.
func (m *Member) next(s State, last bool) State {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.opts.Now()
	out := State{Epoch: s.Epoch, Runners: map[string]Runner{}, Version: s.Version}
	maps.Copy(out.Runners, s.Runners)
	for id := range s.Runners {
		if id != m.opts.ID && now.Sub(m.seen[id].at) > m.opts.Period+m.opts.Period/3 {
			delete(out.Runners, id)
		}
	}
	me, there := s.Runners[m.opts.ID]
	switch {
	case last:
		delete(out.Runners, m.opts.ID)
	default:
		out.Runners[m.opts.ID] = Runner{Beat: me.Beat + 1, At: now.UTC(), Host: m.opts.Host, Version: m.opts.Version, Period: m.opts.Period, Rules: m.rules()}
	}
	if len(out.Runners) != len(s.Runners) || !there {
		out.Epoch++
	}
	return out
}

// notifyChanged calls Changed when the rules of this runner may have changed.
func (m *Member) notifyChanged() {
	now := ownership{m.Fence(), m.holds()}
	m.mu.Lock()
	changed := now != m.notified
	m.notified = now
	m.mu.Unlock()
	if changed && m.opts.Changed != nil {
		m.opts.Changed()
	}
}

// holds reports whether the last heartbeat is recent enough that nobody can have replaced this
// runner.
func (m *Member) holds() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, there := m.state.Runners[m.opts.ID]
	return there && m.opts.Now().Sub(m.beaten) < m.opts.Period
}

// Owns reports whether this runner owns a rule now.
func (m *Member) Owns(key string) bool {
	if !m.holds() {
		return false
	}
	m.mu.Lock()
	ids := m.state.IDs()
	m.mu.Unlock()
	return Owner(ids, key) == m.opts.ID
}

// Fence returns the fencing number for what this runner writes.
func (m *Member) Fence() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state.Epoch
}

// Runners returns the ids of the live runners, in order.
func (m *Member) Runners() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.state.IDs())
}

// Renewed returns when the last heartbeat that succeeded was sent.
func (m *Member) Renewed() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.beaten
}
