package threatmatch

import (
	"context"
	"strings"

	"tocsin/internal/match/event"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
)

// Inquire implements [query.Inquirer]: whether an indicator has the values of the event.
func (s *threatSearch) Inquire(ctx context.Context, src query.Source, w window.Window, e *event.Event) ([]query.Near, error) {
	near := query.Near{Text: "no indicator matches it by " + s.mappings()}
	_, err := s.Execute(ctx, src, w, func(hits []query.Hit) (bool, error) {
		for i := range hits {
			if hits[i].Event.Ref() == e.Ref() {
				near.Reached, near.Text = true, "an indicator matches it by "+s.mappings()
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil && !near.Reached {
		return nil, err
	}
	return []query.Near{near}, nil
}

// mappings says what is compared.
func (s *threatSearch) mappings() string {
	var groups []string
	for _, all := range s.compared() {
		groups = append(groups, strings.Join(all, " and "))
	}
	return strings.Join(groups, " or ")
}
