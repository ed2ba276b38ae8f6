// Package logs is what every line of the log has in common: beside the id of a rule its name, and no credentials.
//
// The flow: the command wraps the handler of its log with [Handler], and tells [Names] of the rules whenever it loads some. Nothing
// that logs needs to know names: a line with the attribute rule_id gets rule_name.
package logs

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"unicode"
)

// Names holds the names of rules by id. The zero value knows none. It is safe for concurrent use.
type Names struct{ known atomic.Pointer[generations] }

// generations are the names of the rules that were loaded last, and of those before: executions of rules that a reload has removed
// still end.
type generations struct{ now, before map[string]string }

// Set replaces the names. Those that it replaces are known until the next call.
func (n *Names) Set(now map[string]string) {
	next := &generations{now: now}
	if was := n.known.Load(); was != nil {
		next.before = was.now
	}
	n.known.Store(next)
}

// Of returns the name of a rule; "" if it is not known.
func (n *Names) Of(id string) string {
	g := n.known.Load()
	if g == nil {
		return ""
	}
	if name, ok := g.now[id]; ok {
		return name
	}
	return g.before[id]
}

// Separator stands between the ids of an attribute with several.
const Separator = ", "

// named are the attributes with ids of rules, and those with their names. The subject of a state may be a rule.
var named = map[string]string{"rule_id": "rule_name", "rule_ids": "rule_names", "subject": "rule_name"}

// beside returns the attribute with the names for one with ids; ok is false if it has no id with a name.
func (n *Names) beside(a slog.Attr) (names slog.Attr, ok bool) {
	key, is := named[a.Key]
	if !is || a.Value.Kind() != slog.KindString {
		return slog.Attr{}, false
	}
	text := a.Value.String()
	if name := n.Of(text); name != "" {
		return slog.String(key, name), true
	}
	parts := strings.Split(text, Separator)
	for i, id := range parts {
		if name := n.Of(id); name != "" {
			parts[i], ok = name, true
		}
	}
	return slog.String(key, strings.Join(parts, Separator)), ok
}

// Handler returns a handler that passes records on with the names of their rules, and without credentials in URLs.
func Handler(next slog.Handler, names *Names) slog.Handler { return handler{next, names} }

type handler struct {
	next  slog.Handler
	names *Names
}

// Enabled implements [slog.Handler].
func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, Blank(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(h.with(a)...)
		return true
	})
	return h.next.Handle(ctx, out) //nolint:wrapcheck // it is the handler's own
}

// WithAttrs implements [slog.Handler].
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var all []slog.Attr
	for _, a := range attrs {
		all = append(all, h.with(a)...)
	}
	return handler{h.next.WithAttrs(all), h.names}
}

// WithGroup implements [slog.Handler].
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.next.WithGroup(name), h.names}
}

// with returns what an attribute becomes.
func (h handler) with(a slog.Attr) []slog.Attr {
	out := []slog.Attr{blanked(a)}
	if names, ok := h.names.beside(a); ok {
		out = append(out, names)
	}
	return out
}

// blanked returns an attribute without credentials: of errors and other values that are written as a text, in that text.
func blanked(a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	switch a.Value.Kind() {
	case slog.KindString:
		if text := a.Value.String(); strings.Contains(text, "://") {
			a.Value = slog.StringValue(Blank(text))
		}
	case slog.KindGroup:
		group := a.Value.Group()
		all := make([]slog.Attr, len(group))
		for i, one := range group {
			all[i] = blanked(one)
		}
		a.Value = slog.GroupValue(all...)
	case slog.KindAny:
		var text string
		switch v := a.Value.Any().(type) {
		case error:
			text = v.Error()
		case fmt.Stringer:
			text = v.String()
		default:
			text = fmt.Sprint(v)
		}
		if strings.Contains(text, "://") {
			a.Value = slog.StringValue(Blank(text))
		}
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64, slog.KindLogValuer:
	}
	return a
}

// Blank returns a text without the credentials of URLs in it: what stands between :// and the last @ of the same URL. A password need
// not be escaped as it should be, so anything but white space belongs to a URL, up to the next one.
func Blank(text string) string {
	const scheme = "://"
	var out strings.Builder
	for {
		i := strings.Index(text, scheme)
		if i < 0 {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(text[:i+len(scheme)])
		text = text[i+len(scheme):]
		end := len(text)
		if space := strings.IndexFunc(text, unicode.IsSpace); space >= 0 {
			end = space
		}
		if next := strings.Index(text[:end], scheme); next >= 0 {
			end = next
		}
		if at := strings.LastIndexByte(text[:end], '@'); at >= 0 {
			out.WriteString("[redacted]")
			text = text[at:]
		}
	}
}
