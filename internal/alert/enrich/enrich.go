package enrich

import (
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"tocsin/internal/alert"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// Addresses are a database of addresses.
type Addresses interface {
	// Fields returns what is known of an address, by the name of ECS below the thing that has the address, such as
	// geo.city_name; nil if nothing is.
	Fields(address string) map[string]any
}

// Outcome is what became of one source and one alert.
type Outcome string

// The outcomes: something was added; the source knows nothing of the alert, or the alert has all of it; the source is not
// loaded; asking it crashed.
const (
	Added       Outcome = "added"
	Nothing     Outcome = "nothing"
	Unavailable Outcome = "unavailable"
	Crashed     Outcome = "failed"
)

// Enricher enriches alerts. It is safe for concurrent use.
type Enricher struct {
	// Observe, when not nil, is told the outcome of each source and alert.
	Observe func(source string, o Outcome)

	config  *Config
	options Options
	sources []*source
	// first is closed when each source was tried once.
	first chan struct{}
}

// source is a source with what is loaded of it.
type source struct {
	*settings

	have atomic.Pointer[content]
	// seen is the state of the file that have, or the last failure, is of.
	seen string
	// failing: the last loading failed.
	failing bool
}

// content is what a source knows: entries of a table, or addresses.
type content struct {
	entries   *entries
	addresses Addresses
}

// Enrich adds fields to the alerts of a rule. Sources come in the order of the configuration: a field that one has added, another
// does not change.
func (e *Enricher) Enrich(id, name string, tags []string, docs []alert.Document) {
	if e == nil {
		return
	}
	for _, s := range e.sources {
		if !s.of(id, name, tags) {
			continue
		}
		for i := range docs {
			outcome := Crashed
			if err := failure.Guard("enrich an alert from "+s.name, func() error { outcome = s.enrich(&docs[i]); return nil }); err != nil {
				e.options.report(s.name, err)
			}
			if outcome == Unavailable || outcome == Crashed {
				mark(&docs[i], s.name)
			}
			if e.Observe != nil {
				e.Observe(s.name, outcome)
			}
		}
	}
}

// mark names a source that could not be asked.
func mark(d *alert.Document, name string) {
	have, _ := d.Source[alert.UnenrichedField].([]string)
	if !slices.Contains(have, name) {
		d.Source[alert.UnenrichedField] = append(slices.Clone(have), name)
	}
}

// enrich adds what the source knows.
func (s *source) enrich(d *alert.Document) Outcome {
	have := s.have.Load()
	switch {
	case have == nil:
		return Unavailable
	case have.addresses != nil:
		return s.places(d, have.addresses)
	}
	for _, field := range s.fields {
		for _, text := range texts(d, field) {
			row, found := have.entries.rows[s.normal(text)]
			if !found {
				continue
			}
			outcome := Nothing
			for i, name := range have.entries.fields {
				if row[i] != nil && d.Add(name, row[i]) {
					outcome = Added
				}
			}
			return outcome
		}
	}
	return Nothing
}

// places adds what is known of the addresses in each field. Of a place, or of a network, all parts are from one source: if the
// event has any of them, none is added.
func (s *source) places(d *alert.Document, in Addresses) Outcome {
	outcome := Nothing
	for _, field := range s.fields {
		owner := ownerOf(field)
		for _, text := range texts(d, field) {
			known := in.Fields(text)
			if known == nil {
				continue
			}
			has := map[string]bool{}
			for _, name := range slices.Sorted(maps.Keys(known)) {
				part, _, _ := strings.Cut(name, ".")
				if _, decided := has[part]; !decided {
					has[part] = d.Below(owner + "." + part)
				}
				full := owner + "." + name
				if !has[part] && alert.Enrichable(full) == nil && d.Add(full, known[name]) {
					outcome = Added
				}
			}
			break
		}
	}
	return outcome
}

// maxAsked is the number of values of a field that are looked up.
const maxAsked = 64

// texts returns the scalars of a field of an alert as texts.
func texts(d *alert.Document, field string) []string {
	var out []string
	for _, v := range event.Lookup(d.Source, field) {
		if text, ok := mapping.ScalarText(v); ok && len(out) < maxAsked {
			out = append(out, text)
		}
	}
	return out
}
