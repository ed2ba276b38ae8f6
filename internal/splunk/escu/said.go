package escu

import (
	"strings"

	"tocsin/internal/splunk"
)

// Said holds the fields of a row that override its detection: a search can compute the score, the message, the
// severity, the title and the techniques of each row.
type Said struct {
	// Score is nil if the row has no numeric score; Unread is then the text of an invalid one.
	Score  *float64
	Unread string
	// Message, Severity and Title are "" if the row has none. Severity and Title are common field names: in a row
	// that is an event they belong to the event.
	Message, Severity, Title string
	// MITRE are the techniques; empty means the techniques of the detection.
	MITRE []Technique
}

// severities are the valid severities of a row.
var severities = map[string]bool{"informational": true, "low": true, "medium": true, "high": true, "critical": true}

// Said returns the overrides of a row. A correlation sums the scores of other detections under the same field
// name, so its rows have no score of their own.
func (d *Detection) Said(row splunk.Row) Said {
	s := Said{MITRE: d.MITRE}
	if v := row.Get("risk_score"); d.Type != Correlation && !v.IsNull() {
		if x, ok := v.Float(); ok && len(v.Each()) == 1 {
			s.Score = &x
		} else {
			s.Unread = v.String()
		}
	}
	s.Message = row.Get("risk_message").String()
	if word := strings.ToLower(row.Get("severity").String()); severities[word] {
		s.Severity = word
	}
	s.Title = row.Get("title").String()
	if values := row.Get("annotations.mitre_attack").Each(); len(values) > 0 {
		s.MITRE = nil
		for _, v := range values {
			for _, id := range strings.FieldsFunc(v.String(), func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
				t, _ := LookupTechnique(id)
				s.MITRE = append(s.MITRE, t)
			}
		}
	}
	return s
}
