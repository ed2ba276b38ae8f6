package spl

func parseOutputLookup(p *parser, start int) Stage {
	o := &OutputLookup{}
	override, create := true, true
	options := map[string]func(string) bool{
		"append": toFlag(&o.Append), "max": toCount(&o.Max), "override_if_empty": toFlag(&override), "create_empty": toFlag(&create),
		"createinapp": ignored, "create_context": ignored, "output_format": ignored, "allow_updates": ignored,
		"key_field": func(v string) bool {
			o.KeyField = v
			return v != ""
		},
	}
	p.options("outputlookup", options)
	o.Table = p.name()
	p.options("outputlookup", options)
	o.KeepIfEmpty, o.NoEmpty = !override, !create
	o.At = p.at(start)
	return o
}
