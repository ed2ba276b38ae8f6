package series

import (
	"context"
	"fmt"
	"sync"
)

// Source tells what indices are.
type Source interface {
	// SeriesFacts returns the facts of those of the indices that are there and may be asked about. An error leaves
	// nothing known.
	SeriesFacts(ctx context.Context, indices []string) (map[string]Facts, error)
}

// Store keeps decisions for good.
type Store interface {
	// Records returns the decisions about the indices with these UUIDs, and about those with these names.
	Records(ctx context.Context, uuids, names []string) ([]Record, error)
	// Keep writes decisions where there are none, and returns the records with the decisions that hold now:
	// somebody else may have been faster.
	Keep(ctx context.Context, records []Record) ([]Record, error)
}

// Registry decides once for each index. It is safe for concurrent use.
type Registry struct {
	source Source
	store  Store

	mu sync.Mutex
	// decided are the decisions by UUID, named the last one for each name.
	decided, named map[string]Record
}

// NewRegistry makes a registry over a cluster and what is kept of it.
func NewRegistry(source Source, store Store) *Registry {
	return &Registry{source: source, store: store, decided: map[string]Record{}, named: map[string]Record{}}
}

// nameless begins the UUID in records of indices that no more than the name is known of: who asks may not see them,
// or they are gone.
const nameless = "name:"

// Of returns the series of each index. Names of indices that are gone, or that may not be asked about, keep what was
// decided when they were, and are told by the name otherwise. An error leaves nothing decided.
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
	return nameless + index
}

// known is a decision by UUID, or by name where that is "".
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

// remember takes over what the store has.
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

// decide finds or makes the decisions about indices that nothing is known of here.
func (r *Registry) decide(ctx context.Context, indices []string, facts map[string]Facts) ([]Record, error) {
	var uuids, names []string
	for _, index := range indices {
		// What was decided while no more than the name was known holds.
		uuids = append(uuids, uuidOf(index, facts), nameless+index)
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
		return nil, err //nolint:wrapcheck // the caller does
	}
	r.remember(kept)
	var out, fresh []Record
	for _, index := range indices {
		uuid := uuidOf(index, facts)
		record, ok := r.known(uuid, "")
		if !ok {
			if record, ok = r.known(nameless+index, ""); ok {
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
		return nil, err //nolint:wrapcheck // the caller does
	}
	r.remember(decided)
	return append(out, decided...), nil
}

// choose decides about an index that nobody has decided about.
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
