package ruletest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/search"
)

// Scratch is a place in a cluster for the events of one test.
type Scratch interface {
	// Fill writes events, each into an index that stands for its own. refused says of events by id why they are not there.
	Fill(ctx context.Context, events []event.Event) (refused map[string]string, err error)
	// Patterns returns patterns of the indices that stand for those of other patterns.
	Patterns(patterns []string) []string
	// Close deletes the indices.
	Close(ctx context.Context) error
}

// Live runs tests in a cluster: searches by it, under its mappings.
type Live struct {
	Events  search.Events
	Scratch func() (Scratch, error)
}

// closeTimeout is how long the indices of a test may take to be deleted, also after an interrupt.
const closeTimeout = 30 * time.Second

// languages are those of rules whose patterns can be exchanged.
var languages = []rule.Language{rule.EQL, rule.Kuery, rule.Lucene}

// plan returns the plan of a rule over the indices of a scratch; a reason if it has none.
func (l *Live) plan(r *rule.Rule, s Scratch) (query.Plan, string) {
	if !slices.Contains(languages, r.Language) || len(r.Index) == 0 {
		return nil, "rules of this kind cannot be tested in a cluster: only those in EQL, KQL and Lucene with index patterns"
	}
	there := *r
	there.Index = s.Patterns(r.Index)
	if r.ThreatMatch != nil {
		threat := *r.ThreatMatch
		threat.Index = s.Patterns(threat.Index)
		there.ThreatMatch = &threat
	}
	plan, diags := plans.For(&there)
	if plan == nil {
		return nil, diags.Err().Error()
	}
	return plan, ""
}

// stage writes the events of a test into a scratch, and returns the plan that finds them there, and a func that deletes
// them.
func (l *Live) stage(ctx context.Context, f File, i int, r *rule.Rule, files *store.Events) (plan query.Plan, problems diag.List, remove func() error, err error) {
	remove = func() error { return nil }
	events, err := eventsOf(ctx, files, r)
	if err != nil {
		return nil, nil, remove, err
	}
	s, err := l.Scratch()
	if err != nil {
		return nil, nil, remove, err
	}
	plan, why := l.plan(r, s)
	if plan == nil {
		return nil, diag.List{f.report(i, "name", "ruletest/live", "%s", why)}, remove, nil
	}
	remove = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		return s.Close(ctx) //nolint:wrapcheck // it says what it was doing
	}
	refused, err := s.Fill(ctx, events)
	if err != nil {
		return nil, nil, remove, err //nolint:wrapcheck // it says what it was doing
	}
	for _, id := range slices.Sorted(maps.Keys(refused)) {
		problems = append(problems, f.report(i, "events", "ruletest/refused", "the cluster refuses event %s: %s", id, refused[id]))
	}
	return plan, problems, remove, nil
}

// eventsOf returns the events of a test. Those that name no index get one that the rule reads.
func eventsOf(ctx context.Context, files *store.Events, r *rule.Rule) ([]event.Event, error) {
	var all []event.Event
	request := search.Request{Patterns: []string{"*"}, Where: condition.Const(true), FieldTypes: files.Fields()}
	_, err := files.Search(ctx, request, func(page []event.Event) (bool, error) {
		for _, e := range page {
			e.Source = bytes.Clone(e.Source)
			if e.Index == "" {
				if e.Index = anyIndex(r); e.Index == "" {
					return false, errors.New("an event names no index, and the rule no pattern that says one")
				}
			}
			all = append(all, e)
		}
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return all, nil
}

// anyIndex returns the name of an index that the first pattern of a rule matches; "" if there is none.
func anyIndex(r *rule.Rule) string {
	for _, list := range r.Index {
		p, _, _ := strings.Cut(list, ",")
		if _, local, ok := strings.Cut(p, ":"); ok {
			p = local
		}
		if name := strings.ReplaceAll(p, "*", "test"); name != "" && !strings.HasPrefix(p, "-") && !strings.HasPrefix(p, "<") {
			return name
		}
	}
	return ""
}
