package sigma

import (
	"fmt"
	"strconv"
	"time"

	"tocsin/internal/diag"
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
		var err error
		if s.Interval, err = parseInterval(text); err != nil {
			o.fail(c.get("interval"), CodeValue, "%v", err)
		}
	}
	for _, key := range []string{"from", "to"} {
		if text := c.text(key); text != "" {
			if err := checkMoment(text); err != nil {
				o.fail(c.get(key), CodeValue, "%v", err)
			}
		}
	}
	if text := c.text("max_signals"); text != "" {
		count, err := strconv.Atoi(text)
		if s.MaxSignals = count; err != nil || count < 1 {
			o.fail(c.get("max_signals"), CodeValue, wantedSignals)
		}
	}
	for _, m := range n.Members { // the other keys are the user's own
		if near := diag.Nearest(m.Key.Value, scheduleKeys); near != "" && !c.asked[m.Key.Value] {
			o.report(m.Key, diag.Warning, CodeUnknownKey, "custom.%s has no effect: did you mean %s?", m.Key.Value, near)
		}
	}
	return s
}

// scheduleKeys are the keys of a schedule.
var scheduleKeys = []string{"interval", "from", "to", "max_signals", "index"}

const wantedSignals = "max_signals is not a whole number above 0"

func parseInterval(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		return 0, fmt.Errorf("the interval %q is no length of time such as 5m", text)
	}
	return d, nil
}

func checkMoment(text string) error {
	_, err := datemath.Parse(text)
	return err //nolint:wrapcheck // it names the text
}
