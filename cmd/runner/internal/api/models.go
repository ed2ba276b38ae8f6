package api

import (
	"time"
)

// AsOf says when an answer was made that is kept for a while.
type AsOf struct {
	// At is when it was made.
	At time.Time `json:"as_of" doc:"When this was found out. Costly answers are kept for a while."`
	// Stale is why it could not be made anew since.
	Stale string `json:"stale_because,omitempty" doc:"Why this could not be found out anew since; absent if it could."`
}

// State is how a rule is.
type State string

// The states of rules, the worst first.
const (
	Broken     State = "broken"
	Failing    State = "failing"
	Outdated   State = "outdated"
	Behind     State = "behind"
	Vacant     State = "vacant"
	New        State = "new"
	OK         State = "ok"
	Correlated State = "correlated"
	Disabled   State = "disabled"
)

// States are all states, the worst first.
var States = []State{Broken, Failing, Outdated, Behind, Vacant, New, OK, Correlated, Disabled}

// Enum lists the values for the document.
func (State) Enum() []string { return texts(States) }

// Severities are those of rules and alerts, the worst first.
var Severities = []string{"critical", "high", "medium", "low"}

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// Overview is the service at a glance.
type Overview struct {
	AsOf

	Version   string    `json:"version" doc:"Version of the runner."`
	Namespace string    `json:"namespace" doc:"Namespace of the alerts."`
	Events    string    `json:"events" doc:"Where events come from."`
	Started   time.Time `json:"started" doc:"When the runner was started."`
	Ready     bool      `json:"ready" doc:"Whether the runner can do its work, as /readyz says."`
	Problems  []string  `json:"problems" doc:"What is amiss, for people; empty if nothing is."`
	// Open are the numbers of states of the service that are there.
	Open map[Gravity]int `json:"open_states" doc:"Numbers of states of the service that are there, by severity."`
	// Rules are the numbers of rules by state.
	Rules map[State]int `json:"rules" doc:"Numbers of rules by state."`
	// Slots are those of the last day.
	Slots   Counts         `json:"slots" doc:"Slots of all rules within the last day."`
	Alerts  map[string]int `json:"alerts" doc:"Numbers of alerts of the last day by severity, building blocks of sequences left out."`
	Runners int            `json:"runners" doc:"Live runners."`
}

// Counts are numbers of slots, each counted once.
type Counts struct {
	Covered int `json:"covered" doc:"Slots whose window was read as a whole and whose alerts are written."`
	Planned int `json:"planned" doc:"Slots that were not run yet."`
	Failed  int `json:"failed" doc:"Slots that failed, as a whole or in part."`
	Queued  int `json:"queued" doc:"Slots with hits left for another run."`
	GivenUp int `json:"given_up" doc:"Slots that are not run any more."`
	Vacant  int `json:"vacant" doc:"Slots whose index patterns matched no index."`
}

// Open returns the number of slots that are still to be run.
func (c Counts) Open() int { return c.Planned + c.Failed + c.Queued }

// All returns the number of all slots.
func (c Counts) All() int { return c.Covered + c.Open() + c.GivenUp + c.Vacant }

// Add adds other numbers.
func (c *Counts) Add(o Counts) {
	c.Covered, c.Planned, c.Failed = c.Covered+o.Covered, c.Planned+o.Planned, c.Failed+o.Failed
	c.Queued, c.GivenUp, c.Vacant = c.Queued+o.Queued, c.GivenUp+o.GivenUp, c.Vacant+o.Vacant
}

// Rule is a rule with its health.
type Rule struct {
	ID        string   `json:"rule_id"`
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	Language  string   `json:"language,omitempty"`
	Severity  string   `json:"severity"`
	RiskScore int      `json:"risk_score"`
	Path      string   `json:"path" doc:"File of the rule."`
	Tags      []string `json:"tags"`
	// Techniques are ids, those of sub-techniques with their parents'.
	Techniques []string `json:"techniques" doc:"Ids of techniques of MITRE ATT&CK, those of sub-techniques with their parents'."`
	Schedule   string   `json:"schedule,omitempty" doc:"Interval or cron expression."`
	State      State    `json:"state" doc:"broken: has errors and does not run. failing: the latest run failed. outdated: has errors now, and runs as before. behind: has open slots. vacant: no index matches. new: has not run yet. correlated: alerts only through a correlation."`
	Problem    string   `json:"problem,omitempty" doc:"Why the state is what it is."`
	// Owner is the id of the runner that runs the rule.
	Owner   string     `json:"runner,omitempty" doc:"Id of the runner that runs the rule."`
	NextRun *time.Time `json:"next_run,omitempty" doc:"Next slot."`
	LastRun *time.Time `json:"last_run,omitempty" doc:"Latest slot that was run, by this runner since its start or covered by any."`
	LastOK  *time.Time `json:"last_success,omitempty" doc:"Latest slot that was covered, within the last day."`
	Slots   Counts     `json:"slots" doc:"Slots of the last day."`
	Alerts  int64      `json:"alerts" doc:"Alerts of the last day, as runs have counted them."`
}

