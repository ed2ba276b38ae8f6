package query

import (
	"encoding/json"
	"time"

	"tocsin/internal/match/condition"
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
	// Window is the range of time that is searched, TimeField the field that is compared with it.
	Window       string   `json:"window"`
	TimeField    string   `json:"time_field"`
	TimeFallback string   `json:"time_fallback,omitempty"`
	Indices      []string `json:"indices"`
	// Unread are the indices of the window that cannot be read, Partly the patterns that are read in part, Vacant the
	// patterns that match no index.
	Unread []ExplainedPlace `json:"unread,omitempty"`
	Partly []ExplainedPlace `json:"partly,omitempty"`
	Vacant []string         `json:"vacant,omitempty"`
	// Query is the query in canonical form, Condition its meaning, Pushed the part of it that is searched for.
	Query     string `json:"query"`
	Condition string `json:"condition"`
	Pushed    string `json:"pushed,omitempty"`
	// Fitted says of each field where its values are compared, and why, where the language leaves that to the mapping.
	Fitted []string `json:"fitted,omitempty"`
	// Steps are the terms of a sequence or sample, MaxSpan its longest time.
	Steps   []ExplainedStep `json:"steps,omitempty"`
	MaxSpan Seconds         `json:"maxspan_seconds,omitempty"`
	// Indicators is what the events of a threat_match rule are compared with.
	Indicators *ExplainedIndicators `json:"indicators,omitempty"`
	// GroupBy are the fields of the groups, AlertWhen is when a group becomes an alert, and History is the range of time
	// before the window that is searched for it.
	GroupBy   []string `json:"group_by,omitempty"`
	AlertWhen string   `json:"alert_when,omitempty"`
	History   string   `json:"history,omitempty"`
	// Scan: the rule can be answered by the shared scan of new events. WhyNotScan is why not, if Scan is false.
	Scan       bool   `json:"scan"`
	WhyNotScan string `json:"why_not_scan,omitempty"`
	// Exact: every event that is found is a hit; otherwise the condition is matched again in memory.
	Exact bool `json:"exact"`
	// Rows says what the rows of an ES|QL query stand for.
	Rows string `json:"rows,omitempty"`
	// Sources are the kinds of events that a search in SPL asks for.
	Sources []string `json:"sources,omitempty"`
	// InMemory are the commands of a search in SPL that run in memory, on the events that the request finds.
	InMemory []string `json:"in_memory,omitempty"`
	// Request is the body of the request.
	Request condition.Query `json:"request"`
}

// Seconds is a duration that is a number of seconds in JSON.
type Seconds time.Duration

// MarshalJSON implements [json.Marshaler].
func (s Seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(s).Seconds()) //nolint:wrapcheck // the caller is encoding/json
}

// String returns the duration as Go writes it.
func (s Seconds) String() string { return time.Duration(s).String() }

// ExplainedPlace is a pattern or an index, and why it is not read.
type ExplainedPlace struct {
	Name   string `json:"name"`
	Why    string `json:"why"`
	Reason string `json:"reason"`
}

// Places fills in which indices and patterns are not read.
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
	// Mapping has the groups of comparisons; an event must meet all comparisons of one group. Each is a field of the
	// event, = or !=, and a field of the indicator.
	Mapping [][]string      `json:"mapping"`
	Request condition.Query `json:"request"`
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
