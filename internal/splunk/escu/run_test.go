package escu_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/splunk"
	"tocsin/internal/splunk/escu"
	"tocsin/internal/translate/spl"
)

// sample makes events that a detection may find: the example of its data source where that is JSON,
// and one with a value for each of the source's fields.
func sample(l *escu.Library, d *escu.Detection, at time.Time) splunk.Events {
	var out splunk.Events
	for _, names := range d.DataSources {
		for name := range strings.SplitSeq(names, " AND ") {
			s := l.Sources[strings.TrimSpace(name)]
			if s == nil {
				continue
			}
			row := splunk.Row{}
			for _, f := range s.Fields {
				row[f] = splunk.Text("1")
			}
			for raw := range s.Mappings {
				row[raw] = splunk.Text("x")
			}
			row["sourcetype"], row["source"] = splunk.Text(s.SourceType), splunk.Text(s.Source)
			out = append(out, row)
			dec := json.NewDecoder(strings.NewReader(s.Example))
			dec.UseNumber()
			var object map[string]any
			if dec.Decode(&object) == nil {
				example := splunk.Flatten(object)
				example["_raw"] = splunk.Text(s.Example)
				example["sourcetype"], example["source"] = splunk.Text(s.SourceType), splunk.Text(s.Source)
				out = append(out, example)
			}
		}
	}
	for i := range out {
		out[i]["_time"] = splunk.Number(splunk.Epoch(at) - float64(i))
	}
	return out
}

// unfiltered leaves out the first condition of a search.
func unfiltered(s *spl.Search) *spl.Search {
	out := &spl.Search{Source: s.Source, Stages: slices.Clone(s.Stages)}
	switch first := s.Stages[0].(type) {
	case *spl.Find:
		out.Stages[0] = &spl.Find{At: first.At}
	case *spl.Tstats:
		wide := *first
		wide.Where = nil
		out.Stages[0] = &wide
	}
	return out
}

// TestCorpusRuns runs every valid detection over events of its data sources, as they are and with
// the first condition left out: no error, and no crash.
func TestCorpusRuns(t *testing.T) {
	l := loadCorpus(t)
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	ran, found := 0, 0
	for _, d := range l.Detections {
		s, _ := l.Parse(d, l.Env())
		if s == nil {
			continue
		}
		earliest, latest := d.Schedule.Range(now)
		window := splunk.Window{Earliest: earliest, Latest: latest, Now: now}
		events := sample(l, d, latest.Add(-time.Minute))
		err := splunk.Run(t.Context(), s, l.Env(), events, window, func(row splunk.Row) error {
			found++
			escu.RiskEvents(d, row, window)
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", d.Path, err)
		}
		rest := unfiltered(s)
		err = splunk.Run(t.Context(), rest, l.Env(), events, window, func(row splunk.Row) error {
			found++
			for _, e := range escu.RiskEvents(d, row, window) {
				if _, err := json.Marshal(e.Fields()); err != nil {
					t.Errorf("%s: %v", d.Path, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s without its condition: %v", d.Path, err)
		}
		ran++
	}
	t.Logf("%d detections ran and found %d rows", ran, found)
	if ran < 1000 || found < 500 {
		t.Errorf("%d detections ran and found %d rows: are there events?", ran, found)
	}
}
