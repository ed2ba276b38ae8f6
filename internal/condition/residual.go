package condition

import "tocsin/internal/mapping"

// compileResidual tests every combination of the fields' values until one holds.
func compileResidual(r Residual, fields mapping.Fields) test {
	resolved := make([]mapping.Field, len(r.Fields))
	isMapped := make([]bool, len(r.Fields))
	for i, name := range r.Fields {
		resolved[i], isMapped[i] = fields.Field(name)
	}
	return func(d Document) bool {
		columns := make([][]mapping.Value, len(resolved))
		for i, f := range resolved {
			if isMapped[i] {
				columns[i] = d.Values(f)
			}
		}
		return anyRow(columns, make([]*mapping.Value, 0, len(columns)), r.Holds)
	}
}

// anyRow extends a row by each value of the next column, or by nil where it has none.
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

// widened is what Elasticsearch can check of a residual: that the fields are there without which
// it cannot hold.
func (r Residual) widened(up bool) Expr {
	if !up {
		return Const(false)
	}
	var required And
	for _, name := range r.Required {
		required = append(required, Exists{Field: name})
	}
	return required
}
