package api

import (
	"time"

	"tocsin/internal/run/health"
)

// Kind is the kind of a state of the service.
type Kind string

// Enum lists the values for the document.
func (Kind) Enum() []string { return Kinds }

// Gravity is how bad a state of the service is.
type Gravity string

// Enum lists the values for the document.
func (Gravity) Enum() []string { return Gravities }

// Phase says whether a state of the service is there.
type Phase string

// Enum lists the values for the document.
func (Phase) Enum() []string { return Phases }

// Kinds are the kinds of states, the most fundamental first, Gravities the severities that they have, the worst first, and Phases the
// phases that they go through.
var (
	Kinds     = kinds()
	Gravities = texts([]health.Severity{health.Critical, health.Warning})
	Phases    = texts(health.Phases)
)

func kinds() []string {
	out := make([]string, len(health.Kinds))
	for i, d := range health.Kinds {
		out[i] = string(d.Kind)
	}
	return out
}

// ServiceState is a state of the service: something that is wrong, or was.
type ServiceState struct {
	Kind     Kind       `json:"kind"`
	Subject  string     `json:"subject" doc:"What is wrong: the id of a rule, index patterns, the cluster."`
	Status   Phase      `json:"status" doc:"open: it is there. happened: it reports something whose end is not told. ended: it was there."`
	Severity Gravity    `json:"severity" doc:"With a critical state, rules do not run, or their alerts are not stored."`
	RuleID   string     `json:"rule_id,omitempty" doc:"Id of the rule that the state is about; absent if it is about something else."`
	RuleName string     `json:"rule_name,omitempty" doc:"Name of that rule; absent if it is not there any more."`
	Text     string     `json:"text" doc:"What was found."`
	Meaning  string     `json:"meaning" doc:"What states of this kind say."`
	Advice   string     `json:"advice" doc:"What to do about it."`
	Since    time.Time  `json:"since" doc:"When it was first found."`
	Until    *time.Time `json:"until,omitempty" doc:"When it ended; absent unless it has ended."`
	Count    int64      `json:"count" doc:"How often there was this state of this subject so far, as far back as it is remembered."`
	Rules    []string   `json:"rules" doc:"Ids of the rules for which it is found."`
	Runners  []string   `json:"runners" doc:"Ids of the runners for which it is found; the state of a rule is none of a runner."`
}

// ServiceStates are the states of the service, those of all runners, each with its last episode.
type ServiceStates struct {
	AsOf

	Open   map[Gravity]int `json:"open" doc:"Numbers of states that are there, by severity, whatever the conditions."`
	Total  int             `json:"total" doc:"How many states meet the conditions."`
	States []ServiceState  `json:"states" doc:"Those that are there, the most fundamental first; then those that were, the latest first."`
}
