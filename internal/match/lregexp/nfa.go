package lregexp

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// The limits of an automaton: maxStates bounds the time of one step of a match, maxEdges the memory of a
// pattern, and maxWork, in visits of states, the time to determinise parts of it. They are far above the
// limit of Elasticsearch's default max_determinized_states.
const (
	maxStates  = 10_000
	maxEdges   = 1 << 18
	maxClasses = 1 << 12
	maxWork    = 1 << 23
)

// final is the state in which a value matches; it is the first one and has no edges.
const final int32 = 0

// edge leads to a state for the classes lo to hi.
type edge struct {
	lo, hi uint16
	to     int32
}

// state is a state of the nondeterministic automaton; eps are the states that are reached without a code
// point.
type state struct {
	edges []edge
	eps   []int32
}

// nfa is the automaton of a pattern. start are its first states; it is empty if nothing matches.
type nfa struct {
	classes *classes
	states  []state
	start   []int32

	visits int      // total number of states visited by closure
	seen   []uint64 // a bit for each state; used by closure
	stack  []int32  // used by move
}

// closure returns the states that are reached without a code point, sorted, without states that have no edges
// of their own. It modifies from.
func (a *nfa) closure(from []int32) []int32 {
	if words := len(a.states)/64 + 1; len(a.seen) < words {
		a.seen = make([]uint64, words+words/2)
	}
	for len(from) > 0 {
		id := from[len(from)-1]
		from = from[:len(from)-1]
		if word, bit := id/64, uint64(1)<<(id%64); a.seen[word]&bit == 0 {
			a.seen[word] |= bit
			a.visits++
			from = append(from, a.states[id].eps...)
		}
	}
	return a.unmark()
}

// unmark clears seen and returns its states, in order.
func (a *nfa) unmark() []int32 {
	var set []int32
	for word, marks := range a.seen {
		for ; marks != 0; marks &= marks - 1 {
			id := int32(64*word + bits.TrailingZeros64(marks))
			if s := &a.states[id]; len(s.eps) == 0 || len(s.edges) > 0 {
				set = append(set, id)
			}
		}
		a.seen[word] = 0
	}
	return set
}

// move returns the set of states after a set of states and a class.
func (a *nfa) move(set []int32, class uint16) []int32 {
	to := a.stack[:0]
	for _, id := range set {
		for _, e := range a.states[id].edges {
			if e.lo <= class && class <= e.hi {
				to = append(to, e.to)
			}
		}
	}
	a.stack = to
	return a.closure(to)
}

// key encodes a set of states as a map key.
func key(set []int32) string {
	b := make([]byte, 0, 4*len(set))
	for _, id := range set {
		b = binary.NativeEndian.AppendUint32(b, uint32(id))
	}
	return string(b)
}

// prune drops the states from which nothing matches: then an empty set of states means that the value cannot
// match.
func (a *nfa) prune() {
	before := make([][]int32, len(a.states)) // the predecessors of each state
	for id, s := range a.states {
		for _, e := range s.edges {
			before[e.to] = append(before[e.to], int32(id))
		}
		for _, to := range s.eps {
			before[to] = append(before[to], int32(id))
		}
	}
	live := make([]bool, len(a.states))
	live[final] = true
	for todo := []int32{final}; len(todo) > 0; {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, from := range before[id] {
			if !live[from] {
				live[from] = true
				todo = append(todo, from)
			}
		}
	}
	a.keep(live)
}

// keep drops the other states and renumbers the rest, in order.
func (a *nfa) keep(live []bool) {
	number := make([]int32, len(a.states))
	var states []state
	for id, s := range a.states {
		if live[id] {
			number[id] = int32(len(states))
			states = append(states, s)
		}
	}
	renumber := func(ids []int32) []int32 {
		ids = slices.DeleteFunc(ids, func(id int32) bool { return !live[id] })
		for i, id := range ids {
			ids[i] = number[id]
		}
		return ids
	}
	for i := range states {
		s := &states[i]
		s.eps = renumber(s.eps)
		s.edges = slices.DeleteFunc(s.edges, func(e edge) bool { return !live[e.to] })
		for j := range s.edges {
			s.edges[j].to = number[s.edges[j].to]
		}
	}
	a.states, a.start, a.seen = states, renumber(a.start), nil
}
