package spl

import (
	"maps"
	"slices"
	"strings"

	"tocsin/internal/diag"
)

// maxDepth bounds the nesting of groups and subsearches, so that no search can exhaust the stack.
const maxDepth = 100

// Parse parses a search. It reports the first syntax error, or all unsupported parts of a valid search. The search
// is nil in both cases.
func Parse(src *Source) (*Search, diag.List) {
	p := parser{scanner: scanner{src: src.Value}, source: src}
	search := p.search(false)
	if !p.failed && p.peek() != 0 {
		p.fail(diag.Span{Start: p.pos, End: p.pos + 1}, "there is no opening bracket for this one")
	}
	p.diags.Sort()
	if p.diags.HasErrors() {
		return nil, p.diags
	}
	return search, p.diags
}

// ParseText expands and parses a text.
func ParseText(text diag.Text, macros Macros) (*Search, diag.List) {
	src, diags := Expand(text, macros)
	if src == nil {
		return nil, diags
	}
	return Parse(src)
}

// ParsePipe parses commands that work on existing rows, such as the commands of foreach.
func ParsePipe(src *Source) (*Search, diag.List) { return parsePipe(src, 0) }

// parsePipe is ParsePipe at a nesting depth.
func parsePipe(src *Source, depth int) (*Search, diag.List) {
	p := parser{scanner: scanner{src: src.Value}, source: src, depth: depth}
	search := &Search{Source: src}
	if p.deeper() {
		p.stages(search)
	}
	if !p.failed && p.peek() != 0 {
		p.fail(diag.Span{Start: p.pos, End: p.pos + 1}, "there is no opening bracket for this one")
	}
	if p.diags.HasErrors() {
		return nil, p.diags
	}
	return search, p.diags
}

// parser is a recursive-descent parser. After a syntax error, failed ends every loop, and the results are not
// used.
type parser struct {
	scanner

	source *Source
	diags  diag.List
	failed bool
	depth  int
}

// fail reports a syntax error and stops the parser.
func (p *parser) fail(span diag.Span, format string, args ...any) {
	if p.failed {
		return
	}
	p.failed = true
	p.diags = append(p.diags, p.source.Report(diag.Error, CodeSyntax, span, format, args...))
	p.pos = len(p.src)
}

// unsupported reports an unsupported part and continues.
func (p *parser) unsupported(span diag.Span, format string, args ...any) {
	if !p.failed {
		p.diags = append(p.diags, p.source.Report(diag.Error, CodeUnsupported, span, format, args...))
	}
}

func (p *parser) here() diag.Span {
	p.blank()
	return diag.Span{Start: p.pos, End: min(p.pos+1, len(p.src))}
}

// want reads a text, or fails.
func (p *parser) want(text string) bool {
	if p.accept(text) {
		return true
	}
	p.fail(p.here(), "expected %s%s", text, p.instead())
	return false
}

// instead describes the text found in place of the expected one.
func (p *parser) instead() string {
	if p.failed {
		return ""
	}
	switch c := p.peek(); c {
	case 0:
		return ", and the search ends here"
	case '|', ']':
		return ", and the command ends here"
	}
	return ""
}

// deeper enters a level of nesting; the caller must leave it.
func (p *parser) deeper() bool {
	p.depth++
	if p.depth > maxDepth {
		p.fail(p.here(), "the search is nested too deeply")
		return false
	}
	return true
}

// search parses commands up to the end or a closing bracket. A text that starts with neither a pipe nor a command
// is a search condition. In a subsearch the first command needs no pipe.
func (p *parser) search(inBrackets bool) *Search {
	s := &Search{Source: p.source}
	if !p.deeper() {
		return s
	}
	defer func() { p.depth-- }()
	if p.stageEnd() && p.peek() != '|' {
		p.fail(p.here(), "the search is empty")
		return s
	}
	p.passPipe()
	if p.peek() != '|' && (!inBrackets || !p.atCommand()) && !p.isKeyword("search") {
		start := p.pos
		f := &Find{X: p.condition()}
		f.Span = diag.Span{Start: start, End: p.pos}
		s.Stages = append(s.Stages, f)
		p.endStage()
	}
	p.stages(s)
	p.generates(s)
	return s
}

// passPipe skips a leading pipe if the macro after it is a condition: Splunk accepts that as a search.
func (p *parser) passPipe() {
	back := p.pos
	for p.accept("|") {
	}
	p.blank()
	if p.pos != back && p.pos < len(p.src) && p.source.origin(p.pos).macro != "" && p.atCondition() {
		return
	}
	p.pos = back
}

