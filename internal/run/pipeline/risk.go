package pipeline

import (
	"context"
	"errors"
	"fmt"

	"tocsin/internal/alert"
	"tocsin/internal/query"
	"tocsin/internal/search"
)

// Risk is the store of risk events.
type Risk struct {
	alert.Indexer
	// Instances finds existing risk events; nil: existing ones cannot be found.
	Instances alert.Instances
	// Events searches risk events; nil: they are among the pipeline's events.
	Events search.Events
}

// source returns the part of r that plans use.
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

// errNoRisk: no destination for risk events is configured.
var errNoRisk = errors.New("no destination for risk events is configured")

// writeRisk writes the risk events of hits, before their alerts are written.
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
	written, err := tracedWrite(ctx, "write risk events", docs, x.pipeline.Risk.Create)
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