// Rules are all rules.
type Rules struct {
	AsOf

	// Total is how many meet the request's conditions; Rules are a page of them.
	Total int    `json:"total" doc:"How many rules meet the conditions."`
	Rules []Rule `json:"rules"`
}

// RuleDetail is a rule with what it asks.
type RuleDetail struct {
	Rule

	Description string   `json:"description"`
	Query       string   `json:"query,omitempty"`
	Indices     []string `json:"indices" doc:"Index patterns that the rule reads."`
	Threat      []Named  `json:"threat" doc:"Techniques of MITRE ATT&CK with their names."`
	References  []string `json:"references"`
	Lag         string   `json:"lag,omitempty" doc:"How long the rule's events take to become searchable: median and 99th percentile."`
	Latest      []Slot   `json:"latest_slots" doc:"The latest slots, the newest first."`
	Heat        string   `json:"heat" doc:"As in the coverage."`
	Gaps        []Gap    `json:"gaps"`
}

// Named is something with an id and a name.
type Named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Slot is the record of a slot in the ledger.
type Slot struct {
	Slot     time.Time  `json:"slot"`
	Status   string     `json:"status" doc:"planned, running, covered, failed, partial, given-up, queued or vacant."`
	Attempts int64      `json:"attempts"`
	Read     int64      `json:"read" doc:"Documents that were searched."`
	Hits     int64      `json:"hits"`
	Created  int64      `json:"created" doc:"Alerts that were written."`
	Existing int64      `json:"duplicates" doc:"Alerts that existed already."`
	Folded   int64      `json:"suppressed" doc:"Hits that were added to another alert."`
	Took     float64    `json:"took_seconds"`
	Ended    *time.Time `json:"ended,omitempty"`
	Reason   string     `json:"reason,omitempty" doc:"Why a part of the window was not read."`
	Error    string     `json:"error,omitempty"`
}

// SlotList are slots of a rule.
type SlotList struct {
	RuleID string `json:"rule_id"`
	Slots  []Slot `json:"slots"`
}

// Run is a run of a rule by this runner.
type Run struct {
	ID      string    `json:"execution_id"`
	RuleID  string    `json:"rule_id"`
	Name    string    `json:"name"`
	Slot    time.Time `json:"slot"`
	Ended   time.Time `json:"ended"`
	Status  string    `json:"status" doc:"succeeded, partial_failure or failed."`
	Hits    int64     `json:"hits"`
	Created int       `json:"created"`
	Took    float64   `json:"took_seconds"`
	Problem string    `json:"problem,omitempty"`
}

// Runs are runs.
type Runs struct {
	Runs []Run `json:"runs"`
}

// Coverage is which part of the last day each rule has searched.
type Coverage struct {
	AsOf

	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Step is the time of one part of the heat maps, Sums the numbers of all rules in each part.
	Step  float64         `json:"step_seconds" doc:"Time that a character of a heat map stands for."`
	Sums  []CoverageSum   `json:"sums" doc:"Slots of all rules in each part of the time."`
	Total int             `json:"total" doc:"How many rules meet the conditions."`
	Rules []CoverageOfOne `json:"rules"`
}

// CoverageSum are the slots of all rules in a part of the time.
type CoverageSum struct {
	From time.Time `json:"from"`
	Counts
}

// CoverageOfOne is the coverage of a rule.
type CoverageOfOne struct {
	RuleID string `json:"rule_id"`
	Name   string `json:"name"`
	Counts
	// Heat has a character for each part of the time.
	Heat       string     `json:"heat" doc:"A character for each part of the time: █ covered, ▄ covered in part, · not run, × failed, + hits left, - given up, ○ no index, space: no slot."`
	OldestOpen *time.Time `json:"oldest_open,omitempty"`
	Lateness   float64    `json:"lateness_seconds" doc:"Median of the time from a slot to the end of its run."`
	LastError  string     `json:"last_error,omitempty"`
}

