package splunk

import "tocsin/internal/translate/spl"

// streamstats adds to each row the results of those before it, with it unless it is not current.
type streamstats struct {
	next   stage
	groups *grouping
	spec   *spl.Aggregate
	// past are the rows that a window looks back on, of each group or of all.
	past map[*group][]Row
}

func newStreamstats(g *grouping, c *spl.Aggregate, next stage) stage {
	return &streamstats{next, g, c, map[*group][]Row{}}
}

func (s *streamstats) row(row Row) error {
	in, err := s.groups.of(row)
	if err != nil {
		return err
	}
	if len(in) == 0 {
		return s.next.row(row)
	}
	one := in[0]
	seen := row.clone()
	if s.spec.Window > 0 {
		return s.windowed(one, row, seen)
	}
	if !s.spec.NoCurrent {
		if err := s.groups.add(one, seen); err != nil {
			return err
		}
	}
	s.groups.results(one, row)
	if s.spec.NoCurrent {
		if err := s.groups.add(one, seen); err != nil {
			return err
		}
	}
	return s.next.row(row)
}

// windowed aggregates the last rows anew: no function can take a row back.
func (s *streamstats) windowed(one *group, row, seen Row) error {
	place := one
	if s.spec.Global {
		place = nil // One window over all groups; those of the row's are looked at.
	}
	past := s.past[place]
	if !s.spec.NoCurrent {
		past = append(past, seen)
	}
	if extra := len(past) - s.spec.Window; extra > 0 {
		past = past[extra:]
	}
	fresh := newGrouping(s.groups.run, "streamstats", s.groups.aggs, s.spec.By, same)
	held := s.groups.run.held
	current, err := fresh.group(one.values)
	if err != nil {
		return err
	}
	for _, r := range past {
		in, err := fresh.of(r)
		if err != nil {
			return err
		}
		for _, g := range in {
			if g == current {
				if err := fresh.add(g, r); err != nil {
					return err
				}
			}
		}
	}
	fresh.results(current, row)
	s.groups.run.held = held
	if s.spec.NoCurrent {
		past = append(past, seen)
	}
	s.past[place] = past
	return s.next.row(row)
}

func (s *streamstats) end() error { return s.next.end() }
