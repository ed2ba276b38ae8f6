package lease

import (
	"context"
	"maps"
	"sync"
)

// Memory is a store for runners within one process. It is safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	state   State
	version int
}

// Load implements [Store].
func (m *Memory) Load(ctx context.Context) (State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.state
	s.Runners = maps.Clone(s.Runners)
	if m.version > 0 {
		s.Version = m.version
	}
	return s, ctx.Err()
}

// Save implements [Store].
func (m *Memory) Save(ctx context.Context, s *State) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if read, _ := s.Version.(int); read != m.version {
		return ErrChanged
	}
	m.version++
	s.Version = m.version
	m.state = *s
	m.state.Runners = maps.Clone(s.Runners)
	return nil
}
