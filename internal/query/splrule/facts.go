package splrule

import (
	"maps"
	"strconv"
	"strings"

	"tocsin/internal/splunk"
	"tocsin/internal/splunk/escu"
)

// facts returns the fields of a finding from the detection and its row. Score, title and severity of the row override the
// detection's; but if the row is an event, fields of these names count only if the search names them.
func (o *rowHits) facts(row splunk.Row) map[string]any {
	d := o.plan.Detection
	shown := maps.Clone(row)
	for _, hidden := range []string{"_raw", "_id", "_index"} {
		delete(shown, hidden)
	}
	facts := map[string]any{
		"splunk.search_name": d.SearchName(), "splunk.result": shown.Native(),
	}
	said := d.Said(row)
	if text := o.reason(row, said); text != "" {
		facts["kibana.alert.reason"] = text
	}
	switch f := d.Risk.Finding; {
	case said.Score != nil:
		facts["kibana.alert.risk_score"] = *said.Score
	case f != nil && f.Entity.Score > 0:
		facts["kibana.alert.risk_score"] = f.Entity.Score
	}
	if said.Severity != "" && o.sets("severity") {
		facts["kibana.alert.severity"] = string(escu.Severity(said.Severity))
	}
	if len(d.Stories) > 0 {
		facts["splunk.analyticstories"] = d.Stories
	}
	if links := d.DrilldownsOf(row, o.window); len(links) > 0 {
		var names, searches, urls, earliest, latest []string
		for _, l := range links {
			names, searches, urls = append(names, l.Name), append(searches, l.Search), append(urls, o.plan.SplunkURL+l.Link)
			earliest, latest = append(earliest, l.Earliest), append(latest, l.Latest)
		}
		facts["splunk.drilldown.name"], facts["splunk.drilldown.search"], facts["splunk.drilldown.link"] = names, searches, urls
		facts["splunk.drilldown.earliest"], facts["splunk.drilldown.latest"] = earliest, latest
	}
	return facts
}

// reason returns the title of a finding: from the row, from the detection, or else the first risk message.
func (o *rowHits) reason(row splunk.Row, said escu.Said) string {
	d := o.plan.Detection
	if said.Title != "" && o.sets("title") {
		return said.Title
	}
	template := ""
	if f := d.Risk.Finding; f != nil {
		template = f.Title
	}
	if template == "" && said.Message != "" {
		return said.Message
	}
	for _, x := range d.Risk.Objects {
		if template == "" {
			template = x.Message
		}
	}
	return splunk.Tokens(template, row, func(name string) {
		if !d.CreatesRisk() {
			o.missing[name]++
		}
	})
}

// sets reports whether a field of a row comes from the search, and not from the event that the row is.
func (o *rowHits) sets(name string) bool {
	return !o.plan.keeps || strings.Contains(o.plan.Search.String(), name)
}

// rowCount returns a number of rows as text.
func rowCount(n int) string {
	if n == 1 {
		return "1 row"
	}
	return strconv.Itoa(n) + " rows"
}
