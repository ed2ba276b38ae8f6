package condition

import (
	"sync"

	"tocsin/internal/mapping"
)

// Set is many conditions that are matched against a document together: what they share is looked at
// once. Each gets the answer that a [Matcher] of its own would give. It is safe for concurrent use;
// every goroutine needs a [Matching] of its own.
//
// The flow: [NewSet] makes one graph of all conditions, in which equal parts are one node. An
// arrangement finds for each condition tests of which one at least must hold ([anchoring]), and in
// which order the parts of a node cost least. [Matching.Match] looks up the texts that a document has,
// is led by them to the few conditions that can be true, and evaluates those and the conditions without
// an anchor, no node twice.
type Set struct {
	graph *graph
	// arrange makes the arrangement when it is first needed: who has a sample of documents makes a better
	// one before ([Set.Tuned]).
	arrange     sync.Once
	arrangement *arrangement
}

// Member is a condition of a [Set], with the mapping that it is read under. Members may see one name
// in different ways; what they share is found out from what they see.
type Member struct {
	Expr   Expr
	Fields mapping.Fields
}

// Columns is a document as a [Set] reads it: its fields have the numbers of [Set.Fields], its objects
// those of [Set.Objects]. It may have further ones, with higher numbers.
type Columns interface {
	Document
	// Filled appends to dst the numbers of the fields that have values; it may name more than those.
	Filled(dst []int32) []int32
	// Column returns the indexed values of a field. They are not changed before the next document.
	Column(i int) []mapping.Value
	// Texts returns the String of each value of a field. They are not changed before the next document.
	Texts(i int) []string
	// ObjectAt reports whether any value stands at or below the name of an object.
	ObjectAt(i int) bool
}

// Fields returns the fields that the conditions read, by number. They are the set's: a copy may be
// extended.
func (s *Set) Fields() []mapping.Field { return s.graph.columns }

// Objects returns the names of which the conditions ask whether anything stands there, by number.
func (s *Set) Objects() []string { return s.graph.objects }

// Len returns the number of members, those with errors among them.
func (s *Set) Len() int { return len(s.graph.roots) }

// arranged returns the arrangement, which may be the one that is made in ignorance of the documents.
func (s *Set) arranged() *arrangement {
	s.arrange.Do(func() {
		if s.arrangement == nil {
			s.arrangement = arrange(s.graph, newRates(s.graph), nil)
		}
	})
	return s.arrangement
}

// Of numbers the fields of any document.
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
