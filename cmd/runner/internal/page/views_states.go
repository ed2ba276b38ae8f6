package page

import (
	"cmp"
	"net/http"

	"tocsin/cmd/runner/internal/api"
)

type statesData struct {
	api.ServiceStates

	Filter                    api.StateFilter
	Since                     string
	Kinds, Severities, Phases []string
	Pager                     pager
	// Level is how bad it is now: good, warn or bad.
	Level string
}

func (p *Page) states(r *http.Request) (any, string, error) {
	q := r.URL.Query()
	at, err := api.PageOf(q, stateRows)
	if err != nil {
		return nil, "", err //nolint:wrapcheck // it is a problem
	}
	f, err := api.StateFilterOf(q, p.Now())
	if err != nil {
		return nil, "", err //nolint:wrapcheck // it is a problem
	}
	all, err := p.Source.States(r.Context())
	if err != nil {
		return nil, "", err //nolint:wrapcheck // it is the Source's
	}
	found := f.Select(all.States)
	all.States = api.Of(at, found)
	level := "good"
	switch {
	case all.Open[api.Gravity(api.Gravities[0])] > 0:
		level = "bad"
	case len(all.Open) > 0:
		level = "warn"
	}
	return statesData{
		Level:         level,
		ServiceStates: all, Filter: f, Since: cmp.Or(q.Get("since"), api.StatesSince), Kinds: api.Kinds, Severities: api.Gravities, Phases: api.Phases, Pager: newPager(r, at, len(found)),
	}, "", nil
}

// openCount says how many states there are.
func openCount(open map[api.Gravity]int) string {
	n, text := 0, ""
	for _, severity := range api.Gravities {
		if one := open[api.Gravity(severity)]; one > 0 {
			n += one
			if text != "" {
				text += ", "
			}
			text += number(one) + " " + severity
		}
	}
	if n == 0 {
		return "no states"
	}
	return count(n, "state") + ": " + text
}
