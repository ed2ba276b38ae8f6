package splunk

import (
	"net/netip"
	"strings"
)

// Table is a lookup: rows of texts in named columns, and how to match them.
type Table struct {
	Name    string
	Columns []string
	Rows    [][]string
	// Matching has the kind of match of a column; a column without an entry must be equal.
	Matching map[string]Matching
	// IgnoreCase ignores case when texts are compared.
	IgnoreCase bool
	// MaxMatches is the maximum number of rows for one event; 0 is Splunk's 100. If fewer than MinMatches rows
	// match, Default is the result once.
	MaxMatches, MinMatches int
	Default                string
	// Listed reports that the definition lists the columns: searches that write the table write only these.
	Listed bool
	// Kept reports that searches write the table.
	Kept bool
	// Empty is the reason why the table has no rows, such as a table that exists only in a running Splunk; "" if
	// the rows are complete.
	Empty string
	// Unread is the reason why the existing rows could not be read. A search with such a table does not run.
	Unread string

	index map[string]map[string][]int
	globs map[string][]glob
	nets  map[string][]netip.Prefix
}

// Matching is how the cells of a column match a value.
type Matching int

// The kinds of matching. Cells of Wildcard columns have stars, cells of CIDR columns are networks.
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

// find returns the rows in which every column matches its value.
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

// candidates returns the rows that match an exact column; all rows if there is none.
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

// Prepare builds the index of the table. A table that several searches use at the same time must be prepared
// first.
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
