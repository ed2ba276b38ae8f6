package elastic

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"tocsin/internal/alert"
)

// sourceFields is the part of an alert that tells its source.
var sourceFields = []string{"tocsin.source"}

func (h hit) madeOf() (*alert.Source, error) {
	if len(h.Source) == 0 {
		return nil, nil //nolint:nilnil // it does not tell
	}
	s, err := alert.ReadSource(h.Source)
	if err != nil {
		return nil, fmt.Errorf("alert %s in %s: %w", h.ID, h.Index, err)
	}
	return s, nil
}

// readMetSources reads the source of existing alerts: alerts that another runner has written, or that occur twice in
// one batch; where has the index of each. If a source cannot be read, the alert is Failed.
func (a *Alerts) readMetSources(ctx context.Context, items []bulkItem, where map[string]string, written []alert.Written) {
	met := slices.DeleteFunc(slices.Clone(items), func(item bulkItem) bool {
		return written[item.at].Outcome != alert.Duplicate || written[item.at].Met != nil || where[item.id] == "" || item.doc.Source[sourceFields[0]] == nil
	})
	if len(met) == 0 {
		return
	}
	found, err := a.readSources(ctx, met, where)
	for _, item := range met {
		w := &written[item.at]
		switch of, there := found[item.id]; {
		case err != nil:
			w.Outcome, w.Err = alert.Failed, err
		case there:
			w.Met = of
		}
	}
}

func (a *Alerts) readSources(ctx context.Context, items []bulkItem, where map[string]string) (map[string]*alert.Source, error) {
	docs := make([]map[string]any, len(items))
	for i, item := range items {
		docs[i] = map[string]any{"_index": where[item.id], "_id": item.id, "_source": sourceFields}
	}
	op := fmt.Sprintf("read %d existing alerts [%s]", len(items), a.alias)
	got, err := multiGet[json.RawMessage](ctx, a.client, op, "", map[string]any{"docs": docs}, len(docs))
	if err != nil {
		return nil, err
	}
	found := map[string]*alert.Source{}
	for _, d := range got {
		if err := d.err(op); err != nil {
			return nil, err
		}
		if !d.Found { // the alert was deleted: its source does not matter any more
			continue
		}
		if found[d.ID], err = (hit{ID: d.ID, Index: d.Index, Source: d.Source}).madeOf(); err != nil {
			return nil, err
		}
	}
	return found, nil
}
