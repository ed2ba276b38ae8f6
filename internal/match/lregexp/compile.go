package lregexp

import "slices"

// nothing is the start state of a pattern that matches no string.
const nothing int32 = -1

// compiler builds the automaton of a tree, from the end of the pattern to its beginning. After a limit is
// exceeded, all methods return at once.
type compiler struct {
	nfa
	fold      bool
	edgeCount int
	tooMuch   bool
}

func compile(tree *node, fold bool) (*nfa, error) {
	c := &compiler{nfa: nfa{classes: newClasses(tree)}, fold: fold}
	if c.classes.count() > maxClasses {
		return nil, ErrTooComplex
	}
	if start := c.build(tree, c.add(state{})); start != nothing {
		c.start = []int32{start}
	}
	if c.tooMuch {
		return nil, ErrTooComplex
	}
	c.prune()
	return &c.nfa, nil
}

func (c *compiler) add(s state) int32 {
	if len(c.states) >= maxStates {
		c.tooMuch = true
		return final
	}
	c.states = append(c.states, s)
	id := int32(len(c.states) - 1)
	c.connect(id, s.edges)
	return id
}

// connect sets the edges of a state.
func (c *compiler) connect(id int32, edges []edge) {
	c.states[id].edges = edges
	if c.edgeCount += len(edges); c.edgeCount > maxEdges {
		c.tooMuch = true
	}
}

// build returns a state from which the strings of the node lead to next, or nothing. Empty text is the empty
// string, but in Lucene's case-insensitive mode it matches no string: there `()` and the empty pattern match
// no value, and `a()` matches only because it is the text a.
func (c *compiler) build(n *node, next int32) int32 {
	switch n.op {
	case opSet:
		if len(n.set) == 0 {
			return nothing
		}
		return c.add(state{edges: c.edges(n.set, next)})
	case opText, opConcat:
		if n.op == opText && len(n.subs) == 0 && c.fold {
			return nothing
		}
		for _, sub := range slices.Backward(n.subs) {
			if next = c.build(sub, next); next == nothing {
				break
			}
		}
		return next
	case opUnion:
		return c.union(n, next)
	case opRepeat:
		return c.repeat(n, next)
	default:
		return c.determinise(n, next)
	}
}

func (c *compiler) edges(set charset, to int32) []edge {
	edges := make([]edge, len(set))
	for i, s := range set {
		edges[i] = edge{lo: uint16(c.classes.of(s.lo)), hi: uint16(c.classes.of(s.hi)), to: to}
	}
	return edges
}

func (c *compiler) union(n *node, next int32) int32 {
	var eps []int32
	for _, sub := range n.subs {
		if start := c.build(sub, next); start != nothing {
			eps = append(eps, start)
		}
	}
	if len(eps) == 0 {
		return nothing
	}
	return c.add(state{eps: eps})
}

// repeat chains copies of an operand: the required ones, then the optional ones or a loop. In Lucene, an
// operand that matches no string still matches none when repeated without an upper bound: `#*` is `#`, but
// `#?` is `()`.
func (c *compiler) repeat(n *node, next int32) int32 {
	sub, required, at := n.subs[0], n.min, next
	if n.max == unlimited {
		loop := c.add(state{})
		body := c.build(sub, loop)
		if c.tooMuch || body == nothing {
			return nothing
		}
		c.states[loop].eps = []int32{body, next}
		if at = loop; required > 0 {
			at, required = body, required-1 // the loop's body is the last required copy
		}
	}
	for i := n.min; i < n.max && !c.tooMuch; i++ {
		body := c.build(sub, at)
		if body == at || body == nothing { // the operand is the empty string, or no string
			break
		}
		at = c.add(state{eps: []int32{body, next}})
	}
	for i := 0; i < required && !c.tooMuch; i++ {
		body := c.build(sub, at)
		if body == at || body == nothing {
			return body
		}
		at = body
	}
	return at
}

// determinise builds a complement or an intersection. It follows all operands at once, by sets of their
// states: a set holds the final states of exactly the operands that match the text so far.
func (c *compiler) determinise(n *node, next int32) int32 {
	var starts, ends []int32
	for _, sub := range n.subs {
		end := c.add(state{})
		ends = append(ends, end)
		if start := c.build(sub, end); start != nothing {
			starts = append(starts, start)
		}
	}
	if c.tooMuch {
		return nothing
	}
	matches := func(set []int32) bool {
		hits := 0
		for _, end := range ends {
			if _, ok := slices.BinarySearch(set, end); ok {
				hits++
			}
		}
		return n.op == opNot && hits == 0 || n.op == opAnd && hits == len(ends)
	}
	w := walk{compiler: c, ids: map[string]int32{}, matches: matches, next: next}
	start := w.state(c.closure(starts))
	for len(w.todo) > 0 && !c.tooMuch {
		w.step()
	}
	if !w.matched {
		return nothing
	}
	return start
}

// walk is the state of a subset construction.
type walk struct {
	*compiler
	ids     map[string]int32 // the new states, by their set
	todo    []made           // the states without edges yet
	matches func(set []int32) bool
	matched bool  // by any state so far
	next    int32 // the state that a matching state also is
}

type made struct {
	id  int32
	set []int32
}

// state returns the unique state of a set.
func (w *walk) state(set []int32) int32 {
	k := key(set)
	if id, ok := w.ids[k]; ok {
		return id
	}
	s := state{}
	if w.matches(set) {
		s.eps, w.matched = []int32{w.next}, true
	}
	id := w.add(s)
	w.ids[k] = id
	w.todo = append(w.todo, made{id, set})
	return id
}

// step sets the edges of a state, one for each run of classes with the same target.
func (w *walk) step() {
	from := w.todo[len(w.todo)-1]
	w.todo = w.todo[:len(w.todo)-1]
	var edges []edge
	for class := range w.classes.count() {
		to := w.state(w.move(from.set, uint16(class)))
		if w.visits++; w.visits > maxWork || w.tooMuch {
			w.tooMuch = true
			return
		}
		if n := len(edges); n > 0 && edges[n-1].to == to {
			edges[n-1].hi = uint16(class)
			continue
		}
		edges = append(edges, edge{lo: uint16(class), hi: uint16(class), to: to})
	}
	w.connect(from.id, edges)
}
