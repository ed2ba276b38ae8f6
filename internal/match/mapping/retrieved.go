package mapping

// Retrieved returns fields for documents whose values a search has returned, so that missing values
// in sources do not matter. It is compared by pointer ([Same]).
func Retrieved(fields Fields) Fields {
	x, tellsApart := fields.(*IndexFields)
	if !tellsApart {
		return &retrieved{fields}
	}
	out := &IndexFields{merged: &retrieved{x.merged}, names: x.names, byIndex: x.byIndex, classes: map[string][]int{}}
	for _, group := range x.groups {
		out.groups = append(out.groups, &retrieved{group})
	}
	return out
}

type retrieved struct{ of Fields }

func (r *retrieved) Field(name string) (Field, bool) {
	f, mapped := r.of.Field(name)
	f.Unsourced, f.DocValued = "", false
	return f, mapped
}

func (r *retrieved) Names() []string { return Layers{r.of}.Names() }
