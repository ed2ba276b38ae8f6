package splunk

import (
	"slices"

	"tocsin/internal/translate/spl"
)

// totals adds the sum of its numbers to each row, and a row with the sums of fields after all rows.
type totals struct {
	next    stage
	spec    *spl.AddTotals
	account *account
	sums    Row
}

func (s *totals) row(row Row) error {
	names := s.names(row)
	if !s.spec.NoRow {
		sum := 0.0
		for _, name := range names {
			if x, ok := row[name].Float(); ok {
				sum += x
			}
		}
		row[s.spec.As] = Number(sum)
		if !slices.Contains(names, s.spec.As) {
			names = append(names, s.spec.As)
		}
	}
	if s.spec.Column {
		for _, name := range names {
			x, ok := row[name].Float()
			if !ok {
				continue
			}
			old, known := s.sums[name]
			if !known {
				if err := s.account.hold(len(name) + 112); err != nil {
					return err
				}
			}
			s.sums[name] = Number(old.number + x)
		}
	}
	return s.next.row(row)
}

// names returns the fields to add: all fields if none is named.
func (s *totals) names(row Row) []string {
	if len(s.spec.Names) == 0 {
		return row.matching("*")
	}
	var out []string
	for _, n := range s.spec.Names {
		for _, name := range row.matching(n.Text) {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

func (s *totals) end() error {
	if s.spec.Column {
		if s.spec.LabelField != "" {
			s.sums[s.spec.LabelField] = Text(s.spec.Label)
		}
		if err := s.next.row(s.sums); err != nil {
			return err
		}
	}
	s.sums = nil
	s.account.close()
	return s.next.end()
}
