package escu

import (
	"tocsin/internal/splunk"
)

// RiskIndex is the Splunk index to which searches write risk events.
const RiskIndex = "risk"

// Collected returns the risk events of a row that a search writes to the risk index: one for each value of
// risk_object, none without it.
func Collected(d *Detection, row splunk.Row, w splunk.Window) []RiskEvent {
	text := func(name, usual string) string {
		if v := row.Get(name); !v.IsNull() {
			return v.String()
		}
		return usual
	}
	score, _ := row.Get("risk_score").Float()
	var threats []Threat
	for _, v := range row.Get("threat_object").Each() {
		threats = append(threats, Threat{"threat_object", text("threat_object_type", "other"), v.String()})
	}
	kept := *d
	kept.Type = "" // a correlation that writes risk events scores them itself
	var out []RiskEvent
	for _, v := range row.Get("risk_object").Each() {
		out = append(out, RiskEvent{
			ID:     eventID(d.ID, w, RowKey(row), "collect", v.String()),
			Object: v.String(), ObjectType: text("risk_object_type", "other"), ObjectField: "risk_object", Score: score,
			Message: text("risk_message", ""), Threats: threats, MITRE: kept.Said(row).MITRE,
			Detection: d, Row: row, Earliest: w.Earliest, Latest: w.Latest, Scheduled: w.Now,
		})
	}
	return out
}
