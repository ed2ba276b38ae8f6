package alert

import (
	"slices"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/mapping"
)

// originalEvent are the event.* fields kept as kibana.alert.original_event.*; the many-valued ones
// stay lists.
var originalEvent = []string{
	"action", "agent_id_status", "category", "code", "created", "dataset", "duration", "end", "hash", "id", "ingested",
	"kind", "module", "original", "outcome", "provider", "reason", "reference", "risk_score", "risk_score_norm",
	"sequence", "severity", "start", "timezone", "type", "url",
}

// maxOriginal is the longest event.original kept, in bytes: Lucene's limit on a term.
const maxOriginal = 32766

// addOriginal keeps what the alert's own fields hide: the event's time, event.* and data stream.
func addOriginal(out, source map[string]any) {
	if t := eventTime(source); t != "" {
		out["kibana.alert.original_time"] = t
	}
	for _, name := range originalEvent {
		values := slices.DeleteFunc(event.Lookup(source, "event."+name), func(v any) bool { return v == nil })
		if len(values) == 0 {
			continue
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
	for _, name := range []string{"dataset", "namespace", "type"} {
		if value := event.First(source, "data_stream."+name); value != "" {
			out["kibana.alert.original_data_stream."+name] = value
		}
	}
}

// eventTime is the event's @timestamp in canonical form, "" when it has none that can be read.
func eventTime(source map[string]any) string {
	text := event.First(source, "@timestamp")
	t, _, err := mapping.ParseDate(text, "")
	if text == "" || err != nil {
		return ""
	}
	return timestamp(t)
}

// reason is one sentence that says what happened, from the fields that are there.
func reason(v verdict, source map[string]any) string {
	var b strings.Builder
	category := event.First(source, "event.category")
	if category != "" {
		b.WriteString(category + " ")
	}
	b.WriteString("event")
	separator := " with "
	for _, part := range []struct{ label, text string }{
		{"process ", event.First(source, "process.name")},
		{"parent process ", event.First(source, "process.parent.name")},
		{"file ", event.First(source, "file.name")},
		{"source ", endpoint(source, "source")},
		{"destination ", endpoint(source, "destination")},
	} {
		if part.text != "" {
			b.WriteString(separator + part.label + part.text)
			separator = ", "
		}
	}
	if user := event.First(source, "user.name"); user != "" {
		if separator == ", " {
			b.WriteString(",")
		}
		b.WriteString(" by " + user)
	}
	if host := event.First(source, "host.name"); host != "" {
		b.WriteString(" on " + host)
	}
	b.WriteString(" created " + string(v.severity) + " alert " + v.name + ".")
	return b.String()
}

// endpoint joins the address and port of one side of a connection.
func endpoint(source map[string]any, side string) string {
	address, port := event.First(source, side+".ip"), event.First(source, side+".port")
	switch {
	case port == "" || address == "":
		return address
	case strings.Contains(address, ":"):
		return "[" + address + "]:" + port
	}
	return address + ":" + port
}
