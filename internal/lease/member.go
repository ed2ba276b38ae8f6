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
	// ID tells this runner from all others, also from its own earlier life.
	ID, Host string
	// Period is the time within which a runner that is not heard of is replaced, twice over at most;
	// 0 means [DefaultPeriod]. It beats three times as often.
	Period time.Duration
	// Now is the clock; nil means time.Now. Durations are measured with it.
	Now func() time.Time
	// Skew is told of a runner whose clock differs from ours by so much, when it is more than a beat
	// can explain.
	Skew func(runner string, by time.Duration)
	// Changed is told when the set of runners has changed, or this one has lost or found its place.
	Changed func()
	// Failed is told of beats that did not go through.
	Failed func(error)
	// Renewed is told of the first beat that goes through after those.
	Renewed func()
	// Gone is told of a runner that left, or was not heard of for a period, Came of one that joined.
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
	// beaten is when the last beat went through, on our clock, before it was sent.
	beaten time.Time
	// seen is when a new beat of another runner was seen for the first time, and which one.
	seen map[string]sighting
	// told is what Changed was told last.
	told told
}

// told is what decides which rules are ours.
type told struct {
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
	return &Member{store: store, opts: o, seen: map[string]sighting{}}
}

// Join beats for the first time, so that rules are owned from then on.
func (m *Member) Join(ctx context.Context) error { return m.beat(ctx, false) }

// Run beats until the context ends, then leaves, so that the others need not wait. A beat that does
// not go through is told and tried again.
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
			m.notice()
		}
	}
}

// leaveTimeout bounds the goodbye.
const leaveTimeout = 3 * time.Second

func (m *Member) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	// Who cannot say goodbye is missed soon enough.
	_ = m.beat(ctx, true)
}

// maxTries is how often a beat is written again when another runner was faster.
const maxTries = 10

// beat reads the state, judges who is alive, and writes what has changed.
func (m *Member) beat(ctx context.Context, last bool) error {
	for range maxTries {
		sent := m.opts.Now()
		s, err := m.store.Load(ctx)
		if err != nil {
			return fmt.Errorf("read the leases: %w", err)
		}
		m.look(s)
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
		m.tell(before, next)
		m.notice()
		return nil
	}
	return fmt.Errorf("renew the lease: %w", ErrChanged)
}

// tell says who has come and gone since our last beat.
func (m *Member) tell(before, now State) {
	if before.Runners == nil {
		return // our first
	}
	differ := func(a, b State, say func(string)) {
		if say == nil {
			return
		}
		for _, id := range a.ids() {
			if _, there := b.Runners[id]; !there && id != m.opts.ID {
				say(id)
			}
		}
	}
	differ(before, now, m.opts.Gone)
	differ(now, before, m.opts.Came)
}

// look notes the beats that are new to us.
func (m *Member) look(s State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.opts.Now()
	for id, r := range s.Runners {
		if id == m.opts.ID {
			continue
		}
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
		}
	}
}

// next is the state with our beat in it, and without those who were not heard of for a period and
// the time in which a beat may be on its way.
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
		out.Runners[m.opts.ID] = Runner{Beat: me.Beat + 1, At: now.UTC(), Host: m.opts.Host}
	}
	if len(out.Runners) != len(s.Runners) || !there {
		out.Epoch++
	}
	return out
}

// notice tells when what we own may have changed.
func (m *Member) notice() {
	now := told{m.Fence(), m.holds()}
	m.mu.Lock()
	changed := now != m.told
	m.told = now
	m.mu.Unlock()
	if changed && m.opts.Changed != nil {
		m.opts.Changed()
	}
}

// holds reports whether our last beat is recent enough for nobody to have replaced us.
func (m *Member) holds() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, there := m.state.Runners[m.opts.ID]
	return there && m.opts.Now().Sub(m.beaten) < m.opts.Period
}

// Owns reports whether a rule is ours just now.
func (m *Member) Owns(key string) bool {
	if !m.holds() {
		return false
	}
	m.mu.Lock()
	ids := m.state.ids()
	m.mu.Unlock()
	return Owner(ids, key) == m.opts.ID
}

// Fence returns the number that what we write is to carry.
func (m *Member) Fence() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state.Epoch
}

// Runners returns the ids of the runners that are taken for alive, in order.
func (m *Member) Runners() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.state.ids())
}
