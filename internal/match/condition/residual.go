package condition

import "tocsin/internal/match/mapping"

// residualLeaf tests every combination of the fields' values until one holds.
func residualLeaf(r Residual, fields mapping.Fields) leaf {
	l := leaf{kind: rowLeaf, fields: make([]rowField, len(r.Fields)), names: r.Fields, text: r.Text, holds: r.Holds, literals: r.Literals}
	for i, name := range r.Fields {
		l.fields[i].Field, l.fields[i].mapped = fieldNamed(fields, name)
	}
	return l
}

func (l *leaf) matchRows(d Document) bool {
	columns := make([][]mapping.Value, len(l.fields))
	for i, f := range l.fields {
		if f.mapped {
			columns[i] = d.Values(f.Field)
		}
	}
	return anyRow(columns, make([]*mapping.Value, 0, len(columns)), l.holds)
}

// anyRow extends a row by each value of the next column, or by nil if it has none.
func anyRow(columns [][]mapping.Value, row []*mapping.Value, holds func([]*mapping.Value) bool) bool {
	if len(row) == len(columns) {
		return holds(row)
	}
	values := columns[len(row)]
	if len(values) == 0 {
		return anyRow(columns, append(row, nil), holds)
	}
	for i := range values {
		if anyRow(columns, append(row, &values[i]), holds) {
			return true
		}
	}
	return false
}

// widened returns what of a residual can be checked without it: that its required fields exist, and
// what is wider.
func (r Residual) widened(up bool) Expr {
	if !up {
		return Const(false)
	}
	var required And
	if r.Wider != nil {
		required = append(required, r.Wider)
	}
	for _, name := range r.Required {
		required = append(required, Exists{Field: name})
	}
	return required
}
