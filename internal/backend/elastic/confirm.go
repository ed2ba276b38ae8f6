package elastic

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

var _ search.Confirmer = (*moment)(nil)

// Confirm returns the places that were readable when the moment began and are not any more. The answer of a
// search does not show that an index was closed, that a privilege on some of its indices was revoked, or that
// a remote cluster is skipped.
func (m *moment) Confirm(ctx context.Context) ([]search.Unread, error) {
	m.mu.Lock()
	on, lists := m.on, maps.Clone(m.lists)
	m.mu.Unlock()
	forbidden, err := m.confirmRights(ctx, tidy(on.rights))
	if err != nil {
		return nil, err
	}
	remote, err := m.confirmRemotes(ctx, tidy(on.remotes))
	if err != nil {
		return nil, err
	}
	if len(forbidden)+len(remote) > 0 {
		m.known.forget()
	}
	closed, err := m.confirmOpen(ctx, lists)
	return slices.Concat(forbidden, remote, closed), err
}

func (m *moment) confirmRights(ctx context.Context, names []string) ([]search.Unread, error) {
	may, err := m.rights.since(ctx, m.Client, names, time.Now())
	if err != nil {
		return nil, err
	}
	var out []search.Unread
	for _, name := range names {
		if !may(name) {
			out = append(out, search.Unread{Name: name, Why: failure.Forbidden, Reason: "the user's right to read it was revoked"})
		}
	}
	return out, nil
}

func (m *moment) confirmRemotes(ctx context.Context, patterns []string) ([]search.Unread, error) {
	var out []search.Unread
	for _, p := range patterns {
		u, err := m.remoteState(ctx, p, false)
		if err != nil {
			return nil, err
		}
		if u.Why != "" {
			out = append(out, u)
		}
	}
	return out, nil
}

// confirmOpen returns indices that were closed since the moment began: from the cluster state, or by
// resolving the patterns again where the state does not cover them.
func (m *moment) confirmOpen(ctx context.Context, lists map[string]listing) ([]search.Unread, error) {
	if m.closedPolicy == ClosedIgnore || len(lists) == 0 {
		return nil, nil
	}
	if m.indices != nil {
		if err := m.known.refresh(ctx, m.Client); err != nil {
			return nil, err
		}
	}
	now := m.known.now()
	changed := m.closedMeanwhile(now)
	var out []search.Unread
	for _, id := range slices.Sorted(maps.Keys(lists)) {
		l := lists[id]
		closed := slices.DeleteFunc(slices.Clone(changed), func(name string) bool { return len(now[name].meant(name, l.patterns)) == 0 })
		if m.indices == nil || now == nil || slices.ContainsFunc(l.patterns, remote) {
			var err error
			if closed, err = m.closedSince(ctx, l); errors.Is(err, errExclusion) {
				continue // nothing was read by it
			}
			if err != nil {
				return nil, err
			}
		}
		places, err := m.closedPlaces(ctx, l.patterns, closed)
		if err != nil {
			return nil, err
		}
		for _, u := range places {
			out = append(out, attributed(u, l.patterns, m.indices[u.Name])...)
		}
	}
	return out, nil
}

// closedMeanwhile returns the indices that were closed since the moment began, according to the cluster
// state.
func (m *moment) closedMeanwhile(now map[string]indexState) []string {
	var out []string
	for name, state := range now {
		if before, there := m.indices[name]; state.State == closedState && there && before.State != closedState {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// closedSince returns the indices of a list that were closed since, found by resolving the patterns again.
func (m *moment) closedSince(ctx context.Context, l listing) ([]string, error) {
	found, err := m.resolve(ctx, l.patterns)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found.names(false), func(name string) bool { return slices.Contains(l.closed, name) }), nil
}

// attributed gives an unread place the name by which patterns match it: the patterns of an alias do not match
// the index behind it.
func attributed(u search.Unread, patterns []string, state indexState) []search.Unread {
	if slices.ContainsFunc(patterns, func(p string) bool { return mapping.Glob(p, u.Name) }) {
		return []search.Unread{u}
	}
	meant := state.meant(u.Name, patterns)
	if len(meant) == 0 {
		meant = patterns
	}
	out := make([]search.Unread, len(meant))
	for i, p := range meant {
		out[i] = u
		out[i].Name, out[i].Reason = p, u.Reason+" ["+u.Name+"]"
	}
	return out
}
