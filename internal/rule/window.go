package rule

import (
	"time"

	"tocsin/internal/scheduler/window"
)

// Window returns the half-open time range of the run at a slot.
func (r *Rule) Window(slot time.Time) window.Window {
	if r.Range != nil {
		from, to := r.Range(slot)
		return window.Window{From: from.UTC(), To: to.UTC()}
	}
	return window.At(slot, r.From.Expr, r.To.Expr)
}
