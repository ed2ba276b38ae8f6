package spl

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"tocsin/internal/diag"
)

// The diagnostic codes of a search.
const (
	// CodeSyntax: text that is not SPL.
	CodeSyntax = "spl/syntax"
	// CodeUnsupported: SPL that Tocsin cannot run: a command, a function, an option, or an undefined macro.
	CodeUnsupported = "spl/unsupported"
	// CodeMacro: an invalid macro call, or endless recursion of macros.
	CodeMacro = "spl/macro"
	// CodeValue: an invalid value, such as a pattern that does not compile.
	CodeValue = "spl/value"
	// CodeNoRows: a search whose first command does not generate rows.
	CodeNoRows = "spl/no-rows"
	// CodeUnknownTable: a lookup without rows.
	CodeUnknownTable = "spl/unknown-lookup"
)

// Macro is a named piece of search text.
type Macro struct {
	Name       string
	Args       []string
	Definition string
	// Eval reports that the definition is an expression whose result is the text.
	Eval bool
}

// Macros looks up macros. Splunk distinguishes macros with the same name by the number of their arguments.
type Macros interface {
	// Macro returns the macro with a name and number of arguments. If it does not exist, others has the numbers of
	// arguments of macros with that name.
	Macro(name string, args int) (m Macro, others []int, found bool)
}

// MacroEvaluator is implemented by Macros that can evaluate definitions that are expressions (iseval).
type MacroEvaluator interface {
	// EvalMacro returns the text that an expression without fields evaluates to.
	EvalMacro(expression string) (string, error)
}

// Source is the text of a search with its macros replaced.
type Source struct {
	// Text is the original text.
	Text diag.Text
	// Value is the expanded text, which is parsed.
	Value string

	runs []run
}

// run is the origin of the bytes of Value from at on, up to the next run.
type run struct {
	at       int
	origin   diag.Span
	verbatim bool
	macro    string
}

const (
	maxMacroDepth = 32
	maxExpanded   = 1 << 20
)

// Expand replaces the macros of a search with their definitions, and comments with a blank, except in double
// quotes. Only the first error is reported, and the source is then nil.
func Expand(text diag.Text, macros Macros) (*Source, diag.List) {
	if bad := invalidAt(text.Value); bad >= 0 {
		return nil, diag.List{text.Report(diag.Error, CodeSyntax, diag.Span{Start: bad, End: bad + 1}, "the search is not valid UTF-8")}
	}
	e := expander{text: text, macros: macros}
	e.expand(text.Value, nil, 0)
	if e.fault != nil {
		return nil, diag.List{*e.fault}
	}
	return &Source{Text: text, Value: e.out.String(), runs: e.runs}, nil
}

func invalidAt(s string) int {
	for i, r := range s {
		if _, size := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
			return i
		}
	}
	return -1
}

type expander struct {
	text   diag.Text
	macros Macros
	out    strings.Builder
	runs   []run
	fault  *diag.Diagnostic
}

// noBreak is the non-breaking space, which is common in text copied from web pages.
const noBreak = "\u00a0"

// expand appends s. within is the call of the outermost macro, nil for the original text.
func (e *expander) expand(s string, within *run, depth int) {
	start := 0
	quoted := false
	for i := 0; i < len(s) && e.fault == nil; {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i += 2
		case c == '"':
			quoted = !quoted
			i++
		case !quoted && strings.HasPrefix(s[i:], noBreak):
			// A non-breaking space counts as a blank.
			e.copy(s, start, i, within)
			e.copyText(" ", within, diag.Span{Start: i, End: i + len(noBreak)})
			i += len(noBreak)
			start = i
		case quoted || c != '`':
			i++
		case strings.HasPrefix(s[i:], "```"):
			e.copy(s, start, i, within)
			end := strings.Index(s[i+3:], "```")
			if end < 0 {
				e.fail(within, diag.Span{Start: i, End: i + 3}, CodeSyntax, "the comment does not end")
				return
			}
			e.copyText(" ", within, diag.Span{Start: i, End: i + end + 6})
			i += end + 6
			start = i
		default:
			e.copy(s, start, i, within)
			end := callEnd(s, i+1)
			if end < 0 {
				e.fail(within, diag.Span{Start: i, End: i + 1}, CodeSyntax, "the macro does not end: there is no second back quote")
				return
			}
			e.call(s[i+1:end], diag.Span{Start: i, End: end + 1}, within, depth)
			i = end + 1
			start = i
		}
	}
	e.copy(s, start, len(s), within)
}

// callEnd finds the back quote that ends a call, ignoring quotes in its arguments.
func callEnd(s string, from int) int {
	quoted := false
	for i := from; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '`' && !quoted:
			return i
		}
	}
	return -1
}

func (e *expander) copy(s string, from, to int, within *run) {
	if from >= to || e.fault != nil {
		return
	}
	r := run{at: e.out.Len(), origin: diag.Span{Start: from, End: to}, verbatim: true}
	if within != nil {
		r = *within
		r.at = e.out.Len()
	}
	e.append(s[from:to], r)
}

