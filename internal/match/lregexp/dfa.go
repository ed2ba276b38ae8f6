package lregexp

import (
	"sync"
	"sync/atomic"
)

// maxCache is about how many bytes of states a pattern keeps. Beyond it all are dropped, and made
// again when they are needed.
const maxCache = 1 << 20

// dfa is the deterministic automaton of an nfa, made while values are matched. Following a known
// transition takes no lock.
//
// A state only ever points to states made later or at the same time, and start is made anew with
// every drop, so nothing but a Match under way holds on to what was dropped.
type dfa struct {
	classes *classes
	start   atomic.Pointer[dstate]

	mu     sync.Mutex // guards what follows
	nfa    *nfa
	states map[string]*dstate // by key of their set
	size   int                // of the states, in bytes
}

// dstate is a set of states of the nfa; next is by class, nil while unknown.
type dstate struct {
	set    []int32
	accept bool
	next   []atomic.Pointer[dstate]
}

// dead reports that no further code point can make the value match.
func (s *dstate) dead() bool { return len(s.set) == 0 }

func newDFA(a *nfa) *dfa {
	d := &dfa{classes: a.classes, nfa: a}
	d.drop()
	return d
}

// drop forgets all states and makes the first one.
func (d *dfa) drop() {
	d.states, d.size = map[string]*dstate{}, 0
	d.start.Store(d.state(d.nfa.closure(append([]int32{}, d.nfa.start...))))
}

// next returns the state after s on a class.
func (d *dfa) next(s *dstate, class int) *dstate {
	if n := s.next[class].Load(); n != nil {
		return n
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.size > maxCache {
		d.drop()
	}
	n := d.state(d.nfa.move(s.set, uint16(class)))
	s.next[class].Store(n)
	return n
}

// state returns the one kept state of a set.
func (d *dfa) state(set []int32) *dstate {
	k := key(set)
	if s, ok := d.states[k]; ok {
		return s
	}
	s := &dstate{
		set:    set,
		accept: len(set) > 0 && set[0] == final,
		next:   make([]atomic.Pointer[dstate], d.classes.count()),
	}
	d.states[k] = s
	d.size += 128 + 8*len(set) + 8*len(s.next)
	return s
}
