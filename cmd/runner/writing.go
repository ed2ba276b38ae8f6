package main

import (
	"errors"
	"fmt"
	"sync"

	"tocsin/internal/run/pipeline"
)

// writing remembers whether alerts and the ledger could be written when that was last tried. What could not be
// written is tried again, as its slot stays open: so it does not stay unwritten for want of a try.
type writing struct {
	mu     sync.Mutex
	failed map[pipeline.Written]error
}

// observe takes the outcome of an execution in.
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
	}
	if !unwritten && x.Status == pipeline.Succeeded {
		delete(w.failed, pipeline.WrittenLedger)
	}
}

// err is why the runner is not ready, nil when all could be written.
func (w *writing) err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, what := range []pipeline.Written{pipeline.WrittenAlerts, pipeline.WrittenLedger} {
		if err := w.failed[what]; err != nil {
			return fmt.Errorf("%s cannot be written: %w", what, err)
		}
	}
	return nil
}
