package spl

func parseFormat(p *parser, start int) Stage {
	f := &Format{Texts: FormatTexts, Between: FormatTexts[4], Empty: FormatEmpty}
	options := map[string]func(string) bool{"mvsep": toText(&f.Between), "maxresults": toCount(&f.Max), "emptystr": toText(&f.Empty)}
	p.options("format", options)
	if !p.stageEnd() {
		for i := range f.Texts {
			if !p.failed && p.peek() != '"' {
				p.fail(p.here(), "format takes six texts in quotes, or none%s", p.instead())
				break
			}
			f.Texts[i] = p.text().Value
		}
		p.options("format", options)
	}
	f.At = p.at(start)
	return f
}
