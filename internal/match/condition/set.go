package condition

import (
	"sync"

	"tocsin/internal/match/mapping"
)

// Set matches many conditions against a document together: common parts are evaluated once. Each
// condition gets the same answer as from its own [Matcher]. A Set is safe for concurrent use; every
// goroutine needs its own [Matching].
//
// The flow: [NewSet] makes one graph of all conditions, in which equal parts are one node. An
// arrangement finds for each condition tests of which at least one must hold ([anchoring]), and the
// cheapest order of each node's parts. [Matching.Match] looks up the texts of a document, which
// lead to the few conditions that can be true, and evaluates those and the conditions without an
// anchor, no node more than once.
type Set struct {
	graph *graph
	// arrange makes the arrangement when it is first needed, unless a sample of documents has made
	// a better one before ([Set.Tuned]).
	arrange     sync.Once
	arrangement *arrangement
}

// Member is a condition of a [Set], with its mapping. Members may map a name differently: they
// share what they map alike.
type Member struct {
	Expr   Expr
	Fields mapping.Fields
}

// Columns is a document as a [Set] reads it: its fields have the numbers of [Set.Fields], its
// objects the numbers of [Set.Objects]. It may have further ones, with higher numbers.
type Columns interface {
	Document
	// Filled appends to dst the numbers of the fields that have values; it may include others.
	Filled(dst []int32) []int32
	// Column returns the indexed values of a field. They are valid until the next document.
	Column(i int) []mapping.Value
	// Texts returns the String of each value of a field. They are valid until the next document.
	Texts(i int) []string
	// ObjectAt reports whether there is a value at or below the name of an object.
	ObjectAt(i int) bool
}

// Fields returns the fields that the conditions read, by number. The slice belongs to the set; a
// copy may be extended.
func (s *Set) Fields() []mapping.Field { return s.graph.columns }

// Objects returns, by number, the names of the objects whose existence the conditions test.
func (s *Set) Objects() []string { return s.graph.objects }

// Len returns the number of members, including members with errors.
func (s *Set) Len() int { return len(s.graph.roots) }

// arranged returns the arrangement, which is made without a sample if there is none yet.
func (s *Set) arranged() *arrangement {
	s.arrange.Do(func() {
		if s.arrangement == nil {
			s.arrangement = arrange(s.graph, newRates(s.graph), nil)
		}
	})
	return s.arrangement
}

// Of returns any document as columns.
func (s *Set) Of(d Document) Columns { return numbered{d, s.graph} }

type numbered struct {
	Document
	graph *graph
}

func (n numbered) Filled(dst []int32) []int32 {
	for i := range n.graph.columns {
		dst = append(dst, int32(i))
	}
	return dst
}

func (n numbered) Column(i int) []mapping.Value { return n.Values(n.graph.columns[i]) }

func (n numbered) Texts(i int) []string {
	values := n.Column(i)
	texts := make([]string, len(values))
	for j := range values {
		texts[j] = values[j].String
	}
	return texts
}

func (n numbered) ObjectAt(i int) bool { return n.HasObject(n.graph.objects[i]) }
