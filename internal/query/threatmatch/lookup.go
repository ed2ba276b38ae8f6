package threatmatch

import (
	"context"
	"fmt"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/match/indicator"
	"tocsin/internal/query"
	"tocsin/internal/search"
)

// lookup compares the events of a window with the indicators.
type lookup struct {
	search *threatSearch
	source query.Source
	set    *indicator.Set
	visit  query.Visit
	result query.Result
	// crowds counts the events that match more indicators than an alert names; most is the greatest number of matches.
	crowds, most int
	mostMore     bool
}

// carrier is an event with the indicators that it matches.
type carrier struct {
	event event.Event
	doc   *event.Document
	found indicator.Found
}

// The maximum numbers of events and of indicators that are enriched at a time.
const (
	maxCarriers   = 100
	maxIndicators = 1000
)

// page compares the events of a page with the indicators. Hits are enriched and passed on in small parts, as the visitor
// may have enough before the end of the page.
func (l *lookup) page(ctx context.Context, page []event.Event) (bool, error) {
	l.result.Seen += int64(len(page))
	admitted, err := l.search.where.Admit(page)
	if err != nil {
		return false, err
	}
	var part []carrier
	refs := 0
	for i := range admitted {
		doc, err := admitted[i].Document()
		if err != nil {
			return false, &failure.Error{Kind: failure.Rejected, Op: "read the events of " + l.search.plan.Label(), Err: err}
		}
		found := l.set.Match(doc)
		if found.Total == 0 {
			continue
		}
		part, refs = append(part, carrier{admitted[i], doc, found}), refs+len(found.Matches)
		if len(part) < maxCarriers && refs < maxIndicators {
			continue
		}
		more, err := l.hand(ctx, part)
		if err != nil || !more {
			l.result.Seen -= int64(len(admitted) - 1 - i) // not examined
			return false, err
		}
		part, refs = nil, 0
	}
	if len(part) == 0 {
		return true, nil
	}
	return l.hand(ctx, part)
}

// hand enriches events and passes them on as hits.
func (l *lookup) hand(ctx context.Context, part []carrier) (bool, error) {
	indicators, err := l.fetch(ctx, part)
	if err != nil {
		return false, err
	}
	hits := make([]query.Hit, len(part))
	for i, c := range part {
		if c.found.Total > len(c.found.Matches) {
			l.crowds++
			if c.found.Total > l.most {
				l.most, l.mostMore = c.found.Total, c.found.More
			}
		}
		enriched, err := l.search.enrich(c, indicators)
		if err != nil {
			return false, err
		}
		hits[i].Event = enriched
	}
	return l.visit(hits)
}

// fetch reads the whole documents of the indicators of some events.
func (l *lookup) fetch(ctx context.Context, part []carrier) (map[event.Ref]*event.Document, error) {
	documents, ok := search.As[search.Documents](l.source.Events)
	if !ok {
		return nil, fmt.Errorf("fetch indicators: a %T finds no documents by their place", l.source.Events)
	}
	known := map[event.Ref]*event.Document{}
	var refs []event.Ref
	for _, c := range part {
		for _, m := range c.found.Matches {
			if _, twice := known[m.Ref]; !twice {
				known[m.Ref] = nil
				refs = append(refs, m.Ref)
			}
		}
	}
	found, err := documents.Documents(ctx, refs)
	if err != nil {
		// An alert is written once, so it is better late than without its enrichments.
		return nil, fmt.Errorf("fetch the indicators of %s: %w", l.search.plan.Label(), err)
	}
	for ref, e := range found {
		if known[ref], err = e.Document(); err != nil {
			return nil, &failure.Error{Kind: failure.Rejected, Op: "read the indicators of " + l.search.plan.Label(), Err: err}
		}
	}
	return known, nil
}

// lost warns about values of indicators that no event can match.
func (l *lookup) lost() {
	for _, lost := range l.set.Lost() {
		if lost.Entry < 0 {
			l.warn("%d indicators have too many values to be combined under threat_mapping[%d]: they match nothing there",
				lost.Count, l.search.names[lost.Group][0].group)
			continue
		}
		entry, field := l.search.names[lost.Group][lost.Entry], l.search.groups[lost.Group][lost.Entry].Event
		l.warn("%d values of [%s] cannot be values of [%s], which is of type %s, and match nothing; one of them is %.100q",
			lost.Count, entry.Value, entry.Field, field.Type, lost.Example)
	}
}

// crowded warns about events that match more indicators than their alerts name.
func (l *lookup) crowded() {
	if l.crowds == 0 {
		return
	}
	least := ""
	if l.mostMore {
		least = "at least "
	}
	l.warn("%d events match more than %d indicators, up to %s%d: their alerts name %d of them",
		l.crowds, indicator.DefaultMatches, least, l.most, indicator.DefaultMatches)
}

func (l *lookup) warn(format string, args ...any) {
	l.result.Warnings = append(l.result.Warnings, fmt.Sprintf(format, args...))
}
