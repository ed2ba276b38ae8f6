// Package lag measures how long events take to become searchable: the time from @timestamp to
// event.ingested, for each data set.
//
// It keeps counts and no events. The flow: [Sample] reads one page of the events that were ingested
// last and counts them into a [Meter]. [Meter.Of] returns the lag of patterns as quantiles of the
// slowest of their data sets.
package lag

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/indexname"
)

// Ingested is the field with the time when an event was ingested.
const Ingested = "event.ingested"

// steps is the number of buckets for each doubling of the time: an error of a fifth.
const steps = 4

// histogram counts durations by size: bucket 0 is below a second, the last is beyond a month.
type histogram struct {
	counts [23 * steps]int64
	total  int64
}

func place(d time.Duration) int {
	if d < time.Second {
		return 0
	}
	return min(1+int(steps*math.Log2(d.Seconds())), 23*steps-1)
}

func (h *histogram) add(d time.Duration) {
	h.counts[place(d)]++
	h.total++
}

// quantile returns an upper bound of the q-quantile.
func (h *histogram) quantile(q float64) time.Duration {
	left := int64(math.Ceil(q * float64(h.total)))
	for i, n := range h.counts {
		if left -= n; left <= 0 {
			return time.Duration(math.Exp2(float64(i)/steps) * float64(time.Second))
		}
	}
	return 0
}

// halve halves all counts, so that old durations lose weight.
func (h *histogram) halve() {
	h.total = 0
	for i := range h.counts {
		h.counts[i] /= 2
		h.total += h.counts[i]
	}
}

// maxCounted is the count at which the counts of a data set are halved.
const maxCounted = 20_000

// Lag holds quantiles of the delay of events.
type Lag struct{ P50, P99 time.Duration }

// Meter keeps the lags of data sets. The zero value is ready, and safe for concurrent use.
type Meter struct {
	mu     sync.Mutex
	bySet  map[string]*histogram
	setsOf map[string]map[string]bool
}

// Add counts an event of a data set that patterns match.
func (m *Meter) Add(patterns []string, set string, d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bySet == nil {
		m.bySet, m.setsOf = map[string]*histogram{}, map[string]map[string]bool{}
	}
	key := strings.Join(patterns, ",")
	if m.setsOf[key] == nil {
		m.setsOf[key] = map[string]bool{}
	}
	m.setsOf[key][set] = true
	if m.bySet[set] == nil {
		m.bySet[set] = &histogram{}
	}
	h := m.bySet[set]
	if h.add(max(0, d)); h.total > maxCounted {
		h.halve()
	}
}

// Of returns the lag of the data sets of patterns: the largest of each quantile. False when nothing
// was measured.
func (m *Meter) Of(patterns []string) (Lag, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var worst Lag
	sets := m.setsOf[strings.Join(patterns, ",")]
	for set := range sets {
		h := m.bySet[set]
		worst.P50, worst.P99 = max(worst.P50, h.quantile(0.5)), max(worst.P99, h.quantile(0.99))
	}
	return worst, len(sets) > 0
}

// Sets returns the lag of every data set.
func (m *Meter) Sets() map[string]Lag {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]Lag{}
	for set, h := range m.bySet {
		out[set] = Lag{h.quantile(0.5), h.quantile(0.99)}
	}
	return out
}

const (
	// sampleSize is the number of events of a sample; sampleTime is how recently they were
	// ingested.
	sampleSize = 500
	sampleTime = 15 * time.Minute
)

// Sample measures the events that match patterns and were ingested last before now. If no index has
// the field [Ingested], the meter is unchanged.
func Sample(ctx context.Context, m *Meter, events search.Events, patterns []string, now time.Time) error {
	recent := window.Window{From: now.Add(-sampleTime), To: now}
	names, err := indexname.Resolve(patterns, now, recent)
	if err != nil {
		return fmt.Errorf("measure the lag of %s: %w", strings.Join(patterns, ","), err)
	}
	target, err := events.Resolve(ctx, names, []string{search.DefaultTimestamp, Ingested})
	if err != nil {
		return fmt.Errorf("measure the lag of %s: %w", strings.Join(patterns, ","), err)
	}
	ingested, mapped := target.Fields.Field(Ingested)
	happened, known := target.Fields.Field(search.DefaultTimestamp)
	if !mapped || !known || len(target.Indices) == 0 {
		return nil
	}
	_, err = events.Search(ctx, search.Request{
		Patterns: names, Where: condition.Exists{Field: search.DefaultTimestamp}, FieldTypes: target.Fields,
		Time:       search.TimeRange{Field: Ingested, Window: recent},
		Descending: true, PageSize: sampleSize,
	}, func(page []event.Event) (bool, error) {
		for i := range page {
			m.measure(patterns, &page[i], happened, ingested)
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("measure the lag of %s: %w", strings.Join(patterns, ","), err)
	}
	return nil
}

func (m *Meter) measure(patterns []string, e *event.Event, happened, ingested mapping.Field) {
	doc, err := e.Document()
	if err != nil {
		return // the search for hits reports it
	}
	from, to := doc.Values(happened), doc.Values(ingested)
	if len(from) == 0 || len(to) == 0 {
		return
	}
	set := cmp.Or(event.First(doc.Source, "data_stream.dataset"), event.First(doc.Source, "event.dataset"), event.DataStream(e.Index), e.Index)
	m.Add(slices.Clone(patterns), set, to[0].Time.Sub(from[0].Time))
}
