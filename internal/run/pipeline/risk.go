package pipeline

import (
	"context"
	"errors"
	"fmt"

	"tocsin/internal/alert"
	"tocsin/internal/query"
	"tocsin/internal/search"
)

// Risk is where risk events go, and where they are found again.
type Risk struct {
	alert.Indexer
	// Instances finds those that were made before; nil: none can be.
	Instances alert.Instances
	// Events searches them; nil: they are among the events of the pipeline.
	Events search.Events
}

// source is what an execution draws on of it.
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

// errNoRisk says that there is nowhere to write risk events to.
var errNoRisk = errors.New("there is no place for risk events")

// writeRisk writes the risk events of hits. They are there before the alerts are.
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

// RiskCount is what became of the risk events of an execution.
type RiskCount struct {
	Created    int `json:"created"`
	Duplicates int `json:"duplicates"`
	Failed     int `json:"failed"`
}
