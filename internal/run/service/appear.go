package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/internal/ledger"
	"tocsin/internal/match/condition"
	"tocsin/internal/query"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/tally"
)

// patterns holds the index patterns of rules as recorded in the ledger. The zero value is empty.
type patterns struct {
	mu     sync.Mutex
	byRule map[string][]ledger.Pattern
}

func (p *patterns) of(rule string) (known []ledger.Pattern, asked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, asked = p.byRule[rule]
	return known, asked
}

func (p *patterns) keep(rule string, now []ledger.Pattern) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byRule == nil {
		p.byRule = map[string][]ledger.Pattern{}
	}
	p.byRule[rule] = now
}

// change holds the changes that a round found in its rules' index patterns.
type change struct {
	// now holds the current patterns of the rules for which they have changed.
	now map[string][]ledger.Pattern
	// appeared holds, by rule, the names of patterns that match an index now and did not before.
	appeared map[string][]string
}

// comparePatterns compares the indices that the patterns of a round's rules matched with those before. An
// execution that could not resolve its patterns contributes nothing.
func (r *Recorder) comparePatterns(ctx context.Context, executions []pipeline.Execution) (change, error) {
	found := change{now: map[string][]ledger.Pattern{}, appeared: map[string][]string{}}
	if err := r.recall(ctx, executions); err != nil {
		return found, err
	}
	for _, x := range executions {
		known, _ := r.known.of(x.RuleID)
		if !x.Resolved || r.Wants != nil && !r.Wants(x) {
			continue
		}
		before := known
		if now, changed := found.now[x.RuleID]; changed {
			before = now
		}
		now, appeared := ledger.ComparePatterns(before, x.Patterns, x.Unmet, x.Unread, x.Slot)
		if len(appeared) > 0 {
			found.appeared[x.RuleID] = append(found.appeared[x.RuleID], appeared...)
		}
		if !slices.Equal(now, known) {
			found.now[x.RuleID] = now
		}
	}
	return found, nil
}

// recall reads the known patterns of rules that are not in memory. A rule without a head has none.
func (r *Recorder) recall(ctx context.Context, executions []pipeline.Execution) error {
	var ids []string
	for _, x := range executions {
		if _, known := r.known.of(x.RuleID); !known && !slices.Contains(ids, x.RuleID) {
			ids = append(ids, x.RuleID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	heads, err := r.Ledger.Store.Heads(ctx, ids)
	if err != nil {
		return fmt.Errorf("read the ledger of %d rules: %w", len(ids), err)
	}
	for _, id := range ids {
		r.known.keep(id, nil)
	}
	for _, h := range heads {
		r.known.keep(h.RuleID, h.Patterns)
	}
	return nil
}

// recordVacant records the patterns that no longer match an index, before slots are recorded as vacant.
func (r *Recorder) recordVacant(ctx context.Context, c change) error {
	return r.note(ctx, c, func(id string) bool { return len(c.appeared[id]) == 0 }, nil)
}

func (r *Recorder) note(ctx context.Context, c change, wanted func(id string) bool, reopened map[string]time.Time) error {
	now := maps.Clone(c.now)
	maps.DeleteFunc(now, func(id string, _ []ledger.Pattern) bool { return !wanted(id) })
	if len(now) == 0 {
		return nil
	}
	if err := r.Ledger.Note(ctx, now, reopened); err != nil {
		return err //nolint:wrapcheck // the error names the ledger
	}
	for id, patterns := range now {
		r.known.keep(id, patterns)
	}
	return nil
}

// reopen reopens the slots whose windows overlap the events of indices that have appeared.
func (r *Recorder) reopen(ctx context.Context, c change, accounts []ledger.Account, now time.Time) error {
	if len(c.appeared) == 0 {
		return nil
	}
	read := map[slotKey]bool{}
	for _, a := range accounts {
		read[slotKey{a.RuleID, a.Entry.Slot.UnixNano()}] = true
	}
	spans := map[spanKey]window.Window{}
	slots, from, names := 0, map[string]time.Time{}, map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(c.appeared)) {
		opened, err := r.reopenRule(ctx, id, c.appeared[id], func(slot time.Time) bool { return read[slotKey{id, slot.UnixNano()}] }, now, spans)
		if err != nil {
			return err
		}
		for _, name := range c.appeared[id] {
			names[name] = true
		}
		from[id] = time.Time{}
		if len(opened) > 0 {
			from[id] = opened[0].Slot
		}
		slots += len(opened)
		for _, e := range opened {
			r.backlog.add(id, e)
		}
	}
	r.Log.Info("index patterns that matched no index match one now: the slots of its events are run again",
		"patterns", strings.Join(slices.Sorted(maps.Keys(names)), ","), "rules", len(from), "slots", slots)
	return r.note(ctx, c, func(id string) bool { return len(c.appeared[id]) > 0 }, from)
}

type spanKey struct{ pattern, field, fallback string }

func (r *Recorder) reopenRule(
	ctx context.Context, id string, names []string, read func(slot time.Time) bool, now time.Time, spans map[spanKey]window.Window,
) ([]ledger.Entry, error) {
	rule := r.rule(id)
	if rule == nil || r.Events == nil {
		return nil, nil
	}
	var held []window.Window
	for _, name := range names {
		at := query.TimeRange(rule.Plan.Rule())
		key := spanKey{name, at.Field, at.Fallback}
		span, known := spans[key]
		if !known {
			var err error
			if span, err = eventSpan(ctx, r.Events, name, at); err != nil {
				return nil, fmt.Errorf("the time of the events of %s: %w", name, err)
			}
			spans[key] = span
		}
		held = append(held, span)
	}
	oldest := now.Add(-cmp.Or(r.Ledger.MaxAge, ledger.DefaultMaxAge))
	return r.Ledger.Reopen(ctx, rule.Grid(), oldest, now, func(slot time.Time) bool { //nolint:wrapcheck // the error names the ledger
		w := rule.Window(slot)
		return !read(slot) && slices.ContainsFunc(held, func(h window.Window) bool { return w.From.Before(h.To) && h.From.Before(w.To) })
	}, "an index has appeared: "+strings.Join(names, ","))
}

// eventSpan returns the time from the first event of a pattern's indices to just after the last
// one. It is empty if there are no events.
func eventSpan(ctx context.Context, events search.Events, pattern string, at search.TimeRange) (window.Window, error) {
	target, err := events.Resolve(ctx, []string{pattern}, []string{at.Field, at.Fallback})
	if err != nil {
		return window.Window{}, err //nolint:wrapcheck // the caller names the subject
	}
	if len(target.Indices) == 0 {
		return window.Window{}, nil
	}
	out := window.Window{}
	visit := func(page []search.Group) (bool, error) {
		for _, g := range page {
			out = window.Window{From: g.First, To: g.Last.Add(time.Millisecond)}
		}
		return true, nil
	}
	request := search.GroupRequest{Request: search.Request{
		Patterns: []string{pattern}, Where: condition.Const(true), Time: at, FieldTypes: target.Fields,
	}}
	ctx, err = search.Background(ctx), search.ErrUngroupable
	if grouper, ok := search.As[search.Grouper](events); ok {
		_, err = grouper.Groups(ctx, request, visit)
	}
	if errors.Is(err, search.ErrUngroupable) {
		_, err = tally.Groups(ctx, events, request, tally.Options{}, visit)
	}
	return out, err //nolint:wrapcheck // the caller names the subject
}
