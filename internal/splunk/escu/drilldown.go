package escu

import (
	"net/url"
	"strconv"
	"strings"

	"tocsin/internal/splunk"
)

// Drilldown is a search for an analyst to start with. $field$ stands for a value of the row, and
// %original_detection_search% for the search of the detection.
type Drilldown struct {
	Name, Search     string
	Earliest, Latest string
}

// DrilldownsOf returns the drilldowns of a row, with all tokens replaced.
func (d *Detection) DrilldownsOf(row splunk.Row, w splunk.Window) []ReadyDrilldown {
	out := make([]ReadyDrilldown, 0, len(d.Drilldowns))
	for _, x := range d.Drilldowns {
		parts := strings.Split(x.Search, originalSearch)
		for i := range parts { // text between dollar signs in the detection's search is not a token
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
	// Link is the URL path of the search in Splunk, relative to the address of a Splunk server.
	Link string
}

const (
	originalSearch = "%original_detection_search%"
	searchPage     = "/app/search/search"
)

// asSearch returns a search in the form of Splunk's search page, which starts with a command.
func asSearch(s string) string {
	if strings.HasPrefix(s, "|") || strings.HasPrefix(s, "search ") {
		return s
	}
	return "search " + s
}

// fill replaces the tokens of a text. In a search, a value is within quotes or is a single word: characters that
// would end it are escaped, so that data cannot become syntax. A list of IN gets all values, any other place the
// first.
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

// tokenOf returns the values of a token. A dollar-quoted name in the search that the row lacks is not changed.
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

// inList reports whether a text ends inside the parentheses of an IN.
func inList(before string) bool {
	open := strings.LastIndexByte(before, '(')
	return open > strings.LastIndexByte(before, ')') && strings.HasSuffix(strings.ToUpper(strings.TrimSpace(before[:open])), "IN")
}

func escapeQuoted(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}

const wordRunes = "_-.:0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// isWord reports whether a value needs no quotes in a search.
func isWord(s string) bool {
	return s != "" && strings.Trim(s, wordRunes) == "" && s != "OR" && s != "AND" && s != "NOT"
}
