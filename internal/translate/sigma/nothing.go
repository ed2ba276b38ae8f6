package sigma

import "slices"

// TrueOfNothing reports whether an event without any of the fields that the detection names meets it: it says what events
// are not, and without knowing which events are meant that is nearly all of them.
func (d *Detection) TrueOfNothing() bool {
	return slices.ContainsFunc(d.where, holdsOfNothing)
}

func holdsOfNothing(x expr) bool {
	switch x := x.(type) {
	case allOf:
		return !slices.ContainsFunc(x, func(y expr) bool { return !holdsOfNothing(y) })
	case anyOf:
		return slices.ContainsFunc(x, holdsOfNothing)
	case negation:
		return !holdsOfNothing(x.x)
	case *selection:
		return holdsOfNothing(x.what)
	case *item:
		return x.holdsOfNothing()
	}
	return false
}

func (i *item) holdsOfNothing() bool {
	held := 0
	for _, alternatives := range i.values {
		for _, v := range alternatives {
			e, isExists := v.(exists)
			if _, isNull := v.(null); isNull || isExists && !bool(e) {
				held++
				break
			}
		}
	}
	holds := held > 0
	if i.all {
		holds = held == len(i.values)
	}
	return holds != i.neq
}
