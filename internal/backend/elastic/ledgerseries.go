package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"tocsin/internal/alert/series"
	"tocsin/internal/diag/failure"
	"tocsin/internal/ledger"
	"tocsin/internal/match/condition"
)

var _ series.Store = (*Ledger)(nil)

// Records implements [series.Store]. It may miss decisions by name that were made a moment ago.
func (l *Ledger) Records(ctx context.Context, uuids, names []string) ([]series.Record, error) {
	ids := make([]string, 0, len(uuids)+len(names))
	for _, uuid := range uuids {
		ids = append(ids, ledgerID(seriesKind, uuid))
	}
	if len(names) > 0 {
		named, err := l.seriesOfNames(ctx, names)
		if err != nil {
			return nil, err
		}
		ids = append(ids, named...)
	}
	var out []series.Record
	err := l.get(ctx, ids, func(s ledgerSource, _ mark) error {
		out = append(out, series.Record{UUID: s.UUID, Index: s.Index, Series: s.Series})
		return nil
	})
	return out, err
}

// seriesOfNames finds the documents with decisions about indices with these names.
func (l *Ledger) seriesOfNames(ctx context.Context, names []string) ([]string, error) {
	op := "look for the series of indices in [" + l.index + "]"
	p := newPager(l.client, op, []string{l.index}, condition.Query{
		"query": condition.Query{"bool": condition.Query{"filter": []condition.Query{
			{"term": condition.Query{"kind": seriesKind}}, {"terms": condition.Query{"index": names}},
		}}},
		"_source": []string{"uuid"}, "sort": []condition.Query{{"_shard_doc": "asc"}}, "track_total_hits": false,
	}, ledgerBatch)
	var ids []string
	_, err := p.run(ctx, func(hits []hit) (bool, error) {
		for _, h := range hits {
			var s ledgerSource
			if err := json.Unmarshal(h.Source, &s); err != nil {
				return false, fmt.Errorf("%s: %w", op, err)
			}
			ids = append(ids, ledgerID(seriesKind, s.UUID))
		}
		return true, nil
	})
	if notFound(err) { // not installed yet
		return nil, nil
	}
	return ids, err
}

// Keep implements [series.Store].
func (l *Ledger) Keep(ctx context.Context, records []series.Record) ([]series.Record, error) {
	docs := make([]ledgerDoc, len(records))
	for i, r := range records {
		docs[i] = ledgerDoc{id: ledgerID(seriesKind, r.UUID), version: new(any), source: ledgerSource{
			Kind: seriesKind, UUID: r.UUID, Index: r.Index, Series: r.Series,
		}}
	}
	errs, err := l.save(ctx, docs)
	if err != nil {
		return nil, err
	}
	var there []string
	out := make([]series.Record, 0, len(records))
	for i, err := range errs {
		switch {
		case errors.Is(err, ledger.ErrChanged):
			there = append(there, records[i].UUID)
		case err != nil:
			return nil, err
		default:
			out = append(out, records[i])
		}
	}
	if len(there) == 0 {
		return out, nil
	}
	kept, err := l.Records(ctx, there, nil)
	if err == nil && len(kept) != len(there) {
		err = &failure.Error{
			Kind: failure.Unavailable, Op: "read the ledger [" + l.index + "]",
			Reason: fmt.Sprintf("%d of %d decisions that are there cannot be read", len(there)-len(kept), len(there)),
		}
	}
	return append(out, kept...), err
}
