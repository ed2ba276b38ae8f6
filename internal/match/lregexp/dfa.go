package lregexp

import (
	"sync"
	"sync/atomic"
)

// maxCache is the approximate size, in bytes, of the states that a pattern keeps. When it is exceeded, all
// are dropped and made again when needed.
const maxCache = 1 << 20

// dfa is the deterministic automaton of an nfa, built while values are matched. Following a known transition
// takes no lock.
//
// A state refers only to states made later or at the same time, and each drop makes start again, so only a
// running Match refers to dropped states.
type dfa struct {
	classes *classes
	start   atomic.Pointer[dstate]

	mu     sync.Mutex // guards the fields below
	nfa    *nfa
	states map[string]*dstate // by key of their set
	size   int                // size of the states, in bytes
}

// dstate is a set of states of the nfa; next is by class, nil if not known yet.
type dstate struct {
	set    []int32
	accept bool
	next   []atomic.Pointer[dstate]
}

// dead reports whether no further code point can make the value match.
func (s *dstate) dead() bool { return len(s.set) == 0 }

func newDFA(a *nfa) *dfa {
	d := &dfa{classes: a.classes, nfa: a}
	d.drop()
	return d
}

// drop drops all states and makes the first one.
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

// state returns the unique state of a set.
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
