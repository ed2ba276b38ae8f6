package esql

import (
	"maps"
	"slices"
	"strings"

	"tocsin/internal/diag"
)

// sources are the commands that a query begins with.
var sources = map[string]bool{
	"FROM": true, "TS": true, "ROW": true, "SHOW": true, "METRICS": true, "PROMQL": true, "EXPLAIN": true,
}

// commands are the commands after a pipe, with their effect on rows.
var commands = map[string]effect{
	"WHERE": perRow, "EVAL": perRow, "KEEP": perRow, "DROP": perRow, "RENAME": perRow, "GROK": perRow,
	"DISSECT": perRow, "SORT": perRow, "ENRICH": perRow, "URI_PARTS": perRow, "REGISTERED_DOMAIN": perRow,
	"USER_AGENT": perRow, "MV_EXPAND": multiplies, "LOOKUP JOIN": multiplies, "JOIN": multiplies,
	"LEFT JOIN": multiplies, "RIGHT JOIN": multiplies, "INNER JOIN": multiplies,
	"INLINE STATS": wholeTable, "INLINESTATS": wholeTable, "LIMIT": wholeTable, "SAMPLE": wholeTable, "CHANGE_POINT": wholeTable,
	"COMPLETION": wholeTable, "RERANK": wholeTable, "FUSE": wholeTable, "MMR": wholeTable,
	"STATS": aggregates, "METRICS_INFO": aggregates, "TS_INFO": aggregates,
	"FORK": unclear,
}

// bare are commands without arguments.
var bare = map[string]bool{"FUSE": true, "METRICS_INFO": true, "TS_INFO": true}

// pairs are commands of two words, by the first word.
var pairs = map[string][]string{
	"INLINE": {"STATS"}, "LOOKUP": {"JOIN"}, "LEFT": {"JOIN"}, "RIGHT": {"JOIN"}, "INNER": {"JOIN"},
}

// Parse parses a query. It is nil when a diagnostic is an error; warnings are for what
// Elasticsearch may reject or the runner cannot judge.
func Parse(text diag.Text) (*Query, diag.List) {
	tokens, diags := lex(text)
	if diags.HasErrors() {
		return nil, diags
	}
	p := &parser{text: text, query: &Query{text: text, tokens: tokens}}
	p.cut(tokens)
	if p.diags.HasErrors() {
		return nil, p.diags
	}
	p.judge()
	p.query.now = nowCalls(tokens)
	p.clocks(tokens)
	return p.query, p.diags
}

type parser struct {
	text  diag.Text
	query *Query
	diags diag.List
}

func (p *parser) report(sev diag.Severity, code string, s diag.Span, format string, args ...any) {
	p.diags = append(p.diags, p.text.Report(sev, code, s, format, args...))
}

func (p *parser) fail(s diag.Span, format string, args ...any) {
	p.report(diag.Error, CodeSyntax, s, format, args...)
}

// cut splits the tokens at pipes and parses each stage.
func (p *parser) cut(tokens []token) {
	tokens = p.settings(tokens)
	switch {
	case p.diags.HasErrors():
		return
	case len(tokens) == 0:
		end := len(p.text.Value)
		p.fail(diag.Span{Start: end, End: end}, "the query has no source command: it begins with FROM")
		return
	}
	first := true
	for at, more := tokens[0].span, true; more; first = false {
		var one []token
		pipe := at
		if one, tokens, more = before(tokens, "|"); more {
			at = p.query.tokens[len(p.query.tokens)-len(tokens)-1].span
		}
		p.stage(one, pipe, first)
	}
}

// before splits tokens at the first mark outside of brackets; found is false when there is none.
func before(tokens []token, mark string) (first, rest []token, found bool) {
	for i, t := range tokens {
		if t.depth == 0 && t.mark(mark) {
			return tokens[:i], tokens[i+1:], true
		}
	}
	return tokens, nil, false
}

// settings skips the SET statements before a query.
func (p *parser) settings(tokens []token) []token {
	for len(tokens) > 0 && tokens[0].is("SET") {
		n := 0
		for n < len(tokens) && !tokens[n].mark(";") {
			n++
		}
		if n == len(tokens) {
			p.fail(tokens[0].span, "the setting is not closed: ; is missing")
			return tokens
		}
		tokens = tokens[n+1:]
	}
	return tokens
}

// stage parses one stage; at is the position of its pipe.
func (p *parser) stage(tokens []token, at diag.Span, first bool) {
	switch {
	case len(tokens) == 0 && first:
		p.fail(at, "the query has no source command: it begins with FROM")
		return
	case len(tokens) == 0:
		p.fail(at, "no command follows the pipe")
		return
	case tokens[0].kind != word:
		p.fail(tokens[0].span, "a command is wanted here, not %s", p.text.Value[tokens[0].span.Start:tokens[0].span.End])
		return
	}
	s := stage{command: strings.ToUpper(tokens[0].text), name: tokens[0].span, args: tokens[1:]}
	for _, second := range pairs[s.command] {
		if len(s.args) > 0 && s.args[0].is(second) {
			s.command += " " + second
			s.name = s.name.To(s.args[0].span)
			s.args = s.args[1:]
		}
	}
	switch {
	case first:
		p.sourceCommand(s)
	case sources[s.command]:
		p.fail(s.name, "%s begins a query and cannot stand behind a pipe", s.command)
	default:
		p.checkCommand(s)
		p.query.stages = append(p.query.stages, s)
	}
}

// checkCommand reports an unknown command, or one without its arguments.
func (p *parser) checkCommand(s stage) {
	if _, ok := commands[s.command]; ok {
		if len(s.args) == 0 && !bare[s.command] {
			p.fail(s.name, "%s has no arguments", s.command)
		}
		return
	}
	if near := diag.Nearest(s.command, slices.Collect(maps.Keys(commands))); near != "" {
		p.fail(s.name, "unknown command %s: is %s meant?", s.command, near)
		return
	}
	p.report(diag.Warning, CodeUnknown, s.name, "the command %s is not known here: whether its rows keep their document is seen when it runs", s.command)
}

// sourceCommand parses the source command.
func (p *parser) sourceCommand(s stage) {
	if !sources[s.command] {
		if _, behind := commands[s.command]; behind {
			p.fail(s.name, "%s stands behind a pipe; a query begins with FROM", s.command)
			return
		}
		if near := diag.Nearest(s.command, slices.Collect(maps.Keys(sources))); near != "" {
			p.fail(s.name, "unknown source command %s: is %s meant?", s.command, near)
			return
		}
		p.report(diag.Warning, CodeUnknown, s.name, "the source command %s is not known here: the indices that it reads are not known", s.command)
	}
	p.query.source = p.readSource(s)
}

// nowCalls finds the calls of NOW().
func nowCalls(tokens []token) []diag.Span {
	var out []diag.Span
	for i := range len(tokens) - 2 {
		if tokens[i].is("NOW") && tokens[i+1].mark("(") && tokens[i+2].mark(")") {
			out = append(out, tokens[i].span.To(tokens[i+2].span))
		}
	}
	return out
}
