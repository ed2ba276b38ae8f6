package splunk

import (
	"strings"

	"tocsin/internal/translate/spl"
)

// tabled makes one row for each line of a table in the text of an event.
type tabled struct {
	next stage
	run  *run
	spec *spl.Multikv
}

func (s *tabled) row(row Row) error {
	lines := strings.Split(fieldOrRaw(row, "_raw").String(), "\n")
	head, names := s.head(lines)
	if names == nil || s.spec.Keep {
		if err := s.next.row(row.clone()); err != nil || names == nil {
			return err
		}
	}
	for _, text := range lines[head:] {
		if err := s.run.alive(); err != nil {
			return err
		}
		cells := strings.Fields(text)
		if len(cells) == 0 || !s.wanted(text) {
			continue
		}
		out := Row{}
		if !s.spec.Bare {
			out = row.clone()
		}
		out["_raw"] = Text(text)
		if at := row["_time"]; !at.IsNull() {
			out["_time"] = at
		}
		for i, name := range names {
			if i >= len(cells) || !s.named(name) {
				continue
			}
			cell := cells[i]
			if i == len(names)-1 {
				cell = strings.Join(cells[i:], " ") // The last column takes the rest of the line.
			}
			out.set(name, Text(cell))
		}
		if err := s.next.row(out); err != nil {
			return err
		}
	}
	return nil
}

// head returns the index of the first line after the column names, and the names; nil if the text is not a table.
func (s *tabled) head(lines []string) (int, []string) {
	if s.spec.NoHeader {
		most := 0
		for _, text := range lines {
			most = max(most, len(strings.Fields(text)))
		}
		names := make([]string, most)
		for i := range names {
			names[i] = "Column_" + formatNumber(float64(i+1))
		}
		return 0, names
	}
	if n := s.spec.Header; n > 0 {
		if n > len(lines) {
			return 0, nil
		}
		return n, strings.Fields(lines[n-1])
	}
	for i, text := range lines {
		if names := strings.Fields(text); len(names) > 1 && i+1 < len(lines) {
			return i + 1, names
		}
	}
	return 0, nil
}

func (s *tabled) named(name string) bool {
	for _, n := range s.spec.Names {
		if n.Text == name {
			return true
		}
	}
	return len(s.spec.Names) == 0
}

func (s *tabled) wanted(text string) bool {
	for _, n := range s.spec.Filter {
		if strings.Contains(strings.ToLower(text), strings.ToLower(n.Text)) {
			return true
		}
	}
	return len(s.spec.Filter) == 0
}

func (s *tabled) end() error { return s.next.end() }
