package spl

import "strings"

// Fit trains a model of the density of fields, and reports for each row whether it is an outlier.
type Fit struct {
	At
	Fields, By []Name
	Model      string
	// Decays models values as decreasing from the minimum; otherwise they are modelled as normally distributed.
	Decays bool
	Shares
}

// Apply reports for each row whether it is an outlier of a stored model.
type Apply struct {
	At
	Model Name
	Shares
}

// Shares are the shares of values that are outliers: Both for both sides together, or separately for one side. 0
// is the default of the model.
type Shares struct{ Both, Lower, Upper float64 }

// Command returns fit.
func (*Fit) Command() string { return "fit" }

// Command returns apply.
func (*Apply) Command() string { return "apply" }

// String writes fit with its fields.
func (f *Fit) String() string {
	into := ""
	if f.Model != "" {
		into = "into " + printName(f.Model)
	}
	dist := ""
	if f.Decays {
		dist = "dist=expon"
	}
	return line("fit DensityFunction", printNames(f.Fields), dist, f.Shares.String(), by(f.By), into)
}

// String writes apply with its model.
func (a *Apply) String() string { return line("apply", a.Model.String(), a.Shares.String()) }

// String writes the shares that are set.
func (s Shares) String() string {
	share := func(name string, x float64) string {
		if x == 0 {
			return ""
		}
		return name + "=" + decimal(x)
	}
	return line(share("threshold", s.Both), share("lower_threshold", s.Lower), share("upper_threshold", s.Upper))
}

func (s *Shares) options() map[string]func(string) bool {
	share := func(to *float64) func(string) bool {
		return func(v string) bool {
			var x *float64
			ok := toNumber(&x)(v)
			*to = *x
			return ok && *to > 0 && *to < 1
		}
	}
	return map[string]func(string) bool{
		"threshold": share(&s.Both), "lower_threshold": share(&s.Lower), "upper_threshold": share(&s.Upper),
		"show_density": ignored, "show_options": ignored, "sample": ignored,
		"full_sample": ignored, "random_state": ignored, "metric": ignored, "exclude_dist": ignored,
	}
}

func parseFit(p *parser, start int) Stage {
	f := &Fit{}
	if name, span := p.ident(); !strings.EqualFold(name, "DensityFunction") {
		p.unsupported(span, "fit %s is not supported: models are of DensityFunction", name)
		p.skipStage()
		f.At = p.at(start)
		return f
	}
	options := f.options()
	dist := ""
	options["dist"] = oneOf(&dist, "auto", "norm", "expon")
	f.Fields = p.wantNamesAnd("fit", options, "by", "into", "as")
	for !p.failed && !p.stageEnd() {
		switch {
		case p.keyword("by"):
			for _, n := range p.wantNamesAnd("fit", options, "into", "as") {
				for part := range strings.SplitSeq(n.Text, ",") { // Quotes may contain several names.
					f.By = append(f.By, Name{strings.TrimSpace(part), n.Span})
				}
			}
		case p.keyword("into"):
			f.Model = p.name().Text
			p.options("fit", options)
		default:
			p.unsupported(p.here(), "the names of results of fit are not supported")
			p.skipStage()
		}
	}
	f.Decays = dist == "expon"
	f.At = p.at(start)
	return f
}

func parseApply(p *parser, start int) Stage {
	a := &Apply{}
	options := a.options()
	names := p.wantNamesAnd("apply", options, "as")
	if p.keyword("as") {
		p.unsupported(p.here(), "the names of results of apply are not supported")
		p.skipStage()
	}
	if a.At = p.at(start); len(names) > 0 {
		a.Model = names[0]
	}
	if len(names) > 1 {
		p.fail(names[1].Span, "apply takes one model")
	}
	return a
}
