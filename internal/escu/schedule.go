package escu

import (
	"slices"
	"strconv"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/scheduler"
	"tocsin/internal/translate/spl"
)

// Schedule is when a detection is searched, and over which time. The window is relative to the
// scheduled time, whenever the search really begins.
type Schedule struct {
	Cron             string
	Earliest, Latest string
	// Window is how late a search may begin: auto, or minutes.
	Window string

	earliest, latest spl.Relative
}

// Range returns the half-open window of the slot at a time.
func (s Schedule) Range(slot time.Time) (earliest, latest time.Time) {
	return s.earliest.Apply(slot), s.latest.Apply(slot)
}

// NewSchedule checks a schedule; the error says what is wrong.
func NewSchedule(cron, earliest, latest, window string) (Schedule, error) {
	s := Schedule{Cron: cron, Earliest: earliest, Latest: latest, Window: window}
	if _, err := scheduler.Cron(cron, time.UTC); err != nil {
		return s, err
	}
	var err error
	if s.earliest, err = spl.ParseRelative(earliest); err != nil {
		return s, err
	}
	s.latest, err = spl.ParseRelative(latest)
	return s, err
}

// DefaultSchedule is when detections of a type run that do not say.
func DefaultSchedule(t Type) Schedule {
	cron, earliest := "0 * * * *", "-70m@m"
	if t == Baseline {
		cron, earliest = "10 0 * * *", "-1450m@m"
	}
	s, err := NewSchedule(cron, earliest, "-10m@m", "auto")
	if err != nil {
		panic("escu: the default schedule does not parse: " + err.Error())
	}
	return s
}

// scheduleNames are the schedules that ESCU 6 ships, all with the defaults by type.
var scheduleNames = []string{"Default EventBasedDetection", "Default FindingBasedDetection", "Default Baseline"}

// readSchedule reads what the file says of its schedule, over the defaults of its type.
func readSchedule(o *object, t Type) Schedule {
	s := DefaultSchedule(t)
	if n := o.scalar("schedule"); n != nil && !slices.Contains(scheduleNames, n.Value) {
		o.report(diag.Warning, CodeUnknownName, n, "the schedule %s is not known: the detection runs by the default of its type", n.Value)
	}
	from := o.object("custom_schedule")
	if !o.has("custom_schedule") && o.has("deployment") {
		d := o.object("deployment")
		from = d.object("scheduling")
		d.ignore("name", "id", "date", "author", "description", "alert_action", "type", "rba")
		d.rest()
	}
	if from.node == nil {
		return s
	}
	set := func(key string, to *string) {
		if v := from.text(key); v != "" {
			*to = v
		}
	}
	set("cron_schedule", &s.Cron)
	set("earliest_time", &s.Earliest)
	set("latest_time", &s.Latest)
	set("schedule_window", &s.Window)
	from.rest()
	if _, err := strconv.Atoi(s.Window); err != nil && s.Window != "auto" {
		from.report(diag.Error, CodeValue, from.node, "the schedule window %q is neither auto nor a number of minutes", s.Window)
	}
	checked, err := NewSchedule(s.Cron, s.Earliest, s.Latest, s.Window)
	if err != nil {
		from.report(diag.Error, CodeValue, from.node, "%v", err)
	}
	return checked
}
