package splunk

import (
	"net/netip"
	"strings"
)

// Table is a lookup: rows of texts under named columns, and how they are found.
type Table struct {
	Name    string
	Columns []string
	Rows    [][]string
	// Matching says how the cells of a column match; a column that is not in it has to be equal.
	Matching map[string]Matching
	// IgnoreCase compares texts without case.
	IgnoreCase bool
	// MaxMatches bounds the rows that one event finds; 0 is Splunk's 100. When fewer than
	// MinMatches are found, Default is put out once.
	MaxMatches, MinMatches int
	Default                string
	// Listed tells that the definition lists the columns: a search that writes the table writes no others.
	Listed bool
	// Kept tells that searches write the table.
	Kept bool
	// Empty says why there are no rows, as for a table that only a running Splunk would have; ""
	// when the rows are all there are.
	Empty string
	// Unread says why nobody knows the rows, which there are: a search that names them cannot be run.
	Unread string

	index map[string]map[string][]int
	globs map[string][]glob
	nets  map[string][]netip.Prefix
}

// Matching is how a column's cells match a value.
type Matching int

// The kinds. The cells of a Wildcard have stars, those of a CIDR are networks.
const (
	Exact Matching = iota
	Wildcard
	CIDR
)

const usualMatches = 100

func (t *Table) column(name string) int {
	for i, c := range t.Columns {
		if c == name {
			return i
		}
	}
	return -1
}

// find returns the rows in which every column has the value beside it.
func (t *Table) find(columns []int, values []string) []int {
	limit := t.MaxMatches
	if limit == 0 {
		limit = usualMatches
	}
	var found []int
	for _, i := range t.candidates(columns, values) {
		ok := true
		for j, c := range columns {
			ok = ok && t.matches(i, c, values[j])
		}
		if ok {
			found = append(found, i)
			if len(found) == limit {
				break
			}
		}
	}
	return found
}

// candidates are the rows that an exact column leaves over, all when there is none.
func (t *Table) candidates(columns []int, values []string) []int {
	for j, c := range columns {
		if t.Matching[t.Columns[c]] == Exact {
			return t.indexOf(c)[t.fold(values[j])]
		}
	}
	all := make([]int, len(t.Rows))
	for i := range all {
		all[i] = i
	}
	return all
}

func (t *Table) fold(s string) string {
	if t.IgnoreCase {
		return strings.ToLower(s)
	}
	return s
}

// Prepare builds what finds rows. A table that is used by several searches at once is prepared
// before.
func (t *Table) Prepare() {
	t.index, t.globs, t.nets = map[string]map[string][]int{}, map[string][]glob{}, map[string][]netip.Prefix{}
	for c, name := range t.Columns {
		switch t.Matching[name] {
		case Exact:
			index := map[string][]int{}
			for i := range t.Rows {
				cell := t.fold(t.cell(i, c))
				index[cell] = append(index[cell], i)
			}
			t.index[name] = index
		case Wildcard:
			list := make([]glob, len(t.Rows))
			for i := range t.Rows {
				list[i] = newGlob(t.cell(i, c), t.IgnoreCase)
			}
			t.globs[name] = list
		case CIDR:
			list := make([]netip.Prefix, len(t.Rows))
			for i := range t.Rows {
				list[i], _ = network(t.cell(i, c))
			}
			t.nets[name] = list
		}
	}
}

func (t *Table) indexOf(c int) map[string][]int { return t.index[t.Columns[c]] }

func (t *Table) cell(i, c int) string {
	if c < len(t.Rows[i]) {
		return t.Rows[i][c]
	}
	return ""
}

func (t *Table) matches(i, c int, value string) bool {
	switch name := t.Columns[c]; t.Matching[name] {
	case Wildcard:
		return t.globs[name][i].match(value)
	case CIDR:
		p := t.nets[name][i]
		if !p.IsValid() {
			return t.cell(i, c) == value
		}
		return inNetwork(p, value)
	default:
		return t.fold(t.cell(i, c)) == t.fold(value)
	}
}
