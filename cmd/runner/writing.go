package main

import (
	"errors"
	"fmt"
	"sync"

	"tocsin/internal/run/pipeline"
)

// writing remembers whether the last writes of alerts and of the ledger succeeded. A failed write leaves its slot
// open, so that it is tried again and the state is updated.
type writing struct {
	mu     sync.Mutex
	failed map[pipeline.Written]error
}

// observe records the outcome of an execution.
func (w *writing) observe(x pipeline.Execution) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = map[pipeline.Written]error{}
	}
	failed, unwritten := errors.AsType[*pipeline.WriteError](x.Err)
	switch {
	case unwritten:
		w.failed[failed.What] = x.Err
	case x.Failed > 0:
		w.failed[pipeline.WrittenAlerts] = errors.New(x.Problem())
	case x.Created+x.Duplicates > 0:
		delete(w.failed, pipeline.WrittenAlerts)
		delete(w.failed, pipeline.WrittenNotices)
	}
	if !unwritten && x.Status == pipeline.Succeeded {
		delete(w.failed, pipeline.WrittenLedger)
	}
}

// err returns why the runner is not ready, nil if the last writes succeeded.
func (w *writing) err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, what := range []pipeline.Written{pipeline.WrittenAlerts, pipeline.WrittenNotices, pipeline.WrittenLedger} {
		if err := w.failed[what]; err != nil {
			return fmt.Errorf("%s cannot be written: %w", what, err)
		}
	}
	return nil
}
