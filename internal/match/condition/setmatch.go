package condition

import (
	"slices"
	"strings"

	"tocsin/internal/diag/invariants"
	"tocsin/internal/match/mapping"
)

// Matching is the working memory of matching a set. Only one goroutine may use it at a time.
type Matching struct {
	graph       *graph
	arrangement *arrangement
	document    Columns
	// count numbers the documents: a mark with another number belongs to another document.
	count uint32
	// at is the leaf that is being tested.
	at int32
	// answers holds, for each node, its document's number and in the lowest bit the answer.
	answers []uint32
	// offered marks members that were evaluated, tried the tests whose members were.
	offered, tried []uint32
	columns        []columnCache
	filled         []int32
	found          []int32
	// scope selects the members to evaluate, try the tests that lead to them.
	scope Scope
	try   func(tests []int32)
	// folded is a buffer for folded texts.
	folded []byte
	row    []*mapping.Value
	rows   [][]mapping.Value
}

// NewMatching returns working memory for matching the set.
func (s *Set) NewMatching() *Matching { return newMatching(s.graph, s.arranged()) }

func newMatching(g *graph, a *arrangement) *Matching {
	m := &Matching{
		graph: g, arrangement: a, at: none,
		answers: make([]uint32, len(g.nodes)), offered: make([]uint32, len(g.roots)), tried: make([]uint32, len(g.nodes)),
		columns: make([]columnCache, len(g.columns)),
	}
	m.try = m.tryAll
	return m
}

// maxCount is the number of documents after which all marks are reset.
const maxCount = 1<<31 - 1

// begin starts the next document.
func (m *Matching) begin(d Columns) {
	if m.count++; m.count > maxCount {
		clear(m.answers)
		clear(m.offered)
		clear(m.tried)
		clear(m.columns)
		m.count = 1
	}
	m.document, m.folded, m.found, m.at = d, m.folded[:0], m.found[:0], none
	m.filled = d.Filled(m.filled[:0])
}

// Match returns the numbers of the members that are true of a document, in order; the slice is
// valid until the next Match. Only members in scope are evaluated. If it panics,
// [Matching.Crashing] returns the members that caused it.
func (m *Matching) Match(d Columns, scope Scope) []int32 {
	m.begin(d)
	m.scope = scope
	a := m.arrangement
	for _, c := range m.filled {
		if int(c) < len(a.index.columns) && a.index.columns[c].any {
			a.index.lead(m, c, m.try)
		}
	}
	m.try(a.direct)
	for _, member := range a.always {
		m.evaluateMember(member)
	}
	slices.Sort(m.found)
	if invariants.Enabled && m.checked() {
		m.recheck(d, scope)
	}
	m.document, m.scope = nil, nil
	return m.found
}

// Crashing returns, after a Match that panicked, the members with the test at which it did; nil
// when it was at no test. Once these members are left out of a new set, they cannot crash it again.
func (m *Matching) Crashing() []int32 {
	if m.at == none {
		return nil
	}
	var out []int32
	for member, root := range m.graph.roots {
		if root == none {
			continue
		}
		m.graph.reach(root, func(n int32) {
			if n == m.at {
				out = append(out, int32(member))
			}
		})
	}
	return out
}

// tryAll offers the members of the given tests, as far as the tests hold.
func (m *Matching) tryAll(tests []int32) {
	for _, n := range tests {
		if m.tried[n] == m.count {
			continue
		}
		m.tried[n] = m.count
		if m.holds(n) {
			for _, member := range m.arrangement.led[n] {
				m.evaluateMember(member)
			}
		}
	}
}

// evaluateMember evaluates a member, once.
func (m *Matching) evaluateMember(member int32) {
	if m.offered[member] == m.count {
		return
	}
	m.offered[member] = m.count
	if m.scope.has(member) && m.holds(m.graph.roots[member]) {
		m.found = append(m.found, member)
	}
}

// holds evaluates a node, once.
func (m *Matching) holds(n int32) bool {
	if a := m.answers[n]; a>>1 == m.count {
		return a&1 == 1
	}
	answer := m.evaluate(n)
	m.answer(n, answer)
	return answer
}

func (m *Matching) answer(n int32, answer bool) {
	m.answers[n] = m.count << 1
	if answer {
		m.answers[n] |= 1
	}
}

func (m *Matching) evaluate(id int32) bool {
	n := m.graph.nodes[id]
	if n.op == opLeaf {
		m.at = id
		return m.test(&m.graph.leaves[n.first], id)
	}
	parts := m.arrangement.parts[n.first : n.first+n.count]
	switch n.op {
	case opTrue:
		return true
	case opNot:
		return !m.holds(parts[0])
	case opAnd:
		for _, p := range parts {
			if !m.holds(p) {
				return false
			}
		}
		return true
	case opOr:
		return slices.ContainsFunc(parts, m.holds)
	default:
		return false
	}
}

func (m *Matching) test(l *atom, id int32) bool {
	switch l.kind {
	case equalAtom:
		return m.testEqual(l)
	case textAtom:
		return m.testTexts(l)
	case valueAtom:
		return slices.ContainsFunc(m.values(l.column), l.accept)
	case existsAtom:
		if m.graph.columns[l.column].Type.Family() == mapping.FamilyString {
			return len(m.texts(l.column)) > 0
		}
		return len(m.values(l.column)) > 0
	case objectAtom:
		return m.document.ObjectAt(int(l.object))
	case networkAtom:
		m.locate(l.column)
		a := m.answers[id]
		return a>>1 == m.count && a&1 == 1
	case nestedAtom:
		return l.nested.match(m.document)
	default:
		return m.testRows(&m.graph.rows[l.row])
	}
}

func (m *Matching) testEqual(l *atom) bool {
	for _, text := range m.texts(l.column) {
		if text == l.text || l.fold && equalFolded(text, l.text) {
			return true
		}
	}
	return false
}

func (m *Matching) testTexts(l *atom) bool {
	if l.text != "" && !anyContains(m.foldedTexts(l.column), l.text) {
		return false
	}
	return slices.ContainsFunc(m.textsFor(l), l.holds)
}

// textsFor returns the texts that a leaf tests.
func (m *Matching) textsFor(l *atom) []string {
	if l.fold {
		return m.foldedTexts(l.column)
	}
	return m.texts(l.column)
}

func anyContains(texts []string, literal string) bool {
	for _, text := range texts {
		if strings.Contains(text, literal) {
			return true
		}
	}
	return false
}

// testRows tests every combination of the fields' values until one holds.
func (m *Matching) testRows(r *rowTest) bool {
	m.rows, m.row = m.rows[:0], m.row[:0]
	for _, c := range r.columns {
		var values []mapping.Value
		if c != none {
			values = m.values(c)
		}
		m.rows = append(m.rows, values)
	}
	return anyRow(m.rows, m.row, r.holds)
}
