package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"tocsin/cmd/runner/internal/logs"
	"tocsin/internal/diag"
	"tocsin/internal/run/pipeline"
)

// digest keeps a thousand rules from logging a thousand times the same: of the problems of one kind, the first is logged
// as it is, the others at debug level, and tell sums them up. The zero value is empty.
type digest struct {
	mu    sync.Mutex
	kinds map[string]*problems
	order []*problems
}

// problems are those of one kind.
type problems struct {
	message, key, kind string
	level              slog.Level
	n                  int
	// rules and patterns are in the order in which they came.
	rules, patterns names
}

// names are different names in the order in which they came.
type names struct {
	list []string
	seen map[string]bool
}

func (n *names) add(name string) {
	if name == "" || n.seen[name] {
		return
	}
	if n.seen == nil {
		n.seen = map[string]bool{}
	}
	n.seen[name] = true
	n.list = append(n.list, name)
}

// level returns the level at which a problem is logged: its own if it is the first of its kind, else debug.
func (d *digest) level(own slog.Level, message, key, kind, rule, pattern string) slog.Level {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kinds == nil {
		d.kinds = map[string]*problems{}
	}
	id := message + "\x00" + kind
	p, known := d.kinds[id]
	if !known {
		p = &problems{message: message, key: key, kind: kind, level: own}
		d.kinds[id] = p
		d.order = append(d.order, p)
	}
	p.n++
	p.rules.add(rule)
	p.patterns.add(pattern)
	if known {
		return slog.LevelDebug
	}
	return own
}

// warning is level for a warning of an execution.
func (d *digest) warning(rule, text string) slog.Level {
	return d.level(slog.LevelWarn, "execution warnings of one kind", "kind", kindOf(text), rule, "")
}

// pattern is level for a pattern that no index matches.
func (d *digest) pattern(rule, pattern string) slog.Level {
	return d.level(slog.LevelWarn, "no open index matches index patterns of rules", "", "", rule, pattern)
}

// failure is level for an execution that did not succeed.
func (d *digest) failure(x pipeline.Execution) slog.Level {
	return d.level(slog.LevelError, "executions failed alike", "error", x.Problem(), x.RuleID, "")
}

// shownNames is how many rules or patterns a summary names.
const shownNames = 10

// tell logs a line for each kind of which there was more than one problem, and forgets them.
func (d *digest) tell(ctx context.Context, log *slog.Logger) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.order {
		if p.n < 2 {
			continue
		}
		attributes := []slog.Attr{slog.Int("count", p.n)}
		if n := len(p.patterns.list); n > 0 {
			attributes = append(attributes, slog.Int("patterns", n), slog.String("pattern", p.patterns.some()))
		}
		attributes = append(attributes, slog.Int("rules", len(p.rules.list)), slog.String("rule_id", p.rules.some()))
		if p.key != "" {
			attributes = append(attributes, slog.String(p.key, p.kind))
		}
		log.LogAttrs(ctx, p.level, p.message, attributes...) //nolint:sloglint // the methods above name the messages
	}
	d.kinds, d.order = nil, nil
}

// some returns the first names as a text.
func (n *names) some() string {
	text := strings.Join(n.list[:min(len(n.list), shownNames)], logs.Separator)
	if len(n.list) > shownNames {
		text += logs.Separator + "…"
	}
	return text
}

var (
	// code is the code of a diagnostic, at its end.
	code = regexp.MustCompile(` \[([a-z]+/[a-z0-9-]+)\]$`)
	// particular are the parts of a warning that differ between rules and events: what is in brackets or quotes, ids of
	// documents, and numbers.
	particular = regexp.MustCompile(`\[[^\]]*\]|"(?:[^"\\]|\\.)*"|\b[0-9a-f]{16,}\b|\d+`)
)

// kindOf returns what warnings about different rules, fields and numbers have in common: the code of a diagnostic, else
// the text without its particulars.
func kindOf(warning string) string {
	if m := code.FindStringSubmatch(warning); m != nil {
		return m[1]
	}
	if pipeline.OfPatterns(warning) {
		before, _, _ := strings.Cut(warning, "matches")
		return before + "matches …"
	}
	return particular.ReplaceAllString(warning, "…")
}

// showBriefly writes diagnostics to standard error: errors in full, and of other diagnostics with the same code the first
// few and the number of the rest.
func (a *app) showBriefly(all diag.List) error {
	counts := map[string]int{}
	for _, d := range all {
		if d.Severity != diag.Error {
			counts[d.Code]++
		}
	}
	var shown diag.List
	told := map[string]int{}
	for _, d := range all {
		if d.Severity != diag.Error && counts[d.Code] > shownAlike {
			if told[d.Code]++; told[d.Code] > 1 {
				continue
			}
		}
		shown = append(shown, d)
	}
	if err := a.show(shown); err != nil {
		return err
	}
	for _, code := range slices.Sorted(maps.Keys(told)) {
		if _, err := fmt.Fprintf(a.err, "… and %d more [%s]: runner check shows them\n", told[code]-1, code); err != nil {
			return wrapWrite(err)
		}
	}
	return nil
}

// shownAlike is how many warnings with the same code are shown in full.
const shownAlike = 3
