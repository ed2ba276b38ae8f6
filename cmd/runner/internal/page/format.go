package page

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"tocsin/cmd/runner/internal/api"
)

// functions are what the templates call.
func (p *Page) functions() template.FuncMap {
	return template.FuncMap{
		"stamp": stampOf, "ago": func(t any) string { return relative(t, p.Now()) }, "iso": isoOf,
		"percent": percent, "seconds": seconds, "count": count, "legends": legends, "openCount": openCount, "number": number,
		"path": url.PathEscape, "has": slices.Contains[[]string], "short": short, "join": strings.Join,
		"stateText": func(s api.State) string { return stateTexts[s] }, "share": share, "sum": func(a, b int) int { return a + b },
		"entry": func(nav, path, text string) entry { return entry{path, text, nav == path} },
		"lines": func(list []string) string { return strings.Join(list, "\n") },
	}
}

// entry is an entry of the navigation.
type entry struct {
	Path, Text string
	Current    bool
}

// stateTexts say what the states of rules mean.
var stateTexts = map[api.State]string{
	api.Broken: "has errors and does not run", api.Failing: "the latest run failed", api.Outdated: "has errors now, and runs as before", api.Behind: "has open slots",
	api.Vacant: "no index matches", api.New: "has not run yet", api.OK: "runs", api.Correlated: "alerts through a correlation", api.Disabled: "is disabled",
}

// timeOf returns the time in a value of a template.
func timeOf(v any) time.Time {
	switch t := v.(type) {
	case time.Time:
		return t
	case *time.Time:
		if t != nil {
			return *t
		}
	}
	return time.Time{}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }
func clock(t time.Time) string { return t.UTC().Format("15:04") }

func stampOf(v any) string {
	if t := timeOf(v); !t.IsZero() {
		return stamp(t)
	}
	return "–"
}

func isoOf(v any) string { return timeOf(v).UTC().Format(time.RFC3339Nano) }

// relative says how long ago a time is, or in what time it will be.
func relative(v any, now time.Time) string {
	t := timeOf(v)
	switch d := now.Sub(t); {
	case t.IsZero():
		return ""
	case d < 0:
		return "in " + brief(-d)
	default:
		return brief(d) + " ago"
	}
}

// brief formats a duration with a precision that fits its length.
func brief(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d d", d/day)
	case d >= time.Hour:
		if m := d % time.Hour / time.Minute; m > 0 {
			return fmt.Sprintf("%d h %d min", d/time.Hour, m)
		}
		return fmt.Sprintf("%d h", d/time.Hour)
	case d >= time.Minute:
		if s := d % time.Minute / time.Second; s > 0 && d < 10*time.Minute {
			return fmt.Sprintf("%d min %d s", d/time.Minute, s)
		}
		return fmt.Sprintf("%d min", d/time.Minute)
	case d >= time.Second:
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return fmt.Sprintf("%d ms", d/time.Millisecond)
}

// seconds formats a number of seconds.
func seconds(s float64) string { return brief(time.Duration(s * float64(time.Second))) }

// percent formats a share in percent. Less than all is never shown as 100 %.
func percent(n, of int) string {
	if of == 0 {
		return "–"
	}
	p := whole * float64(n) / float64(of)
	if n < of {
		p = min(p, 99.9)
	}
	return strconv.FormatFloat(p, 'f', 1, 64) + " %"
}

// share formats a share of 1.
func share(s float64) string { return strconv.FormatFloat(whole*s, 'f', 2, 64) + " %" }

// number formats a number with its thousands apart.
func number(v any) string {
	text := fmt.Sprint(v)
	if f, ok := v.(float64); ok {
		text = strconv.FormatFloat(f, 'f', 1, 64)
	}
	digits, rest, _ := strings.Cut(text, ".")
	var out []byte
	for i, c := range []byte(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 && out[len(out)-1] != '-' {
			out = append(out, ',')
		}
		out = append(out, c)
	}
	if rest != "" {
		return string(out) + "." + rest
	}
	return string(out)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return number(n) + " " + what + "s"
}

// short shortens a text of rules or events.
func short(most int, text string) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}

// field is a field of a document with its values.
type field struct{ Name, Value string }

// The most fields and characters of a document that are shown; the API has all.
const (
	mostFields = 400
	mostValue  = 4000
)

// fieldsOf returns the fields of a document by name, those of objects with dotted names.
func fieldsOf(document map[string]any) []field {
	var out []field
	var add func(name string, v any)
	add = func(name string, v any) {
		if object, ok := v.(map[string]any); ok && len(object) > 0 {
			for key, below := range object {
				add(name+"."+key, below)
			}
			return
		}
		out = append(out, field{name, short(mostValue, textOf(v))})
	}
	for key, v := range document {
		add(key, v)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	if len(out) > mostFields {
		out = append(out[:mostFields], field{"…", fmt.Sprintf("%d more", len(out)-mostFields)})
	}
	return out
}

// textOf returns a value as people read it: a text as it is, other values as JSON.
func textOf(v any) string {
	switch t := v.(type) {
	case string:
		return t
	case []any:
		texts := make([]string, len(t))
		for i, one := range t {
			if _, ok := one.(map[string]any); ok {
				return encoded(v)
			}
			texts[i] = textOf(one)
		}
		return strings.Join(texts, ", ")
	}
	return encoded(v)
}

func encoded(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}
