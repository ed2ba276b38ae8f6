package spl

import "strings"

// subsearchOptions are the options that limit subsearches.
func subsearchOptions() map[string]func(string) bool {
	return map[string]func(string) bool{
		"maxtime": ignored, "maxout": ignored, "timeout": ignored, "subsearch_maxout": ignored, "subsearch_maxtime": ignored,
		"subsearch_timeout": ignored, "run_in_preview": ignored,
	}
}

func parseAppendCols(p *parser, start int) Stage {
	a := &AppendCols{}
	options := subsearchOptions()
	options["override"] = toFlag(&a.Override)
	p.options("appendcols", options)
	a.Sub = p.subsearch()
	a.At = p.at(start)
	return a
}

func parseUnion(p *parser, start int, multi bool) Stage {
	u := &Union{Multi: multi}
	p.options(u.Command(), subsearchOptions())
	for p.separator(); !p.failed && p.peek() == '['; p.separator() {
		u.Subs = append(u.Subs, p.subsearch())
	}
	u.At = p.at(start)
	switch {
	case !p.failed && !p.stageEnd():
		p.unsupported(p.here(), "%s of what is no search in brackets is not supported", u.Command())
		p.skipStage()
	case len(u.Subs) == 0 || multi && len(u.Subs) < 2:
		p.fail(u.Span, "%s wants searches in brackets%s", u.Command(), p.instead())
	}
	if multi {
		p.wantStreams(u)
	}
	return u
}

// wantStreams reports commands that multisearch does not allow, because they need all rows.
func (p *parser) wantStreams(u *Union) {
	for _, s := range u.Subs {
		for _, stage := range s.Stages {
			switch stage := stage.(type) {
			case *Aggregate, *Sort, *Dedup, *Head, *Top, *Chart, *Transaction, *Join, *Append, *Reverse, *Union, *Tstats, *AppendCols:
				if a, ok := stage.(*Aggregate); !ok || a.Kind != Streamstats {
					p.fail(stage.Pos(), "a search of multisearch cannot have %s: it passes events on", stage.Command())
				}
			}
		}
	}
}

func parseSet(p *parser, start int) Stage {
	word, span := p.ident()
	s := &SetOp{Op: strings.ToLower(word)}
	if s.Op != "union" && s.Op != "diff" && s.Op != "intersect" {
		p.fail(span, "set takes union, diff or intersect%s", p.instead())
	}
	s.A = p.subsearch()
	s.B = p.subsearch()
	s.At = p.at(start)
	return s
}
