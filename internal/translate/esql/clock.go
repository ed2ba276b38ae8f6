package esql

import (
	"regexp"
	"strings"

	"tocsin/internal/diag"
)

// CodeClock marks a text that Elasticsearch evaluates by its own clock, whichever slot the query
// runs for.
const CodeClock = "esql/clock"

// fullText are the functions that parse dates in a text as a search does.
var fullText = map[string]bool{"KQL": true, "QSTR": true, "MATCH": true, "MATCH_PHRASE": true, "MULTI_MATCH": true}

// nowWithin finds date math on now in a text.
var nowWithin = regexp.MustCompile(`(?:^|[^\pL\d_.])now(?:$|[-+]\d*[smhHdwMy]|\\?/[smhHdwMy])`)

// clocks warns of times that do not follow the slot: date math in the texts of full-text functions,
// and TRANGE.
func (p *parser) clocks(tokens []token) {
	var calls []bool // for each open bracket, whether it belongs to a full-text function
	for i, t := range tokens {
		within := len(calls) > 0 && calls[len(calls)-1]
		switch {
		case t.kind == open:
			calls = append(calls, within || i > 0 && tokens[i-1].kind == word && fullText[strings.ToUpper(tokens[i-1].text)])
		case t.kind == closed && len(calls) > 0:
			calls = calls[:len(calls)-1]
		case t.kind == text && (within || i > 0 && tokens[i-1].mark(":")) && nowWithin.MatchString(t.text):
			p.report(diag.Warning, CodeClock, t.span, "Elasticsearch resolves now in a text by its own clock, not for the slot of the run: compare the field with NOW() instead")
		case t.is("TRANGE"):
			p.report(diag.Warning, CodeClock, t.span, "Elasticsearch counts TRANGE from its own clock, not from the slot of the run: compare @timestamp with NOW() instead")
		}
	}
}
