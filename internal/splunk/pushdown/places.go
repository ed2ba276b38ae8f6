package pushdown

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"tocsin/internal/search"
	"tocsin/internal/translate/membership"
)

// Locator finds the indices that can have events of a source: those that map the fields of the source's condition. It
// resolves each index once. It is safe for concurrent use.
type Locator struct {
	Search search.Events
	Map    Map

	mu    sync.Mutex
	known map[string]map[string]bool // by index, then by source
}

// Place is where events of a source can be.
type Place struct {
	Source  string
	Indices []string
}

// Places returns, for each of the sources, which of the indices can have events of it.
func (l *Locator) Places(ctx context.Context, sources, indices []string) ([]Place, error) {
	out := make([]Place, len(sources))
	for i, name := range sources {
		out[i].Source = name
	}
	if len(sources) == 0 {
		return out, nil
	}
	for _, index := range indices {
		of, err := l.index(ctx, index)
		if err != nil {
			return nil, err
		}
		for i, name := range sources {
			if of[name] {
				out[i].Indices = append(out[i].Indices, index)
			}
		}
	}
	return out, nil
}

// index returns the sources that an index can have events of.
func (l *Locator) index(ctx context.Context, index string) (map[string]bool, error) {
	l.mu.Lock()
	known, ok := l.known[index]
	l.mu.Unlock()
	if ok {
		return known, nil
	}
	view := View{Sources: l.Map.sources}
	target, err := l.Search.Resolve(ctx, []string{index}, view.Names(nil))
	if err != nil {
		return nil, fmt.Errorf("find out what kinds of events %s has: %w", index, err)
	}
	_, view.enforced = search.As[search.Grouper](l.Search)
	of := map[string]bool{}
	for _, s := range l.Map.sources {
		of[s.Name] = !membership.Impossible(view.teller(s, target.Fields), target.Fields)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		l.known = map[string]map[string]bool{}
	}
	l.known[index] = of
	return of, nil
}

// Asked returns the names of the sources that the scan selects, sorted.
func (p *Plan) Asked() []string {
	var names []string
	for _, s := range p.asked.Sources {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return names
}
