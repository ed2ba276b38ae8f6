package api

import (
	"cmp"
	"encoding/json"
	"time"

	"tocsin/internal/run/verdict"
)

// AlertQuery selects alerts. Conditions of different kinds must all hold.
type AlertQuery struct {
	Severity, Rules, Hosts, Users []string
	// Where is a condition in KQL on any field of the alert.
	Where string
	// Since is the earliest time at which an alert was written; zero: no limit.
	Since time.Time
	// Blocks includes the building blocks of sequences.
	Blocks bool
	// After is the Next of the page before; "" for the first page.
	After string
	// Limit is the maximum number of alerts; 0 means a page.
	Limit int
}

// Alert is an alert in a list.
type Alert struct {
	ID         string     `json:"id"`
	Index      string     `json:"index,omitempty"`
	Time       *time.Time `json:"time,omitempty" doc:"Time of the event."`
	Written    *time.Time `json:"written,omitempty" doc:"Time at which the alert was written."`
	Severity   string     `json:"severity"`
	RiskScore  string     `json:"risk_score"`
	RuleID     string     `json:"rule_id"`
	Rule       string     `json:"rule"`
	Reason     string     `json:"reason"`
	Host       string     `json:"host,omitempty"`
	User       string     `json:"user,omitempty"`
	Status     string     `json:"status" doc:"Status of the workflow: open, acknowledged or closed."`
	StatusBy   string     `json:"status_by,omitempty" doc:"Who last changed the status; absent if nobody did, or it is not known who."`
	StatusAt   *time.Time `json:"status_at,omitempty" doc:"When the status was last changed."`
	Techniques string     `json:"techniques,omitempty"`
	Group      string     `json:"group,omitempty" doc:"Id of the sequence, sample or correlation that the alert belongs to."`
	Block      bool       `json:"building_block" doc:"Whether the alert is a building block of its group."`
	Also       int64      `json:"suppressed" doc:"Further hits that the alert stands for."`
}

// Alerts are a page of alerts.
type Alerts struct {
	Alerts []Alert `json:"alerts"`
	// Next asks for the next page; "" if there is none.
	Next string `json:"next,omitempty" doc:"Give this as after to get the next page; absent on the last one."`
	// Warnings are about the condition.
	Warnings []string `json:"warnings,omitempty" doc:"What is odd about the condition, such as a field that no alert has."`
}

// AlertDetail is an alert with its events.
type AlertDetail struct {
	Alert

	Document map[string]any `json:"document" doc:"The alert's document."`
	Events   []Event        `json:"events" doc:"The events behind the alert, by time. Those that cannot be read any more are missing."`
	// Missing is why events are missing.
	Missing string  `json:"events_missing,omitempty" doc:"Why events are missing."`
	Blocks  []Alert `json:"blocks" doc:"The building blocks of the group, in order."`
}

// Event is an event behind an alert.
type Event struct {
	Index  string          `json:"index"`
	ID     string          `json:"id"`
	Time   *time.Time      `json:"time,omitempty"`
	Title  string          `json:"title" doc:"What the event is, in short."`
	Step   int             `json:"step" doc:"Its place in the sequence, from 1; 0 if there is none."`
	Source json.RawMessage `json:"source"`
}

// AlertCounts are numbers of alerts over time.
type AlertCounts struct {
	AsOf

	From  time.Time    `json:"from"`
	To    time.Time    `json:"to"`
	Step  float64      `json:"step_seconds"`
	Parts []AlertCount `json:"parts" doc:"Parts of the time, one after the other, building blocks of sequences left out."`
}

// AlertCount are the numbers of a part of the time.
type AlertCount struct {
	From       time.Time      `json:"from"`
	BySeverity map[string]int `json:"by_severity"`
}

// Question asks why an event makes an alert of a rule or not.
type Question struct {
	RuleID string `json:"rule_id" doc:"Id or name of the rule."`
	// Event is the event itself; else Index and ID name it.
	Event json.RawMessage `json:"event,omitempty" doc:"The event: a document, or an object with _index, _id and _source. Give it, or index and id."`
	Index string          `json:"index,omitempty" doc:"Index, alias or pattern of the event."`
	ID    string          `json:"id,omitempty" doc:"_id of the event."`
	At    *time.Time      `json:"at,omitempty" doc:"Slot whose window is judged (default: the first slot that reads the event)."`
}

// Explanation are verdicts on events.
type Explanation struct {
	Verdicts []verdict.Verdict `json:"verdicts" doc:"One for each event, as runner explain --format json has them."`
}

// Backfill is a job.
type Backfill struct {
	Job       string    `json:"job"`
	Status    string    `json:"status" doc:"running (here), open, done, cancelled or failed."`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Target    string    `json:"namespace"`
	Rules     int       `json:"rules"`
	Slots     int64     `json:"slots"`
	Covered   int64     `json:"covered"`
	Begun     time.Time `json:"begun" doc:"When the job was first started."`
	Resumed   time.Time `json:"resumed" doc:"When it was last started or resumed."`
	TakenUp   int64     `json:"taken_up" doc:"How often the job was started or resumed."`
	Here      bool      `json:"here" doc:"Whether this runner works on it."`
	Rate      float64   `json:"slots_a_second,omitempty"`
	Remaining float64   `json:"remaining_seconds,omitempty" doc:"Estimate; absent while there is none."`
	Error     string    `json:"error,omitempty"`
}

// Backfills are the jobs, the most recently started first.
type Backfills struct {
	AsOf

	Backfills []Backfill `json:"backfills"`
}

// NewBackfill asks for a job.
type NewBackfill struct {
	From time.Time `json:"from,omitzero" doc:"Start of the time range; its slots are run. Required unless a job is resumed."`
	To   time.Time `json:"to,omitzero" doc:"End of the time range; a slot at this time is not run. Required unless a job is resumed."`
	// Rules are ids or names; none: all rules.
	Rules []string `json:"rules,omitempty" doc:"Ids or names of rules (default: all)."`
	Job   string   `json:"job,omitempty" doc:"Name of the job (default: made from rules, time range, namespace and the settings that decide what is found). Alone, it resumes the job."`
}

// Change is what is wanted of alerts.
type Change struct {
	IDs        []string `json:"ids" doc:"Ids of alerts. If one is not there, none is changed. A sequence is changed as one: its alert and its building blocks."`
	Status     string   `json:"status,omitempty" doc:"open, acknowledged or closed."`
	Reason     string   `json:"reason,omitempty" doc:"Why an alert is closed, such as false_positive."`
	AddTags    []string `json:"add_tags,omitempty"`
	RemoveTags []string `json:"remove_tags,omitempty"`
	Assign     []string `json:"assign,omitempty" doc:"Users to assign."`
	Unassign   []string `json:"unassign,omitempty" doc:"Users to take off."`
	By         string   `json:"by,omitempty" doc:"Who changes the status: the user or the name of the token of the request. Only a request that has neither may say who (default: api)."`
}

// Sign sets who makes the change: the caller, if it has a name; else whom the request names, and otherwise if it names nobody. Nobody changes
// alerts in the name of another.
func (c *Change) Sign(caller, otherwise string) error {
	if caller != "" && c.By != "" && c.By != caller {
		return Invalid("by is not the user or the token of the request")
	}
	c.By = cmp.Or(caller, c.By, otherwise)
	return nil
}

// Changed counts alerts by what became of them.
type Changed struct {
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged" doc:"Alerts that were as wanted before."`
	Missing   int `json:"missing" doc:"Alerts that are not there any more."`
	Failed    int `json:"failed"`
}

// MaxChanged is how many alerts one request may name.
const MaxChanged = 1000
