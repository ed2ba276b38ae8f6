package elastic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// group decodes a bucket.
func (g *groupPager) group(b map[string]json.RawMessage) (search.Group, error) {
	r := g.request
	group := search.Group{Key: []string{}}
	if err := decode(b["doc_count"], &group.Count); err != nil {
		return group, fmt.Errorf("doc_count: %w", err)
	}
	if key, ok := b["key"]; ok {
		var values map[string]any
		if err := decode(key, &values); err != nil {
			return group, fmt.Errorf("key: %w", err)
		}
		for i, f := range r.By {
			value := values[search.AggKey(i)]
			if r.Missing {
				group.Absent = append(group.Absent, value == nil)
			}
			if value == nil && !r.Missing {
				group.Count = 0 // the count includes events that were not requested
			}
			if value == nil {
				value = ""
			}
			group.Key = append(group.Key, keyText(f, value))
		}
	}
	for i := range r.Distinct {
		n, _, err := metric(b[search.AggDistinct(i)])
		if err != nil {
			return group, err
		}
		group.Distinct = append(group.Distinct, int64(n))
	}
	samples, err := g.times(b, r.Time.Field, &group)
	if err != nil {
		return group, err
	}
	if inner, ok := b[search.AggFallback]; ok {
		var fallback map[string]json.RawMessage
		if err := decode(inner, &fallback); err != nil {
			return group, fmt.Errorf("%s: %w", search.AggFallback, err)
		}
		more, err := g.times(fallback, r.Time.Fallback, &group)
		if err != nil {
			return group, err
		}
		samples = append(samples, more...)
	}
	slices.SortStableFunc(samples, func(a, b sample) int { return a.at.Compare(b.at) })
	for _, s := range samples[:min(len(samples), r.Samples)] {
		group.Samples = append(group.Samples, s.event)
	}
	return group, nil
}

// sample is an event of a group, with its time.
type sample struct {
	at    time.Time
	event event.Event
}

// times decodes the aggregations of a bucket over one time field, and extends the group's times by them. It
// returns the samples.
func (g *groupPager) times(b map[string]json.RawMessage, field string, group *search.Group) ([]sample, error) {
	for _, name := range []string{search.AggFirst, search.AggLast} {
		ms, there, err := metric(b[name])
		if err != nil {
			return nil, err
		}
		if !there {
			continue
		}
		t := time.UnixMilli(int64(ms)).UTC()
		if name == search.AggFirst && (group.First.IsZero() || t.Before(group.First)) {
			group.First = t
		}
		if name == search.AggLast && t.After(group.Last) {
			group.Last = t
		}
	}
	raw, ok := b[search.AggSamples]
	if !ok {
		return nil, nil
	}
	var found struct {
		Hits struct {
			Hits []hit `json:"hits"`
		} `json:"hits"`
	}
	if err := decode(raw, &found); err != nil {
		return nil, fmt.Errorf("%s: %w", search.AggSamples, err)
	}
	var samples []sample
	for _, h := range found.Hits.Hits {
		sort := int64(math.MaxInt64)
		if len(h.Sort) > 0 && string(h.Sort[0]) != "null" {
			if err := decode(h.Sort[0], &sort); err != nil {
				return nil, fmt.Errorf("%s: %w", search.AggSamples, err)
			}
		}
		if at, timed := g.request.SampleTime(field, sort); timed {
			samples = append(samples, sample{at, h.event(g.request.Request)})
		}
	}
	return samples, nil
}

// metric decodes the value of a metric; there is false if it has none.
func metric(raw json.RawMessage) (value float64, there bool, err error) {
	if raw == nil {
		return 0, false, nil
	}
	var m struct {
		Value *float64 `json:"value"`
	}
	if err := decode(raw, &m); err != nil {
		return 0, false, fmt.Errorf("metric: %w", err)
	}
	if m.Value == nil || math.IsInf(*m.Value, 0) {
		return 0, false, nil
	}
	return *m.Value, true, nil
}

// keyText writes the key of a composite bucket in the form of [mapping.Field.Key].
func keyText(f mapping.Field, key any) string {
	switch key := key.(type) {
	case string:
		return key
	case bool:
		return strconv.FormatBool(key)
	case json.Number:
		switch f.Type.Family() {
		case mapping.FamilyDate:
			if ms, err := key.Int64(); err == nil {
				return mapping.TimeKey(time.UnixMilli(ms))
			}
		case mapping.FamilyFloat:
			if x, err := key.Float64(); err == nil {
				return mapping.FloatKey(x)
			}
		default:
		}
		return key.String()
	}
	return fmt.Sprint(key)
}

// decode decodes JSON; numbers in an any become json.Number.
func decode(raw json.RawMessage, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return dec.Decode(into) //nolint:wrapcheck // the caller names the subject
}
