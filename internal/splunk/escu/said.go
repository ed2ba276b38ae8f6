package escu

import (
	"strings"

	"tocsin/internal/splunk"
)

// Said is what a row says in place of its detection: a search may work out the score, the message, the
// severity, the title and the techniques for each of its rows.
type Said struct {
	// Score is nil where the row has none that is a number; Unread is then the text that is none.
	Score  *float64
	Unread string
	// Message, Severity and Title are "" where the row does not say. The latter two are common names: in
	// a row that is an event they are the event's.
	Message, Severity, Title string
	// MITRE are the techniques, else those of the detection.
	MITRE []Technique
}

// severities are the words that a row may grade itself by.
var severities = map[string]bool{"informational": true, "low": true, "medium": true, "high": true, "critical": true}

// Said reads what a row says of itself. A correlation adds up the scores of others under the same name:
// its rows do not score themselves.
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
