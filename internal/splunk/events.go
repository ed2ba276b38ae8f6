package splunk

import (
	"cmp"
	"context"
	"slices"
)

// Events is a source of rows in memory. Each row has _time. The events of a data model are the rows with the
// model's field names.
type Events []Row

// Events passes on the rows within the window, newest first.
func (e Events) Events(ctx context.Context, s Scan, visit func(Row) error) error {
	var within []Row
	earliest, latest := Epoch(s.Window.Earliest), Epoch(s.Window.Latest)
	for _, row := range e {
		t, ok := row["_time"].Float()
		if !ok || !s.Window.Earliest.IsZero() && t < earliest || !s.Window.Latest.IsZero() && t >= latest {
			continue
		}
		within = append(within, row)
	}
	slices.SortStableFunc(within, func(a, b Row) int {
		x, _ := a["_time"].Float()
		y, _ := b["_time"].Float()
		return cmp.Compare(y, x)
	})
	for i, row := range within {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := visit(row.clone()); err != nil {
			return err
		}
	}
	return nil
}
