package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/diag/failure"
	"tocsin/internal/query"
	"tocsin/internal/run/reach"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/indexname"
)

// events checks the index patterns of the rules, and whether the rules can match.
func (d *doctor) events(ctx context.Context, b *backend, plans []query.Plan) {
	if len(plans) == 0 || b.events == nil {
		return
	}
	d.patterns(ctx, b, d.global.useOf(plans).Reads)
	d.reaches(ctx, b, plans)
}

// patterns resolves each pattern by itself.
func (d *doctor) patterns(ctx context.Context, b *backend, patterns []string) {
	matched, indices := 0, map[string]bool{}
	now := d.clock.Now()
	for _, pattern := range patterns {
		names, err := indexname.Resolve([]string{pattern}, now, window.Window{From: now, To: now})
		if err != nil || strings.HasPrefix(pattern, "-") || strings.Contains(pattern, ":-") {
			continue // an exclusion; or check has told the mistake
		}
		target, err := b.events.Resolve(ctx, names, []string{search.DefaultTimestamp})
		if err != nil {
			d.unknown("patterns", pattern, err)
			continue
		}
		d.pattern(pattern, target)
		if len(target.Indices) > 0 {
			matched++
		}
		for _, name := range target.Indices {
			indices[name] = true
		}
	}
	if matched > 0 {
		d.add("patterns", statusOK, "", fmt.Sprintf("%d of %s match %s", matched, count(len(patterns), "pattern"), inPlaces(len(indices))), "")
	}
}

func inPlaces(n int) string {
	if n == 1 {
		return "1 index, alias or data stream"
	}
	return fmt.Sprintf("%d indices, aliases and data streams", n)
}

// pattern reports what of a pattern is not read.
func (d *doctor) pattern(pattern string, t search.Target) {
	for _, u := range t.Unread {
		switch u.Why {
		case failure.Remote:
			d.add("remote clusters", statusFail, u.Name, u.Reason, "check the connection of the cluster: GET _remote/info; slots stay open meanwhile")
		case failure.Closed:
			d.add("patterns", statusWarn, u.Name, u.Reason, "open the index, or set --closed ignore")
		case failure.Forbidden:
			d.add("patterns", statusFail, u.Name, u.Reason, "grant read and view_index_metadata: runner setup role prints the role")
		case failure.Shards:
			d.add("patterns", statusFail, u.Name, u.Reason, "check the shards of its indices")
		}
	}
	for _, u := range t.Partly {
		d.add("patterns", statusWarn, u.Name, u.Reason, "grant read on the whole pattern, or exclude what may not be read")
	}
	// Of closed indices, those that leave slots open were told above.
	ignored := slices.DeleteFunc(slices.Clone(t.Closed), func(name string) bool {
		return slices.ContainsFunc(t.Unread, func(u search.Unread) bool { return u.Name == name && u.Why == failure.Closed })
	})
	switch {
	case len(ignored) > 0 && len(t.Indices) == 0:
		d.add("patterns", statusWarn, pattern, "all its indices are closed: "+listFew(ignored), "open them, or remove the pattern from the rules")
	case len(ignored) > 0:
		d.add("patterns", statusWarn, pattern, "closed indices are not read: "+listFew(ignored), "open them, or exclude them in the rules")
	case len(t.Indices) == 0 && len(t.Unread) == 0:
		d.add("patterns", statusWarn, pattern, "no index matches", "check that its source ships events; rules read it once it is there")
	}
}

// few is the number of names in a list.
const few = 3

func listFew(names []string) string {
	if len(names) > few {
		return strings.Join(names[:few], ", ") + fmt.Sprintf(" and %d more", len(names)-few)
	}
	return strings.Join(names, ", ")
}

// reaches decides which rules can match, as check --live does, and names the others by cause.
func (d *doctor) reaches(ctx context.Context, b *backend, plans []query.Plan) {
	now := d.clock.Now()
	l := &liveCheck{checkCmd: &checkCmd{}, events: reach.Resolve(ctx, b.events, now, plans), now: now, ruled: map[string]ruled{}}
	if err := l.decide(ctx, d.app, plans); err != nil {
		d.unknown("rules here", "", err)
		return
	}
	type reason struct {
		kind reach.Kind
		text string
	}
	by := map[reason][]string{}
	able := 0
	for _, id := range slices.Sorted(maps.Keys(l.ruled)) {
		v := l.ruled[id].verdict
		if v.CanMatch {
			able++
			continue
		}
		kind := reach.NoIndex
		if len(v.Causes) > 0 {
			kind = v.Causes[0].Kind
		}
		by[reason{kind, v.Because}] = append(by[reason{kind, v.Because}], id)
	}
	for _, r := range slices.SortedFunc(maps.Keys(by), func(a, b reason) int { return strings.Compare(string(a.kind)+a.text, string(b.kind)+b.text) }) {
		s, verb := statusWarn, " cannot match here: "
		switch r.kind {
		case reach.Refused, reach.Privileges, reach.Unread:
			s, verb = statusFail, " cannot run here: "
		default:
		}
		d.add("rules here", s, listFew(by[r]), count(len(by[r]), "rule")+verb+oneLine(r.text), "runner check --live --details "+string(r.kind)+" shows them")
	}
	if able > 0 {
		d.add("rules here", statusOK, "", fmt.Sprintf("%d of %s can match", able, count(len(l.ruled), "rule")), "")
	}
}
