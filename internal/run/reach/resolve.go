package reach

import (
	"context"
	"strings"
	"time"

	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// Resolve returns the events as of one moment, if the backend supports it, with the patterns of the plans resolved: equal
// patterns once for all plans that have them. A plan that cannot be resolved meets the error when it is prepared.
func Resolve(ctx context.Context, events search.Events, at time.Time, plans []query.Plan) search.Events {
	s, remembers := search.As[search.Snapshotter](events)
	if !remembers {
		return events
	}
	moment, err := s.Snapshot(ctx)
	if err != nil {
		return events
	}
	type wants struct{ patterns, fields []string }
	by := map[string]*wants{}
	var all []*wants
	for _, plan := range plans {
		w, ok := plan.(interface {
			Wants(slot time.Time, w window.Window) (patterns, fields []string)
		})
		if !ok {
			continue
		}
		patterns, fields := w.Wants(at, plan.Rule().Window(at))
		id := strings.Join(patterns, ",")
		if by[id] == nil {
			by[id] = &wants{patterns: patterns}
			all = append(all, by[id])
		}
		by[id].fields = append(by[id].fields, fields...)
	}
	for _, one := range all {
		_, _ = moment.Resolve(ctx, one.patterns, one.fields)
	}
	return moment
}
