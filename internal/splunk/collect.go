package splunk

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// Collector receives the events that searches write with collect.
type Collector interface {
	// Collect writes an event made from a row. The event has a time, and the text that Splunk would index.
	Collect(ctx context.Context, c *spl.Collect, event Row) error
}

// Later stands for the collector that a search will have at run time, so that its check knows that there is one.
var Later Collector = later{}

type later struct{}

var errNoCollector = errors.New("run collect: nobody takes what it writes")

func (later) Collect(context.Context, *spl.Collect, Row) error { return errNoCollector }

// collected writes rows as events and passes them on. It writes all rows, even if the next stage needs no more.
type collected struct {
	next  stage
	run   *run
	spec  *spl.Collect
	ended bool
}

func (s *collected) row(row Row) error {
	if to := s.run.env.Collector; to != nil && !s.spec.Test {
		if err := to.Collect(s.run.ctx, s.spec, s.event(row)); err != nil {
			return err //nolint:wrapcheck // It says what could not be written.
		}
	}
	if s.ended {
		return nil
	}
	err := s.next.row(row)
	if err == errDone { //nolint:errorlint // It is never wrapped.
		s.ended = true
		return nil
	}
	return err
}

// event makes an event from a row. Its time is the time of the row, the start of the search, or now.
func (s *collected) event(row Row) Row {
	event := Row{}
	for name, v := range row {
		if name[:min(1, len(name))] != "_" {
			event[name] = v
		}
	}
	at := row["_time"]
	if _, ok := at.Float(); !ok {
		at = row["info_min_time"]
	}
	if _, ok := at.Float(); !ok {
		at = Number(Epoch(s.run.window.Now))
	}
	event["_time"] = at
	for name, v := range map[string]string{"source": s.spec.Source, "sourcetype": s.spec.Sourcetype, "host": s.spec.Host} {
		if v != "" {
			event[name] = Text(v)
		}
	}
	x, _ := at.Float()
	t, _ := moment(x, s.run.loc)
	text := []string{strftime(t, "%m/%d/%Y %H:%M:%S %z")}
	for _, name := range slices.Sorted(maps.Keys(event)) {
		if name == "_time" || name == "source" || name == "sourcetype" || name == "host" {
			continue
		}
		for _, v := range event[name].Each() {
			text = append(text, formatName(name)+"="+spl.Quote(v.String()))
		}
	}
	if s.spec.Marker != "" {
		text = append(text, s.spec.Marker)
	}
	event["_raw"] = Text(strings.Join(text, ", "))
	return event
}

func (s *collected) end() error { return s.next.end() }
