package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"tocsin/internal/diag"
	"tocsin/internal/run/reach"
)

const (
	// topCauses is the number of causes of a kind in a summary.
	topCauses = 3
	// usualWidth is the width of a line where it is unknown.
	usualWidth = 120
)

// writeVerdict shows a rule with its causes: those of a kind, or all.
func (r Result) writeVerdict(b *strings.Builder, kind reach.Kind) {
	place := r.Path
	if r.Line > 0 {
		place = fmt.Sprintf("%s:%d", r.Path, r.Line)
	}
	fmt.Fprintf(b, "%s: %s (%s)\n", diag.Shown(place), diag.Shown(r.title()), diag.Shown(r.RuleID))
	if r.Live == nil {
		fmt.Fprintf(b, "  %s\n", r.Status)
		return
	}
	if r.Live.CanMatch && kind == "" {
		b.WriteString("  can match here\n")
	}
	for _, part := range []struct {
		head   string
		causes []reach.Cause
	}{{"can never match here", r.Live.Causes}, {"a part is missing", r.Live.Partly}, {"nothing to match now", r.Live.Silent}} {
		for _, c := range part.causes {
			if kind != "" && c.Kind != kind {
				continue
			}
			of := ""
			if c.Of != "" {
				of = c.Of + ": "
			}
			fmt.Fprintf(b, "  %s: %s%s [%s]\n", part.head, diag.Shown(of), diag.Shown(c.Text), c.Kind)
		}
	}
}

// group is a kind of causes, with the number of rules that have one and of those with each.
type group struct {
	kind   reach.Kind
	rules  int
	causes map[string]int
}

// grouped counts rules by their causes.
func (r *Report) grouped(causes func(*reach.Verdict) []reach.Cause) []group {
	by := map[reach.Kind]*group{}
	for _, result := range r.Results {
		if result.Live == nil {
			continue
		}
		seen := map[reach.Cause]bool{}
		for _, c := range causes(result.Live) {
			g := by[c.Kind]
			if g == nil {
				g = &group{kind: c.Kind, causes: map[string]int{}}
				by[c.Kind] = g
			}
			if !seen[reach.Cause{Kind: c.Kind}] {
				g.rules++
			}
			if one := (reach.Cause{Kind: c.Kind, What: c.What + "\x00"}); !seen[one] {
				g.causes[c.What]++
				seen[one] = true
			}
			seen[reach.Cause{Kind: c.Kind}] = true
		}
	}
	var out []group
	for _, g := range by {
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b group) int {
		return cmp.Or(cmp.Compare(b.rules, a.rules), cmp.Compare(slices.Index(reach.Kinds, a.kind), slices.Index(reach.Kinds, b.kind)))
	})
	return out
}

// top returns the causes that most rules have, and the number of others.
func (g *group) top() (names []string, others int) {
	names = slices.Collect(maps.Keys(g.causes))
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(g.causes[b], g.causes[a]), strings.Compare(a, b)) })
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	if len(names) > topCauses+1 { // one more line instead of "1 other"
		return names[:topCauses], len(names) - topCauses
	}
	return names, 0
}

// kindWords says of a cause, after which stands what it is about.
var kindWords = map[reach.Kind]string{
	reach.NoIndex: "no index matches", reach.Closed: "closed:", reach.Privileges: "not allowed to read", reach.Unread: "not readable:",
	reach.Missing: "no index has", reach.Type: "impossible by type:", reach.Refused: "refused:", reach.Contradiction: "contradiction",
	reach.Shortened: "long values are left out of", reach.Silent: "no event has",
}

