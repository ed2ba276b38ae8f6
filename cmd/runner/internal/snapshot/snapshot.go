// Package snapshot keeps values that are costly to make, so that they are made seldom however often they are asked for.
//
// It knows nothing of what it keeps. A [Value] is made when it is first asked for, by one caller for all. After its time has
// passed it is made anew in the background while the old one is still given out, with its age; one that is much older is given out
// only if a new one takes too long. Nobody asks: nothing is made.
package snapshot

import (
	"context"
	"sync"
	"time"
)

// Options are the settings of a value.
type Options struct {
	// Fresh is how long a value is given out without being made anew.
	Fresh time.Duration
	// Old, unless 0, is the age from which on who asks waits for a new value, until it has been in the making for Patience.
	Old, Patience time.Duration
	// Timeout bounds the making.
	Timeout time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Value is a value that is kept for a while. It is safe for concurrent use.
type Value[T any] struct {
	o       Options
	life    context.Context //nolint:containedctx // the making outlives the request that asked for it
	produce func(context.Context) (T, error)

	mu      sync.Mutex
	has     bool
	current T
	at      time.Time // when current was made
	tried   time.Time // when it was last tried
	failure error     // of the last try
	running chan struct{}
	begun   time.Time // when it was begun to make what is running
	works   sync.WaitGroup
}

// New returns a value that produce makes, until life ends.
func New[T any](life context.Context, o Options, produce func(context.Context) (T, error)) *Value[T] {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Value[T]{o: o, life: life, produce: produce}
}

// Taken is a value as it was made.
type Taken[T any] struct {
	Value T
	// At is when it was made.
	At time.Time
	// Err is why it could not be made anew since; nil if it could.
	Err error
}

// Ask has the value made anew if it is time, and waits for nothing.
func (v *Value[T]) Ask() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ask(v.o.Now())
}

func (v *Value[T]) ask(now time.Time) {
	if stale := v.tried.IsZero() || now.Sub(v.tried) >= v.o.Fresh; !stale || v.running != nil || v.life.Err() != nil {
		return
	}
	v.running, v.begun = make(chan struct{}), now
	v.works.Add(1)
	go v.renew(v.running)
}

// Get returns the value. It waits when there is none yet, and for a while when it is old. The error then is why there is none.
func (v *Value[T]) Get(ctx context.Context) (Taken[T], error) {
	v.mu.Lock()
	now := v.o.Now()
	v.ask(now) //nolint:contextcheck // the making outlives who asks
	running := v.running
	old := v.o.Old > 0 && now.Sub(v.at) >= v.o.Old
	if running == nil || v.has && !old {
		defer v.mu.Unlock()
		return v.taken()
	}
	var tired <-chan time.Time // never, while there is no value
	if v.has {
		tired = time.After(v.o.Patience - now.Sub(v.begun))
	}
	v.mu.Unlock()
	select {
	case <-running:
	case <-tired:
	case <-ctx.Done():
		return Taken[T]{}, ctx.Err() //nolint:wrapcheck // it is the caller's own
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.taken()
}

func (v *Value[T]) taken() (Taken[T], error) {
	if v.has {
		return Taken[T]{v.current, v.at, v.failure}, nil
	}
	if v.failure == nil {
		return Taken[T]{}, v.life.Err() //nolint:wrapcheck // nothing was tried
	}
	return Taken[T]{}, v.failure
}

// renew makes the value.
func (v *Value[T]) renew(done chan struct{}) {
	defer v.works.Done()
	ctx, cancel := context.WithTimeout(v.life, v.o.Timeout)
	defer cancel()
	made, err := v.produce(ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tried, v.failure, v.running = v.o.Now(), err, nil
	if err == nil {
		v.current, v.has, v.at = made, true, v.tried
	}
	close(done)
}

// Expire has the value made anew when it is next asked for.
func (v *Value[T]) Expire() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tried = time.Time{}
}

// Wait waits until nothing is being made; life has ended.
func (v *Value[T]) Wait() { v.works.Wait() }
