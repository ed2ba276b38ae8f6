package sigma

import (
	"strconv"
	"time"

	"tocsin/internal/diag/yamltree"
	"tocsin/internal/scheduler/datemath"
)

// Schedule is what a document says under custom of when and where it runs; "" and 0 are the defaults.
type Schedule struct {
	Interval   time.Duration
	From, To   string
	MaxSignals int
	Index      []string
}

// schedule reads the key custom, which the format leaves to users.
func (o *object) schedule() Schedule {
	n := o.get("custom")
	if n == nil || n.Kind != yamltree.Map {
		return Schedule{}
	}
	c := newObject(o.file, n, "custom", o.diags)
	s := Schedule{From: c.text("from"), To: c.text("to"), Index: c.texts("index")}
	if text := c.text("interval"); text != "" {
		d, err := time.ParseDuration(text)
		if s.Interval = d; err != nil || d < time.Second {
			o.fail(c.get("interval"), CodeValue, "the interval %q is no length of time such as 5m", text)
		}
	}
	for _, key := range []string{"from", "to"} {
		if text := c.text(key); text != "" {
			if _, err := datemath.Parse(text); err != nil {
				o.fail(c.get(key), CodeValue, "%v", err)
			}
		}
	}
	if text := c.text("max_signals"); text != "" {
		count, err := strconv.Atoi(text)
		if s.MaxSignals = count; err != nil || count < 1 {
			o.fail(c.get("max_signals"), CodeValue, "max_signals is not a whole number above 0")
		}
	}
	return s
}