func (r *Report) liveSummary(b *strings.Builder, o LiveOptions) error {
	width := cmp.Or(o.Width, usualWidth)
	var shown strings.Builder
	if err := r.writeText(&shown); err != nil {
		return err
	}
	if o.All || strings.Count(shown.String(), "\n") <= fewLines {
		b.WriteString(shown.String())
	} else {
		r.writeErrors(b, width)
		_ = r.writeCounts(b) // a builder does not fail
	}
	var can, partly, never, silent int
	for _, result := range r.Results {
		v := result.Live
		switch {
		case v == nil:
			continue
		case !v.CanMatch:
			never++
			continue
		case len(v.Partly) > 0:
			partly++
		default:
			can++
		}
		if len(v.Silent) > 0 {
			silent++
		}
	}
	fmt.Fprintf(b, "Here, %s can match, %s with a part missing, and %s never match.\n", count(can, "rule"), count(partly, "rule"), counted(never))
	section := func(title string, n int, causes func(*reach.Verdict) []reach.Cause) {
		groups := r.grouped(causes)
		if n == 0 || len(groups) == 0 {
			return
		}
		fmt.Fprintf(b, "%s: %s\n", title, count(n, "rule"))
		for i := range groups {
			groups[i].write(b, width)
		}
	}
	section("Can never match", never, func(v *reach.Verdict) []reach.Cause { return v.Causes })
	section("With a part missing", partly, func(v *reach.Verdict) []reach.Cause { return v.Partly })
	within := ""
	if r.Here != nil {
		within = r.Here.Within
	}
	section("No event"+within+" has a field that the rule needs", silent, func(v *reach.Verdict) []reach.Cause { return v.Silent })
	if r.Here != nil && r.Here.Unseen != "" {
		fmt.Fprintf(b, "The fields of some events are not known: %s\n", clipped(r.Here.Unseen, width))
	}
	if never+partly+silent > 0 && !o.All {
		b.WriteString("Rule by rule: --details, --details=KIND (a word at the left), --rule ID.\n")
	}
	return nil
}

func counted(n int) string {
	if n == 1 {
		return "1 rule can"
	}
	return fmt.Sprintf("%d rules can", n)
}

// write shows a kind with its most frequent causes, on one line each.
func (g *group) write(b *strings.Builder, width int) {
	names, others := g.top()
	fmt.Fprintf(b, "  %-13s %s\n", g.kind, count(g.rules, "rule"))
	for _, name := range names {
		line := fmt.Sprintf("    %5d  %s %s", g.causes[name], kindWords[g.kind], diag.Shown(name))
		b.WriteString(clipped(line, width) + "\n")
	}
	if others > 0 {
		fmt.Fprintf(b, "           and %s\n", count(others, "other"))
	}
}

// clipped shortens a line to a width.
func clipped(text string, width int) string {
	text = strings.ReplaceAll(text, "\n", " ")
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}

// maxErrors is the number of errors in a summary.
const maxErrors = 3

// writeErrors shows the first errors, each on a line, and counts by code the warnings that are not about mappings.
func (r *Report) writeErrors(b *strings.Builder, width int) {
	all := slices.Clone(r.Diagnostics)
	for _, result := range r.Results {
		all = append(all, result.Diagnostics...)
	}
	errs, codes := 0, map[string]int{}
	for _, d := range all {
		switch d.Severity {
		case diag.Error:
			if errs++; errs <= maxErrors {
				b.WriteString(clipped(diag.Shown(d.Error()), width) + "\n")
			}
		case diag.Warning:
			if d.Field == "" && !strings.HasPrefix(d.Code, "check/") { // the others are in the summary
				codes[d.Code]++
			}
		case diag.Note:
		}
	}
	if errs > maxErrors {
		fmt.Fprintf(b, "%s more: --details=%s\n", count(errs-maxErrors, "error"), invalidKind)
	}
	if len(codes) == 0 {
		return
	}
	names := slices.Collect(maps.Keys(codes))
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(codes[b], codes[a]), strings.Compare(a, b)) })
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%s %d", name, codes[name]))
	}
	b.WriteString(clipped("warnings (--details=warning): "+strings.Join(parts, ", "), width) + "\n")
}
