package query

import (
	"tocsin/internal/match/condition"
	"tocsin/internal/match/sequence"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// Explanation is every stage between a rule's text and its request, for people and as JSON.
type Explanation struct {
	RuleID   string   `json:"rule_id"`
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Language string   `json:"language"`
	Strategy Strategy `json:"strategy"`
	// Window is the range of time that is searched, TimeField the field it is about.
	Window       string   `json:"window"`
	TimeField    string   `json:"time_field"`
	TimeFallback string   `json:"time_fallback,omitempty"`
	Indices      []string `json:"indices"`
	// Unread are the places that the window lacks, Partly the patterns that are read in part, Vacant those that
	// mean no index.
	Unread []ExplainedPlace `json:"unread,omitempty"`
	Partly []ExplainedPlace `json:"partly,omitempty"`
	Vacant []string         `json:"vacant,omitempty"`
	// Query is the query in canonical form, Condition what it means, Pushed what of it is searched.
	Query     string `json:"query"`
	Condition string `json:"condition"`
	Pushed    string `json:"pushed,omitempty"`
	// Steps are the terms of a sequence or sample, MaxSpan its longest time.
	Steps   []ExplainedStep `json:"steps,omitempty"`
	MaxSpan string          `json:"maxspan,omitempty"`
	// Indicators is what the events of a threat_match rule are compared with.
	Indicators *ExplainedIndicators `json:"indicators,omitempty"`
	// GroupBy are the fields that make groups, AlertWhen says what makes an alert of one, and History
	// is the range of time before the window that is looked at for it.
	GroupBy   []string `json:"group_by,omitempty"`
	AlertWhen string   `json:"alert_when,omitempty"`
	History   string   `json:"history,omitempty"`
	// Scan tells that one read of the new events for all rules can feed this one; WhyNotScan, when it is
	// false, what only a search can do.
	Scan       bool   `json:"scan"`
	WhyNotScan string `json:"why_not_scan,omitempty"`
	// Exact tells that every event found is a hit; otherwise the condition is matched again in memory.
	Exact bool `json:"exact"`
	// Rows says what the rows of an ES|QL query stand for.
	Rows string `json:"rows,omitempty"`
	// Sources are the kinds of events that a search in SPL asks for.
	Sources []string `json:"sources,omitempty"`
	// InMemory are the commands of a search in SPL that are run on what the request finds.
	InMemory []string `json:"in_memory,omitempty"`
	// Request is the body of the request.
	Request condition.Query `json:"request"`
}

// ExplainedPlace is a pattern or an index, and why it is not read.
type ExplainedPlace struct {
	Name   string `json:"name"`
	Why    string `json:"why"`
	Reason string `json:"reason"`
}

// Places fills in what of the rule's patterns is not read.
func (e *Explanation) Places(t search.Target, w window.Window) {
	e.Unread, e.Partly, e.Vacant = explainPlaces(search.UnreadIn(t, w)), explainPlaces(t.Partly), t.Missing
}

func explainPlaces(places []search.Unread) []ExplainedPlace {
	var out []ExplainedPlace
	for _, u := range places {
		out = append(out, ExplainedPlace{u.Name, string(u.Why), u.Reason})
	}
	return out
}

// ExplainedStep is one term of a sequence or sample.
type ExplainedStep struct {
	Condition string   `json:"condition"`
	Keys      []string `json:"keys,omitempty"`
	Missing   bool     `json:"missing,omitempty"`
	Runs      int      `json:"runs,omitempty"`
	Until     bool     `json:"until,omitempty"`
}

// ExplainedIndicators is the search for indicators, and which fields are compared.
type ExplainedIndicators struct {
	Indices   []string `json:"indices"`
	Query     string   `json:"query"`
	Condition string   `json:"condition"`
	// Mapping has the groups of which an event has to meet one: fields of the event, with those of the
	// indicator behind = or !=.
	Mapping [][]string      `json:"mapping"`
	Request condition.Query `json:"request"`
}

// explain fills in what all plans have.
func (p *queryPlan) explain(w window.Window, patterns []string, request interface{ Body() condition.Query }) Explanation {
	r := p.rule
	return Explanation{
		RuleID: r.ID, Name: r.Name, Type: string(r.Type), Language: string(r.Language), Strategy: p.Strategy(),
		Window: w.String(), TimeField: p.time.Field, TimeFallback: p.time.Fallback, Indices: patterns,
		Query: p.query.String(), Request: request.Body(),
	}
}

// explain fills in what all plans have that count.
func (c *counted) explain(w window.Window, request search.GroupRequest) Explanation {
	e := c.plan.explain(w, request.Patterns, request)
	e.Strategy = c.plan.Strategy()
	e.Condition, e.Exact = c.where.whole.String(), c.where.exact
	if !c.where.exact {
		e.Pushed = c.where.pushed.String()
	}
	for _, f := range c.by {
		e.GroupBy = append(e.GroupBy, f.field.Name)
	}
	return e
}

func (s *eventSearch) Explain(w window.Window) Explanation {
	r := s.request(w)
	e := s.plan.explain(w, r.Patterns, r)
	e.Condition, e.Exact = s.where.whole.String(), s.where.exact
	if !s.where.exact {
		e.Pushed = s.where.pushed.String()
	}
	e.ride(s)
	return e
}

func (g *groupSearch) Explain(w window.Window) Explanation {
	read := g.reach(w)
	r := g.request(read)
	e := g.plan.explain(read, r.Patterns, r)
	e.Condition = g.where.String()
	if g.steps.MaxSpan > 0 {
		e.MaxSpan = g.steps.MaxSpan.String()
	}
	for _, b := range g.bound {
		step := ExplainedStep{Condition: b.step.Where.String(), Missing: b.step.Missing, Until: b.first == sequence.Until}
		if b.runs > 1 {
			step.Runs = b.runs
		}
		for _, k := range b.step.Keys {
			step.Keys = append(step.Keys, k.Name)
		}
		e.Steps = append(e.Steps, step)
	}
	e.ride(g)
	return e
}

// Method returns the HTTP method of the explained request.
func (e Explanation) Method() string {
	if e.Strategy == ESQL {
		return "POST"
	}
	return "GET"
}

// Path returns the path of the explained request: /index,pattern/_search, tolerant of indices that
// are missing or closed, as the runner is. An ES|QL query names its indices itself.
func (e Explanation) Path() string {
	if e.Strategy == ESQL {
		return search.ESQLPath
	}
	return search.Path(e.Indices)
}
