package escu

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tocsin/internal/diag"
	"tocsin/internal/scheduler"
	"tocsin/internal/translate/spl"
)

// Schedule defines when a detection runs and over which window. The window is relative to the scheduled time, not
// to the start of the run.
type Schedule struct {
	Cron             string
	Earliest, Latest string
	// Window is the maximum delay of a search: auto, or minutes.
	Window string

	earliest, latest spl.Relative
}

// Range returns the half-open window of a slot.
func (s Schedule) Range(slot time.Time) (earliest, latest time.Time) {
	return s.earliest.Apply(slot), s.latest.Apply(slot)
}

// NewSchedule parses and checks a schedule.
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

// DefaultSchedule returns the schedule of detections of a type without one.
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

// baselineSchedule is the name of the schedule of ESCU 6 baselines.
const baselineSchedule = "Default Baseline"

// scheduleNames are the schedules that ESCU 6 ships, with the defaults of each type.
var scheduleNames = []string{"Default EventBasedDetection", "Default FindingBasedDetection", baselineSchedule}

// readSchedule reads the schedule of a file, with the defaults of its type. Files of schedules and deployments
// supply the rest once all files are read ([loader.schedules]).
func readSchedule(o, tags *object, d *Detection) {
	d.Schedule = DefaultSchedule(d.Type)
	if n := o.scalar("schedule"); n != nil {
		d.scheduled, d.scheduleNode = n.Value, n
	}
	own := ownSchedule(o)
	if own.node == nil {
		own = ownSchedule(tags)
	}
	if own.node == nil {
		d.free = true
		return
	}
	d.Schedule = readTimes(own, d.Schedule)
}

// ownSchedule returns the schedule in a detection; its node is nil if there is none.
func ownSchedule(o *object) *object {
	var deployment *object
	if n := o.get("deployment"); n != nil && n.Kind == yaml.MappingNode {
		x := o.object("deployment")
		x.ignore("name", "id", "date", "author", "description", "alert_action", "type", "rba", "throttling", "version", "tags")
		deployment = x.object("scheduling")
		x.rest()
	}
	if own := o.object("custom_schedule"); own.node != nil || deployment == nil {
		return own
	}
	return deployment
}

// readTimes reads the four texts of a schedule, with defaults.
func readTimes(from *object, s Schedule) Schedule {
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

// timetable is a file with a schedule (ESCU 6) or a deployment (before): times for detections that refer to it, or
// for all of a type.
type timetable struct {
	name string
	kind Type
	Schedule
}

// isTimetable reports by its keys whether a file is a timetable.
func isTimetable(o *object) bool {
	return !o.has("search") && o.has("name") && (o.has("cron_schedule") || o.has("scheduling") && o.has("type"))
}

func readTimetable(o *object) timetable {
	t := timetable{name: o.text("name")}
	from := o
	if o.has("scheduling") {
		from = o.object("scheduling")
		t.kind = Type(o.text("type"))
	}
	usual := DefaultSchedule(t.kind)
	if t.name == baselineSchedule {
		usual = DefaultSchedule(Baseline)
	}
	o.ignore("id", "version", "date", "creation_date", "modification_date", "author", "description", "alert_action", "type", "tags", "status")
	t.Schedule = readTimes(from, usual)
	if from != o {
		o.rest()
	}
	return t
}

// schedules gives detections the times of the timetables that they refer to, or that apply to their type.
func (l *loader) schedules() {
	for _, d := range slices.Concat(l.library.Detections, l.library.Broken) {
		if d.scheduled != "" {
			at := slices.IndexFunc(l.timetables, func(t timetable) bool { return t.name == d.scheduled })
			switch {
			case at >= 0 && d.free:
				d.Schedule = l.timetables[at].Schedule
			case at < 0 && !slices.Contains(scheduleNames, d.scheduled):
				l.diags = append(l.diags, d.File.Report(diag.Warning, CodeUnknownName, place(d.File, d.scheduleNode),
					"the schedule %s is not known: the detection runs by the default of its type", d.scheduled))
			}
			continue
		}
		for _, t := range l.timetables {
			if d.free && t.kind != "" && strings.EqualFold(string(t.kind), string(d.Type)) {
				d.Schedule = t.Schedule
			}
		}
	}
}
