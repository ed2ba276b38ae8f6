package splunk

import (
	"context"

	"tocsin/internal/translate/spl"
)

// RunHeld is Run, and tells what is held when results are handed out and at the end.
func RunHeld(ctx context.Context, s *spl.Search, env Env, source Source, window Window, emit func(row Row, held int) error) (int, error) {
	r := newRun(ctx, env, source, window)
	err := r.search(s, watched{sink(func(row Row) error { return emit(row, r.held) }), r})
	return r.held, err
}
