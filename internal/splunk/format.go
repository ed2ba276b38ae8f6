package splunk

import (
	"maps"
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// formatted is the command format: it makes one row with a condition that matches any of the rows.
type formatted struct {
	next    stage
	spec    *spl.Format
	account *account
	rows    []string
}

func (s *formatted) row(row Row) error {
	if s.spec.Max > 0 && len(s.rows) == s.spec.Max {
		return nil
	}
	text := s.text(row)
	if text == "" {
		return nil
	}
	s.rows = append(s.rows, text)
	return s.account.hold(len(text) + 16)
}

// text requires all fields of a row, except fields whose names start with an underscore. The values of fields
// named search or query are used as conditions.
func (s *formatted) text(row Row) string {
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(row)) {
		if name == "" || name[0] == '_' {
			continue
		}
		var values []string
		for _, v := range row[name].Each() {
			if name == "search" || name == "query" {
				values = append(values, v.String())
				continue
			}
			values = append(values, formatName(name)+"="+spl.Quote(v.String()))
		}
		if len(values) == 1 {
			fields = append(fields, values[0])
		} else {
			fields = append(fields, "( "+strings.Join(values, " "+s.spec.Between+" ")+" )")
		}
	}
	return strings.Join(fields, " "+s.spec.Texts[2]+" ")
}

// formatName quotes names that are not words.
func formatName(name string) string {
	if strings.ContainsAny(name, " \t\n,()[]|=<>!\"'") {
		return spl.Quote(name)
	}
	return name
}

func (s *formatted) end() error {
	text := s.spec.Empty
	if len(s.rows) > 0 {
		t := s.spec.Texts
		for i, row := range s.rows {
			s.rows[i] = t[1] + " " + row + " " + t[3]
		}
		text = t[0] + " " + strings.Join(s.rows, " "+t[4]+" ") + " " + t[5]
	}
	s.rows = nil
	s.account.close()
	if err := s.next.row(Row{"search": Text(text)}); err != nil {
		return err
	}
	return s.next.end()
}
