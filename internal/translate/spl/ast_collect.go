package spl

// Collect writes rows as events to an index, and passes them on.
type Collect struct {
	At
	Index string
	// Source, Sourcetype and Host are set in the events; Marker has additional fields.
	Source, Sourcetype, Host, Marker string
	// Test writes nothing.
	Test bool
}

const (
	usualCollect    = "summary"
	usualSourcetype = "stash"
)

// Command returns collect.
func (*Collect) Command() string { return "collect" }

// String writes collect with its index.
func (c *Collect) String() string {
	return line("collect", "index="+quote(c.Index), setting("source", c.Source, ""), setting("sourcetype", c.Sourcetype, usualSourcetype),
		setting("host", c.Host, ""), setting("marker", c.Marker, ""), flag("testmode", c.Test))
}

func parseCollect(p *parser, start int) Stage {
	c := &Collect{Index: usualCollect, Sourcetype: usualSourcetype}
	options := map[string]func(string) bool{
		"index": toText(&c.Index), "source": toText(&c.Source), "sourcetype": toText(&c.Sourcetype), "host": toText(&c.Host),
		"marker": toText(&c.Marker), "testmode": toFlag(&c.Test), "run_in_preview": ignored, "spool": ignored, "addtime": ignored,
		"addinfo": ignored, "file": ignored, "output_format": ignored, "uselb": ignored,
	}
	named := false
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		switch {
		case p.oneOption("collect", options):
		case named:
			p.fail(p.here(), "collect takes one index")
		default:
			c.Index, named = p.name().Text, true
		}
	}
	c.At = p.at(start)
	return c
}
