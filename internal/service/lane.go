package service

import (
	"context"
	"sync"
	"time"
)

// lane lets what is live pass before what is not. It is safe for concurrent use.
type lane struct {
	mu   sync.Mutex
	live int
	// idle is closed while nothing live runs, and a new one otherwise.
	idle chan struct{}
}

func newLane() *lane {
	l := &lane{idle: make(chan struct{})}
	close(l.idle)
	return l
}

func (l *lane) enter() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live == 0 {
		l.idle = make(chan struct{})
	}
	l.live++
}

func (l *lane) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live--
	if l.live == 0 {
		close(l.idle)
	}
}

// wait returns when nothing live runs, or after the most that one may be kept waiting: rules that
// run all the time must not keep the others from ever catching up.
func (l *lane) wait(ctx context.Context, most time.Duration) {
	l.mu.Lock()
	idle := l.idle
	l.mu.Unlock()
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	case <-ctx.Done():
	}
}