// Gap is a number of consecutive open slots.
type Gap struct {
	RuleID   string     `json:"rule_id"`
	Name     string     `json:"name"`
	From     *time.Time `json:"from,omitempty"`
	To       *time.Time `json:"to,omitempty"`
	Slots    int        `json:"slots"`
	Status   string     `json:"status"`
	Attempts int64      `json:"attempts"`
	Reason   string     `json:"reason,omitempty"`
	Error    string     `json:"error,omitempty"`
}

// Vacancy is an index pattern that matches no index.
type Vacancy struct {
	Pattern string    `json:"pattern"`
	Rules   int       `json:"rules"`
	Vacant  int       `json:"vacant_rules" doc:"Rules that read nothing at all."`
	Since   time.Time `json:"since"`
	Met     bool      `json:"met" doc:"Whether the pattern matched an index before."`
}

// Gaps are what is not covered.
type Gaps struct {
	AsOf

	Total     int       `json:"total" doc:"How many gaps meet the conditions."`
	Gaps      []Gap     `json:"gaps" doc:"Open slots, the oldest first."`
	Vacancies []Vacancy `json:"vacancies"`
}

// Cost is what a rule takes and makes.
type Cost struct {
	RuleID      string     `json:"rule_id"`
	Name        string     `json:"name"`
	Runs        int        `json:"runs"`
	Failed      int        `json:"failed"`
	Took        float64    `json:"took_seconds"`
	Mean        float64    `json:"mean_seconds"`
	Longest     float64    `json:"longest_seconds"`
	Share       float64    `json:"share_of_time" doc:"Time of all runs per time that passed."`
	Read        int64      `json:"read" doc:"Documents that were searched."`
	Alerts      int64      `json:"alerts"`
	AlertsADay  float64    `json:"alerts_a_day"`
	Suppressed  int64      `json:"suppressed"`
	LastSuccess *time.Time `json:"last_success,omitempty"`
	Over        []string   `json:"over_budget" doc:"Budgets that the rule is over: time, alerts, age."`
}

// Costs are those of all rules, the most expensive first.
type Costs struct {
	AsOf

	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Total int       `json:"total"`
	Costs []Cost    `json:"costs"`
}

// Attack is which tactics and techniques of MITRE ATT&CK the running rules have.
type Attack struct {
	Version    int         `json:"attack_version"`
	Rules      int         `json:"rules"`
	Without    int         `json:"rules_without" doc:"Rules without tactic and technique."`
	TacticOnly int         `json:"rules_with_tactic_only"`
	Tactics    []Tactic    `json:"tactics" doc:"All tactics, in the order of the matrix."`
	Techniques []Technique `json:"techniques" doc:"Techniques that rules have, by tactic and id."`
}

// Tactic is a tactic.
type Tactic struct {
	Named

	Rules      int `json:"rules"`
	Techniques int `json:"techniques"`
	Known      int `json:"known_techniques"`
}

// Technique is a technique under a tactic.
type Technique struct {
	Named

	TacticID string   `json:"tactic_id"`
	Parent   string   `json:"parent_id,omitempty" doc:"Id of the technique of a sub-technique."`
	RuleIDs  []string `json:"rule_ids"`
}

// Runner is a live runner.
type Runner struct {
	ID     string    `json:"id"`
	Host   string    `json:"host,omitempty"`
	This   bool      `json:"this" doc:"Whether it is the one that answers."`
	Seen   time.Time `json:"seen" doc:"Its own time of its last sign of life."`
	Rules  int       `json:"rules" doc:"Rules that it runs."`
	Digest string    `json:"rules_digest,omitempty" doc:"Digest of the rules that it was given: runners with the same have the same."`
}

// Runners are the live runners.
type Runners struct {
	Fence   int64    `json:"fence" doc:"Grows whenever a runner joins or leaves."`
	Runners []Runner `json:"runners"`
}

// Reloaded is what a reload has changed.
type Reloaded struct {
	Added    []string `json:"added" doc:"Ids of rules."`
	Changed  []string `json:"changed"`
	Removed  []string `json:"removed"`
	Outdated []string `json:"outdated" doc:"Rules that have errors now, and run as before."`
	Summary  string   `json:"summary"`
}
