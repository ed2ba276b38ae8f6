package lregexp

// Literals returns texts that occur in every matching value, if the ASCII letters of both are lowercased.
// There may be none.
func (r *Regexp) Literals() []string { return r.literals }

// literals collects runs of single characters that every match contains.
type literals struct {
	run  []rune
	done []string
}

func literalsOf(tree *node) []string {
	var l literals
	l.add(tree)
	l.cut()
	return l.done
}

// cut ends the run: the next character is unknown.
func (l *literals) cut() {
	if len(l.run) > 0 {
		l.done = append(l.done, string(l.run))
	}
	l.run = nil
}

func (l *literals) add(n *node) {
	switch n.op {
	case opSet:
		if c, ok := n.single(); ok {
			l.run = append(l.run, c)
			return
		}
		l.cut()
	case opText, opConcat:
		for _, sub := range n.subs {
			l.add(sub)
		}
	case opRepeat:
		l.cut()
		if n.min > 0 {
			l.add(n.subs[0])
			l.cut()
		}
	case opAnd:
		l.cut()
		for _, sub := range n.subs {
			l.add(sub)
			l.cut()
		}
	case opUnion, opNot:
		l.cut()
	}
}

// single returns the only character of a set, in lower case.
func (n *node) single() (rune, bool) {
	if len(n.set) != 1 || n.set[0].lo != n.set[0].hi {
		return 0, false
	}
	c := n.set[0].lo
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c, true
}
