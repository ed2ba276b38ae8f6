package indicator

// Lost counts values of indicators that can match nothing.
type Lost struct {
	// Group and Entry identify the entry of the values. Entry is -1 when an indicator has more
	// combinations of values than are stored.
	Group, Entry int
	Count        int64
	// Example is one of the values.
	Example string
}

// Lost returns the values that could not be used.
func (s *Set) Lost() []Lost { return s.lost }

func (s *Set) lose(group, entry int, example string) {
	for i, l := range s.lost {
		if l.Group == group && l.Entry == entry {
			s.lost[i].Count++
			return
		}
	}
	s.lost = append(s.lost, Lost{group, entry, 1, example})
}
