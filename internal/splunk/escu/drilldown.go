package escu

import (
	"net/url"
	"strconv"
	"strings"

	"tocsin/internal/splunk"
)

// Drilldown is a search that an analyst begins with. Tokens of the row stand between dollar signs, and
// the detection's own search between percent signs.
type Drilldown struct {
	Name, Search     string
	Earliest, Latest string
}

// DrilldownsOf returns the drilldowns of a row, ready to be run: tokens are replaced.
func (d *Detection) DrilldownsOf(row splunk.Row, w splunk.Window) []ReadyDrilldown {
	out := make([]ReadyDrilldown, 0, len(d.Drilldowns))
	for _, x := range d.Drilldowns {
		parts := strings.Split(x.Search, originalSearch)
		for i := range parts { // what stands between dollar signs in the detection's search is its own
			parts[i] = fill(parts[i], row, w, true)
		}
		r := ReadyDrilldown{
			Name:     fill(x.Name, row, w, false),
			Search:   strings.TrimSpace(strings.Join(parts, d.Search.Value)),
			Earliest: fill(x.Earliest, row, w, false), Latest: fill(x.Latest, row, w, false),
		}
		q := url.Values{"q": {asSearch(r.Search)}}
		if r.Earliest != "" {
			q.Set("earliest", r.Earliest)
		}
		if r.Latest != "" {
			q.Set("latest", r.Latest)
		}
		r.Link = searchPage + "?" + q.Encode()
		out = append(out, r)
	}
	return out
}

// ReadyDrilldown is a drilldown of one row.
type ReadyDrilldown struct {
	Name, Search     string
	Earliest, Latest string
	// Link is the page of Splunk's that runs it, below the address of a Splunk.
	Link string
}

const (
	originalSearch = "%original_detection_search%"
	searchPage     = "/app/search/search"
)

// asSearch begins a search as the page of Splunk's wants it: with a command.
func asSearch(s string) string {
	if strings.HasPrefix(s, "|") || strings.HasPrefix(s, "search ") {
		return s
	}
	return "search " + s
}

// fill replaces the tokens of a text. A value in a search stands between quotes there, or is one word:
// what would end either is escaped, so that a value of an event stays a value. Of several values a
// list of IN takes all, any other place the first.
func fill(text string, row splunk.Row, w splunk.Window, search bool) string {
	var b strings.Builder
	for {
		start := strings.IndexByte(text, '$')
		if start < 0 {
			break
		}
		length := strings.IndexByte(text[start+1:], '$')
		if length < 0 {
			break
		}
		token := text[start+1 : start+1+length]
		name, filter, _ := strings.Cut(token, "|")
		value, known := tokenOf(name, row, w)
		if !known || strings.ContainsAny(token, " \n\t\"") {
			b.WriteString(text[:start+1])
			text = text[start+1:]
			continue
		}
		before, after := text[:start], text[start+length+2:]
		b.WriteString(before)
		switch quoted := strings.HasSuffix(before, `"`) && strings.HasPrefix(after, `"`); {
		case !search:
			b.WriteString(strings.Join(value, ", "))
		case quoted && filter == "":
			for i, v := range value {
				value[i] = escapeQuoted(v)
			}
			if inList(before) {
				b.WriteString(strings.Join(value, `", "`))
			} else {
				b.WriteString(value[0])
			}
		default:
			for i, v := range value {
				if filter == "s" || !isWord(v) {
					v = `"` + escapeQuoted(v) + `"`
				}
				value[i] = v
			}
			if inList(before) {
				b.WriteString(strings.Join(value, ", "))
			} else {
				b.WriteString(value[0])
			}
		}
		text = after
	}
	b.WriteString(text)
	return b.String()
}

// tokenOf is the values of a token; a search's own name in dollar signs that the row lacks stays.
func tokenOf(name string, row splunk.Row, w splunk.Window) ([]string, bool) {
	switch name {
	case "info_min_time":
		return []string{seconds(splunk.Epoch(w.Earliest))}, true
	case "info_max_time":
		return []string{seconds(splunk.Epoch(w.Latest))}, true
	}
	var out []string
	for _, v := range row.Get(name).Each() {
		out = append(out, v.String())
	}
	return out, len(out) > 0
}

func seconds(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// inList reports whether a text ends within the parentheses of an IN.
func inList(before string) bool {
	open := strings.LastIndexByte(before, '(')
	return open > strings.LastIndexByte(before, ')') && strings.HasSuffix(strings.ToUpper(strings.TrimSpace(before[:open])), "IN")
}

func escapeQuoted(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}

const wordRunes = "_-.:0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// isWord reports whether a value can stand in a search without quotes.
func isWord(s string) bool {
	return s != "" && strings.Trim(s, wordRunes) == "" && s != "OR" && s != "AND" && s != "NOT"
}
