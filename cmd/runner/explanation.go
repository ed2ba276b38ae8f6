package main

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"tocsin/internal/query"
	"tocsin/internal/search"
)

func explainRequest(a *app, e query.Explanation) error {
	if a.global.Format == "json" {
		return writeObject(a.out, e)
	}
	explainHead(a.out, e)
	body, err := search.JSON(e.Request, "  ")
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	_, err = fmt.Fprintf(a.out, "request    %s %s\n%s\n\ncurl       %s\n", e.Method(), e.Path(), body, curl(a.global.Elasticsearch, e, body))
	return wrapWrite(err)
}

func explainHead(w io.Writer, e query.Explanation) {
	time := e.TimeField
	if e.TimeFallback != "" {
		time += ", or " + e.TimeFallback + " where that is missing"
	}
	kind := e.Type
	if e.Language != "" {
		kind += ", " + e.Language
	}
	if e.RuleID != "" {
		_, _ = fmt.Fprintf(w, "rule       %s (%s)\ntype       %s\n", e.Name, e.RuleID, kind)
	} else { // a query by hand
		_, _ = fmt.Fprintf(w, "language   %s\n", e.Language)
	}
	_, _ = fmt.Fprintf(w, "indices    %s\nwindow     %s on %s\nquery      %s\ncondition  %s\n",
		strings.Join(e.Indices, ", "), e.Window, time, e.Query, e.Condition)
	for i, field := range e.Fitted {
		label := "          "
		if i == 0 {
			label = "fields    "
		}
		_, _ = fmt.Fprintf(w, "%s %s\n", label, field)
	}
	explainPlaces(w, e)
	if len(e.Sources) > 0 {
		_, _ = fmt.Fprintf(w, "events     of %s\n", strings.Join(e.Sources, ", "))
	}
	if i := e.Indicators; i != nil {
		defer explainIndicators(w, i)
	}
	switch {
	case e.Rows != "":
		_, _ = fmt.Fprintf(w, "rows       %s\nstrategy   %s: Elasticsearch runs the query on what the filter leaves\n", e.Rows, e.Strategy)
		return
	case len(e.Steps) > 0:
		_, _ = fmt.Fprintf(w, "strategy   %s for the events of all steps, told to their steps in memory\n", strategy(e))
		explainSteps(w, e)
		return
	case e.Indicators != nil:
		_, _ = fmt.Fprintf(w, "strategy   %s, and the values of each event looked up among those of the indicators\n", strategy(e))
		return
	case e.Strategy == query.Aggregation:
		explainGroups(w, e)
		return
	case e.InMemory != nil:
		explainCommands(w, e)
		return
	case e.Exact:
		_, _ = fmt.Fprintf(w, "strategy   %s: every event found is a hit\n", strategy(e))
		return
	}
	_, _ = fmt.Fprintf(w, "strategy   %s for %s, then the whole condition in memory\n", strategy(e), e.Pushed)
}

// explainPlaces writes which index patterns of the rule are not read, or only in part.
func explainPlaces(w io.Writer, e query.Explanation) {
	for _, u := range e.Unread {
		_, _ = fmt.Fprintf(w, "not read   %s (%s): %s\n", u.Name, u.Why, u.Reason)
	}
	for _, u := range e.Partly {
		_, _ = fmt.Fprintf(w, "in part    %s (%s): %s\n", u.Name, u.Why, u.Reason)
	}
	if len(e.Vacant) > 0 {
		_, _ = fmt.Fprintf(w, "no index   %s\n", strings.Join(e.Vacant, ", "))
	}
}

// strategy describes how hits are found, and why a rule cannot use the scan.
func strategy(e query.Explanation) string {
	switch {
	case e.Scan:
		return "scan with the other rules of its round, or search, whichever is cheaper"
	case e.WhyNotScan != "":
		return fmt.Sprintf("%s (no scan: %s)", e.Strategy, e.WhyNotScan)
	}
	return string(e.Strategy)
}

// explainIndicators writes the indicators with which a threat_match rule compares events.
func explainIndicators(w io.Writer, i *query.ExplainedIndicators) {
	_, _ = fmt.Fprintf(w, "indicators %s\n  query      %s\n  condition  %s\n", strings.Join(i.Indices, ", "), i.Query, i.Condition)
	for n, group := range i.Mapping {
		label := "mapping  "
		if n > 0 {
			label = "or       "
		}
		_, _ = fmt.Fprintf(w, "  %s  %s\n", label, strings.Join(group, " and "))
	}
}

// explainCommands writes which commands of a search in SPL run in Elasticsearch and which in memory.
func explainCommands(w io.Writer, e query.Explanation) {
	searched := e.Pushed
	if e.Exact {
		searched = "the condition"
	}
	if len(e.GroupBy) > 0 {
		searched += ", counted by " + strings.Join(e.GroupBy, ", ") + " unless the index lacks values or the events have been read anyway"
	}
	_, _ = fmt.Fprintf(w, "strategy   %s for %s, then in memory:\n", e.Strategy, searched)
	label := "in memory"
	for _, command := range e.InMemory {
		_, _ = fmt.Fprintf(w, "%-10s %s\n", label, command)
		label = ""
	}
}

// explainGroups writes what a rule counts, and when a group becomes an alert.
func explainGroups(w io.Writer, e query.Explanation) {
	how := "groups of the events found"
	if !e.Exact {
		how = "groups of the events found by " + e.Pushed + " that meet the whole condition, counted in memory"
	}
	by := strings.Join(e.GroupBy, ", ")
	if by == "" {
		by = "nothing: all events are one group"
	}
	_, _ = fmt.Fprintf(w, "strategy   %s: %s\ngroup by   %s\nalert when %s\n", e.Strategy, how, by, e.AlertWhen)
	if e.History != "" {
		_, _ = fmt.Fprintf(w, "history    %s\n", e.History)
	}
}

// explainSteps writes the steps of a sequence or sample.
func explainSteps(w io.Writer, e query.Explanation) {
	if e.MaxSpan != 0 {
		_, _ = fmt.Fprintf(w, "maxspan    %s\n", e.MaxSpan)
	}
	for i, s := range e.Steps {
		label := fmt.Sprintf("step %d", i+1)
		switch {
		case s.Until:
			label = "until"
		case s.Missing:
			label += " (no such event)"
		case s.Runs > 1:
			label += fmt.Sprintf(" (%d times)", s.Runs)
		}
		if len(s.Keys) > 0 {
			label += " by " + strings.Join(s.Keys, ", ")
		}
		_, _ = fmt.Fprintf(w, "%s\n           %s\n", label, s.Condition)
	}
}

// curl returns a shell command that sends the request. It contains no credentials.
func curl(addresses []string, e query.Explanation, body []byte) string {
	base := "http://localhost:9200"
	if len(addresses) > 0 {
		base = addresses[0]
		if u, err := url.Parse(base); err == nil {
			u.User = nil
			base = strings.TrimRight(u.String(), "/")
		}
	}
	quoted := strings.ReplaceAll(string(body), "'", `'\''`)
	return fmt.Sprintf("curl -s -H 'Content-Type: application/json' '%s%s' -d '%s'", base, e.Path(), quoted)
}
