package splunk

import "math"

// merge adds the values of another accumulator of the same aggregation.
func merge(a, b accumulator) {
	switch a := a.(type) {
	case *counter:
		a.n += b.(*counter).n //nolint:forcetypeassert // Here and below: they are of one aggregation.
	case *distinct:
		for s := range b.(*distinct).seen { //nolint:forcetypeassert // As above.
			a.add(Text(s), 0)
		}
	case *listing:
		for _, v := range b.(*listing).values { //nolint:forcetypeassert // As above.
			a.add(v, 0)
		}
	case *moments:
		a.merge(b.(*moments)) //nolint:forcetypeassert // As above.
	case *extremes:
		other := b.(*extremes) //nolint:forcetypeassert // As above.
		for _, v := range []Value{other.number, other.text} {
			if !v.IsNull() {
				a.add(v, 0)
			}
		}
		a.mixed = a.mixed || other.mixed
	case *ranging:
		if other := b.(*ranging); other.any { //nolint:forcetypeassert // As above.
			a.add(Number(other.least), 0)
			a.add(Number(other.most), 0)
		}
	case *timed:
		if other := b.(*timed); !other.value.IsNull() { //nolint:forcetypeassert // As above.
			a.add(other.value, other.at)
		}
	case *rising:
		if other := b.(*rising); other.any { //nolint:forcetypeassert // As above.
			a.add(Number(other.first), other.firstAt)
			a.add(Number(other.last), other.lastAt)
		}
	case *arrival:
		if other := b.(*arrival); !other.value.IsNull() { //nolint:forcetypeassert // As above.
			a.add(other.value, 0)
		}
	case *frequencies:
		if a.counts == nil {
			a.counts = map[string]int{}
		}
		for s, n := range b.(*frequencies).counts { //nolint:forcetypeassert // As above.
			a.counts[s] += n
		}
	case *spark:
		for from, other := range b.(*spark).steps { //nolint:forcetypeassert // As above.
			if a.steps[from] == nil {
				a.steps[from] = other
			} else {
				merge(a.steps[from], other)
			}
		}
	case *ranks:
		a.numbers = append(a.numbers, b.(*ranks).numbers...) //nolint:forcetypeassert // As above.
	}
}

func (m *moments) merge(o *moments) {
	if o.n == 0 {
		return
	}
	if m.n == 0 {
		f := m.f
		*m = *o
		m.f = f
		return
	}
	d, n := o.mean-m.mean, m.n+o.n
	m.m2 += o.m2 + d*d*m.n*o.n/n
	m.mean += d * o.n / n
	m.n, m.sum, m.squares = n, m.sum+o.sum, m.squares+o.squares
	m.m2 = math.Max(m.m2, 0)
}
