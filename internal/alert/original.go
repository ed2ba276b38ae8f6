package alert

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/match/event"
	"tocsin/internal/rule"
)

// originalEvent lists the event.* fields kept as kibana.alert.original_event.*; multi-valued ones
// stay lists.
var originalEvent = []string{
	"action", "agent_id_status", "category", "code", "created", "dataset", "duration", "end", "hash", "id", "ingested",
	"kind", "module", "original", "outcome", "provider", "reason", "reference", "risk_score", "risk_score_norm",
	"sequence", "severity", "start", "timezone", "type", "url",
}

// maxOriginal is the maximum length of event.original, in bytes: Lucene's limit for a term.
const maxOriginal = 32766

// addOriginal keeps the values that the alert's own fields replace: the event's time, event.* and
// data stream.
func addOriginal(out map[string]any, e *reading) {
	source := e.source
	if t := e.time(rule.EventTime); !t.IsZero() {
		out["kibana.alert.original_time"] = timestamp(t)
	}
	for _, name := range originalEvent {
		values := slices.DeleteFunc(event.Lookup(source, "event."+name), func(v any) bool { return v == nil })
		if len(values) == 0 {
			continue
		}
		if slices.Contains(rule.Originals, "event."+name) {
			if times := dates(e, "event."+name, values); times != nil {
				values = times
			}
		}
		key := "kibana.alert.original_event." + name
		switch text, isText := values[0].(string); {
		case name == "original" && isText && len(text) > maxOriginal:
			out[key] = strings.ToValidUTF8(text[:maxOriginal], "")
		case len(values) == 1 && name != "category" && name != "type":
			out[key] = values[0]
		default:
			out[key] = values
		}
	}
	for _, name := range rule.Streams {
		if value := e.text(name); value != "" {
			out["kibana.alert.original_"+name] = value
		}
	}
}

// dates returns the times of a field, if the mapping gives others than the source as written.
func dates(e *reading, name string, asWritten []any) []any {
	var times []any
	differs := false
	for i, v := range e.values(name) {
		if v.time.IsZero() {
			return nil
		}
		times = append(times, timestamp(v.time))
		if i < len(asWritten) {
			plainly, ok := untyped(asWritten[i])
			differs = differs || !ok || !plainly.time.Equal(v.time)
		}
	}
	if !differs || len(times) != len(asWritten) {
		return nil
	}
	return times
}

// reason returns one sentence about what happened, from the fields that exist.
func reason(v verdict, e *reading) string {
	var b strings.Builder
	if v.row {
		return "row" + columns(e.source) + " created " + string(v.severity) + " alert " + v.name + "."
	}
	category := e.text("event.category")
	if category != "" {
		b.WriteString(category + " ")
	}
	b.WriteString("event")
	separator := " with "
	for _, part := range []struct{ label, text string }{
		{"process ", e.text("process.name")},
		{"parent process ", e.text("process.parent.name")},
		{"file ", e.text("file.name")},
		{"source ", endpoint(e, "source")},
		{"destination ", endpoint(e, "destination")},
	} {
		if part.text != "" {
			b.WriteString(separator + part.label + part.text)
			separator = ", "
		}
	}
	if user := e.text("user.name"); user != "" {
		if separator == ", " {
			b.WriteString(",")
		}
		b.WriteString(" by " + user)
	}
	if host := e.text("host.name"); host != "" {
		b.WriteString(" on " + host)
	}
	b.WriteString(" created " + string(v.severity) + " alert " + v.name + ".")
	return b.String()
}

// The columns of a row that its reason names, and the characters of each value.
const (
	namedColumns = 8
	namedValue   = 60
)

// columns names the columns of a row with their values.
func columns(source map[string]any) string {
	var parts []string
	var add func(prefix string, v any)
	add = func(name string, v any) {
		if object, ok := v.(map[string]any); ok {
			for _, key := range slices.Sorted(maps.Keys(object)) {
				add(strings.TrimPrefix(name+"."+key, "."), object[key])
			}
			return
		}
		list, several := v.([]any)
		if !several {
			list = []any{v}
		}
		texts := make([]string, len(list))
		for i, one := range list {
			texts[i] = fmt.Sprint(one)
		}
		text := []rune(strings.Join(texts, "; "))
		if len(text) > namedValue {
			text = append(text[:namedValue-1], '…')
		}
		if v != nil && len(text) > 0 {
			parts = append(parts, name+" "+string(text))
		}
	}
	add("", source)
	if len(parts) == 0 {
		return ""
	}
	if len(parts) > namedColumns {
		parts = append(parts[:namedColumns], "…")
	}
	return " with " + strings.Join(parts, ", ")
}

// endpoint joins the address and port of one side of a connection.
func endpoint(e *reading, side string) string {
	address, port := e.text(side+".ip"), e.text(side+".port")
	switch {
	case port == "" || address == "":
		return address
	case strings.Contains(address, ":"):
		return "[" + address + "]:" + port
	}
	return address + ":" + port
}
