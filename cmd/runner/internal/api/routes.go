package api

import (
	"fmt"
	"net/http"
	"time"
)

// route is an operation of the API: what it does, and all that its documentation says.
type route struct {
	method, path string
	id, summary  string
	about        string
	parameters   []parameter
	// takes and gives are zero values of the models of the request's body and the answer's; nil: there is none.
	takes, gives any
	// problems are the statuses of the problems that the operation has besides those that all have.
	problems []int
	serve    func(a *API, r *http.Request) (any, error)
}

var (
	ofRule  = parameter{name: "id", path: true, kind: "string", doc: "Id of the rule."}
	ofAlert = parameter{name: "id", path: true, kind: "string", doc: "Id of the alert."}
	ofJob   = parameter{name: "job", path: true, kind: "string", doc: "Name of the job."}
	byText  = parameter{name: "q", kind: "string", doc: "Text that the name or the id has, whatever the case of its letters."}
	times   = []parameter{
		{name: "from", kind: "string", doc: "Start: a time, or how long ago, such as 24h or 7d (default: one day before the end)."},
		{name: "to", kind: "string", doc: "End: a time, or how long ago (default: now)."},
	}
)

// table are all operations.
var table = []route{
	{
		method: http.MethodGet, path: "/overview", id: "getOverview", summary: "The service at a glance", gives: Overview{},
		serve: func(a *API, r *http.Request) (any, error) { return a.Source.Overview(r.Context()) },
	},
	{
		method: http.MethodGet, path: "/rules", id: "listRules", summary: "All rules with their health and their next run", gives: Rules{},
		parameters: append([]parameter{
			{name: "q", kind: "string", doc: "Text that the name, the id, the path or a tag has, whatever the case of its letters."},
			{name: "state", kind: "string", many: true, enum: texts(States), doc: "Only rules in these states."},
			{name: "severity", kind: "string", many: true, enum: Severities, doc: "Only rules of these severities."},
			{name: "technique", kind: "string", doc: "Only rules with this technique of MITRE ATT&CK, or one of its sub-techniques."},
			{name: "runner", kind: "string", doc: "Only rules of the runner with this id."},
			{name: "sort", kind: "string", enum: RuleSorts, doc: "What comes first: the worst state, the name, the next run or the most alerts."},
		}, paging...),
		serve: (*API).rules,
	},
	{
		method: http.MethodGet, path: "/rules/{id}", id: "getRule", summary: "A rule with its latest slots and its gaps", gives: RuleDetail{}, parameters: []parameter{ofRule}, problems: []int{http.StatusNotFound},
		serve: func(a *API, r *http.Request) (any, error) { return a.Source.Rule(r.Context(), r.PathValue("id")) },
	},
	{
		method: http.MethodGet, path: "/rules/{id}/slots", id: "listSlots", summary: "The records of a rule's slots, the newest first", gives: SlotList{},
		about:      "The ledger has the slots of all runners; a slot that was not run has no record.",
		parameters: append([]parameter{ofRule}, times...), problems: []int{http.StatusNotFound}, serve: (*API).slots,
	},
	{
		method: http.MethodGet, path: "/runs", id: "listRuns", summary: "The latest runs of this runner, the newest first", gives: Runs{},
		parameters: append([]parameter{
			{name: "rule", kind: "string", doc: "Only runs of the rule with this id."},
			{name: "status", kind: "string", many: true, enum: []string{"succeeded", "partial_failure", "failed"}, doc: "Only runs that ended so."},
		}, paging...),
		serve: (*API).runs,
	},
	{
		method: http.MethodGet, path: "/coverage", id: "getCoverage", summary: "Which part of the last day each rule has searched, as a heat map", gives: Coverage{},
		parameters: append([]parameter{byText, {name: "open", kind: "boolean", doc: "Only rules with open slots."}}, paging...), serve: (*API).coverage,
	},
	{
		method: http.MethodGet, path: "/gaps", id: "listGaps", summary: "Open slots, and index patterns that match no index", gives: Gaps{},
		parameters: append([]parameter{{name: "rule", kind: "string", doc: "Only gaps of the rule with this id."}}, paging...), serve: (*API).gaps,
	},
	{
		method: http.MethodGet, path: "/costs", id: "listCosts", summary: "What rules take and make in a day", gives: Costs{},
		parameters: append([]parameter{{name: "sort", kind: "string", enum: CostSorts, doc: "What comes first: the most time, alerts, documents, or the oldest success."}}, paging...), serve: (*API).costs,
	},
	{
		method: http.MethodGet, path: "/attack", id: "getAttack", summary: "Tactics and techniques of MITRE ATT&CK that the rules have", gives: Attack{},
		serve: func(a *API, r *http.Request) (any, error) { return a.Source.Attack(r.Context()) },
	},
	{
		method: http.MethodGet, path: "/runners", id: "listRunners", summary: "Live runners, and how many rules each has", gives: Runners{},
		serve: func(a *API, r *http.Request) (any, error) { return a.Source.Runners(r.Context()) },
	},
	{
		method: http.MethodGet, path: "/states", id: "listStates", summary: "What is wrong with the service, and what was", gives: ServiceStates{},
		about: "The states that /readyz, the metric tocsin_states and the log tell of; each kind and subject once, with its last episode. Those that ended more than 90 days ago are forgotten.",
		parameters: append([]parameter{
			{name: "q", kind: "string", doc: "Text that the subject, the text, or the id or name of the rule has, whatever the case of its letters."},
			{name: "status", kind: "string", many: true, enum: Phases, doc: "Only states that are there, have happened, or have ended."},
			{name: "severity", kind: "string", many: true, enum: Gravities, doc: "Only states of these severities."},
			{name: "kind", kind: "string", many: true, enum: Kinds, doc: "Only states of these kinds."},
			{name: "rule", kind: "string", doc: "Only states of the rule with this id, or that are found for it."},
			{name: "runner", kind: "string", doc: "Only states that are found for the runner with this id."},
			{name: "since", kind: "string", doc: "Only states that are there, or were since: a time, or how long ago, such as 24h or 7d (default: " + StatesSince + ")."},
		}, paging...),
		serve: (*API).states,
	},
	{
		method: http.MethodGet, path: "/alerts", id: "listAlerts", summary: "Alerts, the newest first", gives: Alerts{},
		parameters: []parameter{
			{name: "severity", kind: "string", many: true, enum: Severities, doc: "Only alerts of these severities."},
			{name: "rule", kind: "string", many: true, doc: "Only alerts of rules with this name or id; * stands for any text."},
			{name: "host", kind: "string", many: true, doc: "Only alerts about hosts with this name, id or address; * stands for any text."},
			{name: "user", kind: "string", many: true, doc: "Only alerts about users with this name, id or e-mail address; * stands for any text."},
			{name: "where", kind: "string", doc: "Only alerts that match this condition in KQL."},
			{name: "since", kind: "string", doc: "Only alerts that were written since: a time, or how long ago, such as 24h or 7d."},
			{name: "blocks", kind: "boolean", doc: "Also building blocks of sequences."},
			{name: "after", kind: "string", doc: "The next of the page before."},
			paging[1],
		},
		serve: func(a *API, r *http.Request) (any, error) {
			q, err := AlertQueryOf(r.URL.Query(), time.Now(), DefaultLimit)
			if err != nil {
				return nil, err
			}
			return a.Source.Alerts(r.Context(), q)
		},
	},
	{
		method: http.MethodGet, path: "/alerts/{id}", id: "getAlert", summary: "An alert with its document and its events", gives: AlertDetail{}, parameters: []parameter{ofAlert}, problems: []int{http.StatusNotFound},
		serve: func(a *API, r *http.Request) (any, error) { return a.Source.Alert(r.Context(), r.PathValue("id")) },
	},
	{
		method: http.MethodGet, path: "/alerts/{id}/explanation", id: "explainAlert", summary: "Why the events behind an alert made it", gives: Explanation{}, parameters: []parameter{ofAlert}, problems: []int{http.StatusNotFound, http.StatusConflict},
		serve: func(a *API, r *http.Request) (any, error) {
			v, err := a.Source.ExplainAlert(r.Context(), r.PathValue("id"), MaxExplained)
			return Explanation{v}, err
		},
	},
	{
		method: http.MethodPost, path: "/alert-changes", id: "changeAlerts", summary: "Change the status, tags or assignees of alerts", takes: Change{}, gives: Changed{}, problems: []int{http.StatusNotFound},
		about: "A change that is repeated changes nothing.",
		serve: func(a *API, r *http.Request) (any, error) {
			var c Change
			if err := body(r, &c); err != nil {
				return nil, err
			}
			if len(c.IDs) == 0 || len(c.IDs) > MaxChanged {
				return nil, Invalid(fmt.Sprintf("name 1 to %d alerts", MaxChanged))
			}
			caller := ""
			if a.Caller != nil {
				caller = a.Caller(r.Context())
			}
			if err := c.Sign(caller, "api"); err != nil {
				return nil, err
			}
			return a.Source.ChangeAlerts(r.Context(), c)
		},
	},
	{
		method: http.MethodGet, path: "/alert-counts", id: "countAlerts", summary: "Numbers of alerts over time, by severity", gives: AlertCounts{},
		serve: func(a *API, r *http.Request) (any, error) { return a.Source.AlertCounts(r.Context()) },
	},
	{
		method: http.MethodPost, path: "/explain", id: "explainEvent", summary: "Why an event makes an alert of a rule or not", takes: Question{}, gives: Explanation{}, problems: []int{http.StatusNotFound, http.StatusConflict},
		serve: func(a *API, r *http.Request) (any, error) {
			var q Question
			if err := body(r, &q); err != nil {
				return nil, err
			}
			v, err := a.Source.Explain(r.Context(), q)
			return Explanation{v}, err
		},
	},
	{
		method: http.MethodGet, path: "/backfills", id: "listBackfills", summary: "Backfill jobs with their progress", gives: Backfills{},
		serve: func(a *API, r *http.Request) (any, error) { return a.Source.Backfills(r.Context()) },
	},
	{
		method: http.MethodPost, path: "/backfills", id: "startBackfill", summary: "Start or resume a backfill job on this runner", takes: NewBackfill{}, gives: Backfill{}, problems: []int{http.StatusNotFound, http.StatusConflict},
		about: "The job runs at low priority until it is done, the runner stops or it is cancelled. A job that was interrupted is resumed by the same request, or by its name.",
		serve: func(a *API, r *http.Request) (any, error) {
			var n NewBackfill
			if err := body(r, &n); err != nil {
				return nil, err
			}
			return a.Source.StartBackfill(r.Context(), n)
		},
	},
	{
		method: http.MethodGet, path: "/backfills/{job}", id: "getBackfill", summary: "A backfill job", gives: Backfill{}, parameters: []parameter{ofJob}, problems: []int{http.StatusNotFound},
		serve: func(a *API, r *http.Request) (any, error) { return a.Source.Backfill(r.Context(), r.PathValue("job")) },
	},
	{
		method: http.MethodPost, path: "/backfills/{job}/cancel", id: "cancelBackfill", summary: "Cancel a backfill job, wherever it runs", gives: Backfill{}, parameters: []parameter{ofJob}, problems: []int{http.StatusNotFound},
		serve: func(a *API, r *http.Request) (any, error) {
			return a.Source.CancelBackfill(r.Context(), r.PathValue("job"))
		},
	},
	{
		method: http.MethodPost, path: "/reload", id: "reload", summary: "Read the rules again", gives: Reloaded{}, problems: []int{http.StatusUnprocessableEntity},
		about: "A rule whose text has errors now runs as before. After an error all do.",
		serve: func(a *API, r *http.Request) (any, error) { return a.Source.Reload(r.Context()) },
	},
}
