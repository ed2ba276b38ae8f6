package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/run/verdict"
	"tocsin/internal/search"
)

// subjects returns the events that the flags name. files has them if they are of --event; else nil.
func (c *explainCmd) subjects(ctx context.Context, a *app, b *backend) (subjects []verdict.Subject, files *store.Events, err error) {
	switch {
	case c.Event != "":
		if files, err = a.readEvents(ctx, c.Event); err != nil {
			return nil, nil, err
		}
		b.closers = append(b.closers, files.Close)
		found, err := everyEvent(ctx, files)
		return subjectsOf(found), files, err
	case c.ID != "":
		found, err := c.named(ctx, a, b, c.Index, c.ID)
		if err == nil && len(found) == 0 {
			err = usagef("explain: %s has no event with the _id %s", strings.Join(c.Index, ","), c.ID)
		}
		return subjectsOf(found), nil, err
	}
	doc, err := b.alertNamed(ctx, c.Alert)
	if err != nil {
		return nil, nil, fmt.Errorf("explain: %w", err)
	}
	subjects, err = c.ofAlert(ctx, a, b, doc)
	return subjects, nil, err
}

func subjectsOf(events []event.Event) []verdict.Subject {
	out := make([]verdict.Subject, len(events))
	for i, e := range events {
		out[i] = verdict.Subject{Event: e, Anywhere: e.Index == ""}
	}
	return out
}

// named reads the events with an _id in indices, aliases or patterns.
func (*explainCmd) named(ctx context.Context, a *app, b *backend, patterns []string, id string) ([]event.Event, error) {
	where := condition.Expr(condition.Const(true))
	if len(a.global.Elasticsearch) > 0 {
		ids, err := condition.NewRaw(condition.Query{"ids": condition.Query{"values": []string{id}}})
		if err != nil {
			return nil, fmt.Errorf("explain: %w", err)
		}
		where = ids
	}
	return b.having(ctx, patterns, id, where)
}

// having reads the events with an _id in indices, aliases or patterns that meet a condition.
func (b *backend) having(ctx context.Context, patterns []string, id string, where condition.Expr) ([]event.Event, error) {
	target, err := b.events.Resolve(ctx, patterns, append([]string{search.DefaultTimestamp}, condition.Fields(where)...))
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	if len(target.Indices) == 0 {
		return nil, nil
	}
	var found []event.Event
	r := search.Request{Patterns: patterns, Where: where, FieldTypes: target.Fields}
	_, err = b.events.Search(ctx, r, func(page []event.Event) (bool, error) {
		for _, e := range page {
			if e.ID == id {
				e.Source = bytes.Clone(e.Source)
				found = append(found, e)
			}
		}
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	return found, nil
}

// ofAlert returns the events behind an alert. Where they cannot be read any more, the alert stands for its event, whose
// fields it has.
func (c *explainCmd) ofAlert(ctx context.Context, a *app, b *backend, doc alert.Document) ([]verdict.Subject, error) {
	refs := behind(doc)
	events, err := c.readable(ctx, a, b, refs)
	if err != nil || len(events) > 0 {
		return subjectsOf(events), err
	}
	return asEvent(doc, refs)
}

// behind returns the places of the events behind an alert, of a sequence those of its building blocks, too.
func behind(doc alert.Document) []event.Ref {
	var refs []event.Ref
	for _, ancestor := range event.Objects(doc.Source, "kibana.alert.ancestors") {
		refs = append(refs, event.Ref{Index: event.First(ancestor, "index"), ID: event.First(ancestor, "id")})
	}
	return refs
}

// readable reads those of some events that can be read.
func (c *explainCmd) readable(ctx context.Context, a *app, b *backend, refs []event.Ref) ([]event.Event, error) {
	var events []event.Event
	for _, ref := range refs {
		if b.events == nil || ref.Index == "" || ref.ID == "" {
			continue
		}
		found, err := c.named(ctx, a, b, []string{ref.Index}, ref.ID)
		if err != nil {
			return nil, err
		}
		events = append(events, found...)
	}
	return events, nil
}

// asEvent makes the subject of an alert that stands for its event.
func asEvent(doc alert.Document, refs []event.Ref) ([]verdict.Subject, error) {
	var first event.Ref
	for _, ref := range refs {
		if first.ID == "" {
			first = ref
		}
	}
	source, err := json.Marshal(doc.Source)
	if err != nil {
		return nil, fmt.Errorf("explain: encode alert: %w", err)
	}
	s := verdict.Subject{Event: event.Event{Index: first.Index, ID: first.ID, Source: source}, Anywhere: first.Index == ""}
	if at := alert.TimeOf(doc.Source, originalTime); !at.IsZero() {
		s.Times = []time.Time{at}
	}
	return []verdict.Subject{s}, nil
}

// everyEvent returns all events, in their order in the files.
func everyEvent(ctx context.Context, files *store.Events) ([]event.Event, error) {
	var all []event.Event
	r := search.Request{Patterns: []string{"*"}, Where: condition.Const(true), FieldTypes: files.Fields()}
	_, err := files.Search(ctx, r, func(page []event.Event) (bool, error) {
		for _, e := range page {
			e.Source = bytes.Clone(e.Source)
			all = append(all, e)
		}
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	return all, nil
}

// readEvents reads the events of a file. An event is a plain document or has _index, _id and _source. The JSON may span
// several lines.
func (a *app) readEvents(ctx context.Context, name string) (*store.Events, error) {
	in := a.in
	if name != "-" {
		if err := canRead(name); err != nil {
			return nil, usagef("event: %w", err)
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, usagef("event: %w", err)
		}
		defer func() { _ = f.Close() }()
		in = f
		if strings.HasSuffix(name, ".gz") {
			plain, err := gzip.NewReader(f)
			if err != nil {
				return nil, usagef("event: %s: %w", name, err)
			}
			in = plain
		}
	}
	lines, err := oneLineEach(name, in)
	if err != nil {
		return nil, err
	}
	mappings, err := a.readMapping()
	if err != nil {
		return nil, err
	}
	events, diags, err := store.OpenEvents(ctx, store.EventsOptions{Files: []string{"-"}, Stdin: lines, Mapping: mappings})
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it was doing
	}
	if diags.HasErrors() {
		return nil, errors.Join(a.show(diags), errFailed, events.Close())
	}
	return events, a.show(diags)
}

// oneLineEach writes each event of a file in one line.
func oneLineEach(name string, in io.Reader) (*bytes.Buffer, error) {
	var lines bytes.Buffer
	dec := json.NewDecoder(in)
	for n := 0; ; n++ {
		var one json.RawMessage
		switch err := dec.Decode(&one); {
		case errors.Is(err, io.EOF) && n > 0:
			return &lines, nil
		case err != nil && n > 0:
			return nil, usagef("event: %s has no valid event after %d: %w", name, n, err)
		case err != nil:
			return nil, usagef("event: %s has no valid event: %w", name, err)
		case string(one) == "null":
			return nil, usagef("event: %s has null instead of an event", name)
		case one[0] != '{':
			return nil, usagef("event: %s has no valid event: an event is an object", name)
		}
		if err := json.Compact(&lines, one); err != nil {
			return nil, usagef("event: %s has no valid event: %w", name, err)
		}
		lines.WriteByte('\n')
	}
}
