package spl

import "strings"

// parseFrom parses from datamodel:name or from lookup:name, separated by a colon, an equals sign or a blank.
func parseFrom(p *parser, start int) Stage {
	p.blank()
	at := p.here()
	kind, _ := p.ident()
	kind = strings.ToLower(kind)
	if kind != "datamodel" && kind != "lookup" || p.failed {
		p.unsupported(at, "from reads data models and lookups only")
		p.skipStage()
		return &Datamodel{At: p.at(start)}
	}
	p.accept(":")
	p.accept("=")
	if kind == "lookup" {
		l := &InputLookup{Table: p.name()}
		l.At = p.at(start)
		return l
	}
	d := &Datamodel{}
	d.Model, d.Dataset = p.datamodel()
	d.At = p.at(start)
	return d
}

// parseDatamodel parses datamodel Model Dataset search: the events of the dataset.
func parseDatamodel(p *parser, start int) Stage {
	d := &Datamodel{Own: true}
	words := p.namesAnd("datamodel", map[string]func(string) bool{
		"summariesonly": ignored, "allow_old_summaries": ignored, "strict_fields": ignored,
	})
	d.At = p.at(start)
	mode := ""
	if len(words) > 0 {
		mode = strings.ToLower(words[len(words)-1].Text)
	}
	if len(words) != 3 || mode != "search" && mode != "flat" && mode != "acceleration_search" {
		p.unsupported(d.Span, "datamodel without a dataset and search or flat is not supported: it shows what a model is made of")
		return d
	}
	d.Model, d.Dataset, d.Prefixed = words[0].Text, words[1].Text, mode != "flat"
	return d
}