// atCondition reports whether a condition follows, and not a known or unknown command.
func (p *parser) atCondition() bool {
	back := p.pos
	defer func() { p.pos = back }()
	name, _ := p.ident()
	switch c := p.peek(); {
	case name == "":
		return c == '(' || c == '"' || c == '\'' || c == '*'
	case commands[strings.ToLower(name)] != nil:
		return c == '=' || c == '!' || c == '<' || c == '>'
	case name == "NOT":
		return true
	default:
		return strings.IndexByte("=!<>:.", c) >= 0 && c != 0 || p.isKeyword("IN")
	}
}

// stages parses commands, each with a pipe before it.
func (p *parser) stages(s *Search) {
	for !p.failed {
		// Splunk ignores an empty command.
		for piped := true; piped; {
			piped = p.accept("|")
		}
		if c := p.peek(); c == 0 || c == ']' {
			return
		}
		if stage := p.stage(); stage != nil {
			s.Stages = append(s.Stages, stage)
		}
		p.endStage()
	}
}

func (p *parser) endStage() {
	if !p.failed && !p.stageEnd() {
		word, span := p.word(" \t\r\n|]")
		if word == "" {
			span = p.here()
		}
		p.fail(span, "unexpected %s", p.src[span.Start:span.End])
	}
}

// atCommand reports whether a command name follows, and not a field with the name of a command.
func (p *parser) atCommand() bool {
	back := p.pos
	defer func() { p.pos = back }()
	name, _ := p.ident()
	if commands[strings.ToLower(name)] == nil {
		return false
	}
	c := p.peek()
	return c != '=' && c != '!' && c != '<' && c != '>'
}

// stage parses one command.
func (p *parser) stage() Stage {
	name, span := p.ident()
	if name == "" {
		p.fail(p.here(), "expected the name of a command%s", p.instead())
		return nil
	}
	parse := commands[strings.ToLower(name)]
	if parse == nil {
		hint := ""
		if near := diag.Nearest(strings.ToLower(name), slices.Collect(maps.Keys(commands))); near != "" {
			hint = ": did you mean " + near + "?"
		}
		p.unsupported(span, "the command %s is not supported%s", name, hint)
		p.skipStage()
		return nil
	}
	return parse(p, span.Start)
}

// at returns the position of a command, from start to the last token.
func (p *parser) at(start int) At {
	end := p.pos
	for end > start && end <= len(p.src) && isBlank(p.src[end-1]) {
		end--
	}
	return At{diag.Span{Start: start, End: max(start, end)}}
}

// generates checks that the first command generates rows.
func (p *parser) generates(s *Search) {
	if p.failed || p.diags.HasErrors() {
		return
	}
	if len(s.Stages) == 0 {
		p.fail(p.here(), "the search is empty")
		return
	}
	switch first := s.Stages[0].(type) {
	case *Find:
		p.checkTimes(first.X)
		first.X = anyIndex(first.X)
	case *Tstats:
		p.checkTimes(first.Where)
		first.Where = anyIndex(first.Where)
	case *InputLookup, *Datamodel, *Makeresults, *Union, *SetOp:
	default:
		// Splunk runs such a search over no rows: stats still has a result.
		p.diags = append(p.diags, p.source.Report(diag.Warning, CodeNoRows, first.Pos(), "%s stands first and makes no rows: it works on none", first.Command()))
		s.Stages = slices.Insert(s.Stages, 0, Stage(&Makeresults{})) // It has no text.
	}
	for _, stage := range s.Stages[1:] {
		switch stage := stage.(type) {
		case *Tstats:
			if p.checkTimes(stage.Where); !stage.Append {
				p.fail(stage.Pos(), "%s can only be the first command of a search, or have append=true", stage.Command())
			}
		case *Datamodel, *Makeresults, *SetOp:
			p.fail(stage.Pos(), "%s can only be the first command of a search", stage.Command())
		case *Union:
			if stage.Multi {
				p.fail(stage.Pos(), "multisearch can only be the first command of a search")
			}
		case *InputLookup:
			if !stage.Append {
				p.fail(stage.Pos(), "inputlookup can only be the first command of a search, or have append=true")
			}
		}
	}
}

// anyIndex replaces index=* with true: every event is in an index, even if the event has no such field.
func anyIndex(x Expr) Expr {
	each := func(list []Expr) []Expr {
		out := make([]Expr, len(list))
		for i, m := range list {
			out[i] = anyIndex(m)
		}
		return out
	}
	switch x := x.(type) {
	case *Compare:
		if x.Field.Text == "index" && x.Op == "=" && x.Value.Text == "*" {
			return &Every{Span: x.Pos(), Index: true}
		}
	case *And:
		return &And{each(x.Xs)}
	case *Or:
		return &Or{each(x.Xs)}
	case *Not:
		return &Not{anyIndex(x.X), x.Span}
	}
	return x
}

// subsearch parses [search].
func (p *parser) subsearch() *Search {
	if !p.want("[") {
		return &Search{Source: p.source}
	}
	s := p.search(true)
	p.want("]")
	return s
}
