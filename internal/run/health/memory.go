package health

import (
	"context"
	"sync"
)

// Memory is a [Store] in memory. The zero value is empty.
type Memory struct {
	mu   sync.Mutex
	data []byte
}

// Update implements [Store].
func (m *Memory) Update(_ context.Context, change func(old []byte) ([]byte, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, err := change(m.data)
	if err == nil && data != nil {
		m.data = data
	}
	return err
}
