package sigma

// TrueOfNothing reports whether an event without any of the fields that the detection names meets it: it says what events
// are not, and without knowing which events are meant that is nearly all of them.
func (d *Detection) TrueOfNothing() bool {
	for _, x := range d.where {
		if holdsOfNothing(x) {
			return true
		}
	}
	return false
}

func holdsOfNothing(x expr) bool {
	switch x := x.(type) {
	case allOf:
		for _, y := range x {
			if !holdsOfNothing(y) {
				return false
			}
		}
		return true
	case anyOf:
		for _, y := range x {
			if holdsOfNothing(y) {
				return true
			}
		}
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
