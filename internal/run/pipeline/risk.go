package pipeline

import (
	"context"
	"errors"
	"fmt"

	"tocsin/internal/alert"
	"tocsin/internal/query"
	"tocsin/internal/search"
)

// Risk writes and finds risk events.
type Risk struct {
	alert.Indexer
	// Instances finds existing risk events; nil: they cannot be read.
	Instances alert.Instances
	// Events searches risk events; nil: they are among the events of the pipeline.
	Events search.Events
}

// source returns the risk events as a source of executions.
func (r *Risk) source() query.RiskSource {
	if r == nil {
		return query.RiskSource{}
	}
	out := query.RiskSource{Events: r.Events}
	if r.Instances != nil {
		out.History = history{r.Instances}
	}
	return out
}

// errNoRisk is the error if risk events cannot be written.
var errNoRisk = errors.New("there is no place for risk events")

// writeRisk writes the risk events of hits, before the alerts.
func (x *execution) writeRisk(ctx context.Context, hits []query.Hit) error {
	var docs []alert.Document
	for _, h := range hits {
		for _, e := range h.Risk {
			docs = append(docs, alert.Document{ID: e.ID, Source: e.Source})
		}
	}
	if len(docs) == 0 {
		return nil
	}
	if x.pipeline.Risk == nil {
		return fmt.Errorf("write the risk events of rule %s: %w", x.RuleID, errNoRisk)
	}
	written, err := x.pipeline.Risk.Create(ctx, docs)
	if err != nil {
		return fmt.Errorf("write the risk events of rule %s: %w", x.RuleID, err)
	}
	for _, w := range written {
		switch w.Outcome {
		case alert.Created:
			x.Risk.Created++
		case alert.Duplicate:
			x.Risk.Duplicates++
		default:
			x.Risk.Failed++
			x.warn("risk event %s was not written: %v", w.ID, w.Err)
		}
	}
	return nil
}

// RiskCount counts the risk events of an execution by outcome.
type RiskCount struct {
	Created    int `json:"created"`
	Duplicates int `json:"duplicates"`
	Failed     int `json:"failed"`
}
