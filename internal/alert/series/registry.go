package series

import (
	"context"
	"fmt"
	"sync"
)

// Source reads the facts about indices.
type Source interface {
	// SeriesFacts returns the facts about the given indices, without indices that do not exist or are not
	// visible to the user. After an error nothing is known.
	SeriesFacts(ctx context.Context, indices []string) (map[string]Facts, error)
}

// Store stores decisions permanently.
type Store interface {
	// Records returns the decisions about the indices with these UUIDs, and about the indices with these
	// names.
	Records(ctx context.Context, uuids, names []string) ([]Record, error)
	// Keep stores decisions unless there are some already, and returns the valid ones: another runner may
	// have been faster.
	Keep(ctx context.Context, records []Record) ([]Record, error)
}

// Registry decides once for each index. It is safe for concurrent use.
type Registry struct {
	source Source
	store  Store

	mu sync.Mutex
	// decided has the decisions by UUID, named the last decision for each name.
	decided, named map[string]Record
}

// NewRegistry returns a registry for a cluster and its stored decisions.
func NewRegistry(source Source, store Store) *Registry {
	return &Registry{source: source, store: store, decided: map[string]Record{}, named: map[string]Record{}}
}

// namePrefix is the prefix of the UUID in records of indices of which only the name is known: they are not
// visible to the user, or no longer exist.
const namePrefix = "name:"

// Of returns the series of each index. An index that no longer exists, or is not visible, keeps an earlier
// decision; without one, the name decides. After an error nothing is decided.
func (r *Registry) Of(ctx context.Context, indices []string) (map[string]string, error) {
	if len(indices) == 0 {
		return nil, nil
	}
	facts, err := r.source.SeriesFacts(ctx, indices)
	if err != nil {
		return nil, fmt.Errorf("decide which series indices belong to: %w", err)
	}
	var open []string
	out := make(map[string]string, len(indices))
	for _, index := range indices {
		if record, ok := r.known(uuidOf(index, facts), ""); ok {
			out[index] = record.Series
		} else {
			open = append(open, index)
		}
	}
	if len(open) == 0 {
		return out, nil
	}
	records, err := r.decide(ctx, open, facts)
	if err != nil {
		return nil, fmt.Errorf("decide which series indices belong to: %w", err)
	}
	for _, record := range records {
		out[record.Index] = record.Series
	}
	return out, nil
}

func uuidOf(index string, facts map[string]Facts) string {
	if f, ok := facts[index]; ok && f.UUID != "" {
		return f.UUID
	}
	return namePrefix + index
}

// known returns a decision by UUID, or by name if that is "".
func (r *Registry) known(uuid, name string) (Record, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if uuid != "" {
		if record, ok := r.decided[uuid]; ok {
			return record, true
		}
	}
	record, ok := r.named[name]
	return record, ok && name != ""
}

// remember caches records of the store.
func (r *Registry) remember(records []Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, record := range records {
		if _, ok := r.decided[record.UUID]; ok {
			continue
		}
		r.decided[record.UUID] = record
		r.named[record.Index] = record
	}
}

// decide reads or makes the decisions about indices that are not cached.
func (r *Registry) decide(ctx context.Context, indices []string, facts map[string]Facts) ([]Record, error) {
	var uuids, names []string
	for _, index := range indices {
		// A decision that was made from the name alone stays valid.
		uuids = append(uuids, uuidOf(index, facts), namePrefix+index)
		f, there := facts[index]
		if !there {
			names = append(names, index)
		}
		uuids = append(uuids, f.Chain...)
		if f.SourceUUID != "" {
			uuids = append(uuids, f.SourceUUID)
		}
		if f.SourceName != "" {
			names = append(names, f.SourceName)
		}
		if original := withoutPrefix(index); original != "" {
			names = append(names, original)
		}
	}
	kept, err := r.store.Records(ctx, uuids, names)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller wraps it
	}
	r.remember(kept)
	var out, fresh []Record
	for _, index := range indices {
		uuid := uuidOf(index, facts)
		record, ok := r.known(uuid, "")
		if !ok {
			if record, ok = r.known(namePrefix+index, ""); ok {
				record.UUID, ok = uuid, false
			} else {
				record = Record{UUID: uuid, Index: index, Series: r.choose(index, facts)}
			}
		}
		if !ok {
			fresh = append(fresh, record)
			continue
		}
		record.Index = index
		out = append(out, record)
	}
	if len(fresh) == 0 {
		return out, nil
	}
	decided, err := r.store.Keep(ctx, fresh)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller wraps it
	}
	r.remember(decided)
	return append(out, decided...), nil
}

// choose makes a new decision about an index.
func (r *Registry) choose(index string, facts map[string]Facts) string {
	f, there := facts[index]
	if there {
		return decide(index, f, r.known)
	}
	if record, ok := r.known("", index); ok {
		return record.Series
	}
	return OfName(index)
}