func (e *expander) copyText(s string, within *run, origin diag.Span) {
	r := run{at: e.out.Len(), origin: origin}
	if within != nil {
		r = *within
		r.at = e.out.Len()
	}
	e.append(s, r)
}

func (e *expander) append(s string, r run) {
	if e.out.Len()+len(s) > maxExpanded {
		e.fail(&r, r.origin, CodeMacro, "the search has more than %d bytes when its macros are replaced", maxExpanded)
		return
	}
	e.out.WriteString(s)
	e.runs = append(e.runs, r)
}

// call expands one call, which is the text between back quotes.
func (e *expander) call(call string, span diag.Span, within *run, depth int) {
	name, args, ok := parseCall(call)
	if !ok {
		e.fail(within, span, CodeSyntax, "`%s` is no call of a macro", call)
		return
	}
	m, others, found := e.macros.Macro(name, len(args))
	here := run{origin: span, macro: name}
	if within != nil {
		outer, _, _ := strings.Cut(within.macro, " > …")
		if depth > 2 {
			outer += " > …"
		}
		here.origin, here.macro = within.origin, outer+" > "+name
	}
	switch {
	case !found && len(others) > 0:
		e.fail(within, span, CodeMacro, "the macro %s takes %s, not %d", name, counts(others), len(args))
		return
	case !found:
		e.fail(within, span, CodeUnsupported, "the macro %s is not defined", name)
		return
	case depth >= maxMacroDepth:
		e.fail(within, span, CodeMacro, "macros are nested more than %d deep: does %s call itself?", maxMacroDepth, name)
		return
	}
	definition := m.Definition
	if len(m.Args) > 0 {
		var pairs []string
		for i, arg := range m.Args {
			pairs = append(pairs, "$"+arg+"$", args[i])
		}
		definition = strings.NewReplacer(pairs...).Replace(definition)
	}
	if m.Eval {
		evaluator, can := e.macros.(MacroEvaluator)
		if !can {
			e.fail(within, span, CodeUnsupported, "the macro %s is defined by an expression, which is not supported", name)
			return
		}
		text, err := evaluator.EvalMacro(definition)
		if err != nil {
			e.fail(within, span, CodeMacro, "the macro %s is defined by an expression that has no value: %v", name, err)
			return
		}
		definition = text
	}
	e.expand(definition, &here, depth+1)
}

func (e *expander) fail(within *run, span diag.Span, code, format string, args ...any) {
	if e.fault != nil {
		return
	}
	message := fmt.Sprintf(format, args...)
	if within != nil {
		span = within.origin
		if within.macro != "" {
			message += " (in the macro " + within.macro + ")"
		}
	}
	d := e.text.Report(diag.Error, code, span, "%s", message)
	e.fault = &d
}

func counts(n []int) string {
	sort.Ints(n)
	words := make([]string, len(n))
	for i, x := range n {
		words[i] = strconv.Itoa(x)
	}
	text := strings.Join(words, " or ")
	if text == "1" {
		return "1 argument"
	}
	return text + " arguments"
}

// parseCall splits name(a, "b, c") into its name and arguments.
func parseCall(call string) (name string, args []string, ok bool) {
	call = strings.TrimSpace(call)
	name, rest, hasArgs := strings.Cut(call, "(")
	name = strings.TrimSpace(name)
	if name == "" || strings.ContainsAny(name, " \t\n|\"") {
		return "", nil, false
	}
	if !hasArgs {
		return name, nil, true
	}
	if !strings.HasSuffix(rest, ")") {
		return "", nil, false
	}
	rest = rest[:len(rest)-1]
	if strings.TrimSpace(rest) == "" {
		return name, nil, true
	}
	depth, start, quoted := 0, 0, false
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			args = append(args, argument(rest[start:i]))
			start = i + 1
		}
	}
	return name, append(args, argument(rest[start:])), true
}

// argument returns the text of an argument without surrounding quotes.
func argument(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

// Report makes a diagnostic about a span of the expanded text, at its position in the original text. Text from a
// macro is reported at the call, and the message names the macro.
func (s *Source) Report(sev diag.Severity, code string, span diag.Span, format string, args ...any) diag.Diagnostic {
	first, last := s.origin(span.Start), s.origin(max(span.Start, span.End-1))
	message := fmt.Sprintf(format, args...)
	if first.macro != "" {
		message += " (in the macro " + first.macro + ")"
		return s.Text.Report(sev, code, first.origin, "%s", message)
	}
	start, end := first.origin.Start, last.origin.End
	if first.verbatim {
		start += span.Start - first.at
	}
	if last.verbatim {
		end = last.origin.Start + max(span.Start+1, span.End) - last.at
	}
	return s.Text.Report(sev, code, diag.Span{Start: start, End: max(start, end)}, "%s", message)
}

// origin returns the run of the byte at offset i.
func (s *Source) origin(i int) run {
	n := sort.Search(len(s.runs), func(j int) bool { return s.runs[j].at > i })
	if n == 0 {
		return run{origin: diag.Span{Start: i, End: i + 1}, verbatim: true, at: i}
	}
	return s.runs[n-1]
}
