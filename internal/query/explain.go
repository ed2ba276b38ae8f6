package query

import (
	"tocsin/internal/condition"
	"tocsin/internal/search"
	"tocsin/internal/window"
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
	// Query is the query in canonical form, Condition what it means, Pushed what of it is searched.
	Query     string `json:"query"`
	Condition string `json:"condition"`
	Pushed    string `json:"pushed,omitempty"`
	// Exact tells that every event found is a hit; otherwise the condition is matched again in memory.
	Exact bool `json:"exact"`
	// Request is the body of the _search request.
	Request condition.Query `json:"request"`
}

func (s *eventSearch) Explain(w window.Window) Explanation {
	r := s.plan.rule
	request := s.request(w)
	e := Explanation{
		RuleID: r.ID, Name: r.Name, Type: string(r.Type), Language: string(r.Language), Strategy: s.plan.Strategy(),
		Window: w.String(), TimeField: request.Time.Field, TimeFallback: request.Time.Fallback, Indices: r.Index,
		Query: s.plan.query.String(), Condition: s.where.String(), Exact: s.exact, Request: request.Body(),
	}
	if !s.exact {
		e.Pushed = s.pushed.String()
	}
	return e
}

// Path returns the path of the explained request: /index,pattern/_search, tolerant of indices that
// are missing or closed, as the runner is.
func (e Explanation) Path() string { return search.Path(e.Indices) }
