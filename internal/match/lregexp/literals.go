package lregexp

// Literals returns texts that stand within every value that the pattern matches, with their ASCII
// letters, and those of the value, lowered. There may be none.
func (r *Regexp) Literals() []string { return r.literals }

// literals collects runs of single characters that no match can do without.
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

// cut ends the run: what stands behind it is not known.
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

// single returns the one character of a set, lowered.
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
