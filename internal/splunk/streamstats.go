package splunk

import "tocsin/internal/translate/spl"

// streamstats adds to each row the results of those before it, with it unless it is not current.
type streamstats struct {
	next   stage
	groups *grouping
	spec   *spl.Aggregate
	// past are the rows that a window looks back on, of each group or of all.
	past map[*group]*kept
}

func newStreamstats(g *grouping, c *spl.Aggregate, next stage) stage {
	return &streamstats{next, g, c, map[*group]*kept{}}
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
	if past == nil {
		past = &kept{account: s.groups.account}
		s.past[place] = past
	}
	if !s.spec.NoCurrent {
		if err := past.add(seen); err != nil {
			return err
		}
	}
	for len(past.rows) > s.spec.Window {
		past.drop()
	}
	if err := s.results(one, row, past.rows); err != nil {
		return err
	}
	if s.spec.NoCurrent {
		if err := past.add(seen); err != nil {
			return err
		}
	}
	return s.next.row(row)
}

// results sets the results of the rows of a group in a row.
func (s *streamstats) results(one *group, row Row, past []Row) error {
	account := &account{run: s.groups.account.run, command: s.groups.account.command}
	defer account.close()
	fresh := newGrouping(account, s.groups.aggs, s.spec.By, same)
	current, err := fresh.group(one.values)
	if err != nil {
		return err
	}
	for i, r := range past {
		if i%64 == 0 {
			if err := account.run.alive(); err != nil {
				return err
			}
		}
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
	return nil
}

func (s *streamstats) end() error {
	s.past = nil
	s.groups.account.close()
	return s.next.end()
}
