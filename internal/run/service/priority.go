package service

import (
	"context"
	"sync"
	"time"
)

// priorityGate makes catch-up runs wait while live slots run. It is safe for concurrent use.
type priorityGate struct {
	mu   sync.Mutex
	live int
	// idle is closed while no live slot runs, and replaced by an open channel when one starts.
	idle chan struct{}
}

func newPriorityGate() *priorityGate {
	g := &priorityGate{idle: make(chan struct{})}
	close(g.idle)
	return g
}

func (g *priorityGate) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.live == 0 {
		g.idle = make(chan struct{})
	}
	g.live++
}

func (g *priorityGate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.live--
	if g.live == 0 {
		close(g.idle)
	}
}

// wait returns when no live slot runs, at the latest after most: rules that run all the time must
// not keep the others from catching up.
func (g *priorityGate) wait(ctx context.Context, most time.Duration) {
	g.mu.Lock()
	idle := g.idle
	g.mu.Unlock()
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	case <-ctx.Done():
	}
}
