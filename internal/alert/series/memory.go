package series

import (
	"context"
	"slices"
	"sync"
)

// Memory is a [Store] in memory, for runs that write nothing, and for tests. The zero value is ready for use.
type Memory struct {
	// Base, if not nil, has earlier decisions; it is not changed.
	Base Store

	mu      sync.Mutex
	records map[string]Record
}

// Records implements [Store].
func (m *Memory) Records(ctx context.Context, uuids, names []string) ([]Record, error) {
	var out []Record
	if m.Base != nil {
		var err error
		if out, err = m.Base.Records(ctx, uuids, names); err != nil {
			return nil, err //nolint:wrapcheck // the error names the store
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, record := range m.records {
		if slices.Contains(uuids, record.UUID) || slices.Contains(names, record.Index) {
			out = append(out, record)
		}
	}
	return out, nil
}

// Keep implements [Store].
func (m *Memory) Keep(_ context.Context, records []Record) ([]Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records == nil {
		m.records = map[string]Record{}
	}
	out := make([]Record, len(records))
	for i, record := range records {
		if earlier, ok := m.records[record.UUID]; ok {
			record = earlier
		}
		m.records[record.UUID], out[i] = record, record
	}
	return out, nil
}
