package indicator

import "tocsin/internal/match/event"

// places stores the locations of many documents: the ids in one string, the names of indices once.
type places struct {
	ids     []byte
	ends    []uint64
	indices []uint32
	names   []string
	numbers map[string]uint32
}

func (p *places) len() int { return len(p.ends) }

func (p *places) add(r event.Ref) uint32 {
	n, known := p.numbers[r.Index]
	if !known {
		if p.numbers == nil {
			p.numbers = map[string]uint32{}
		}
		n = uint32(len(p.names))
		p.names = append(p.names, r.Index)
		p.numbers[r.Index] = n
	}
	p.ids = append(p.ids, r.ID...)
	p.ends = append(p.ends, uint64(len(p.ids)))
	p.indices = append(p.indices, n)
	return uint32(len(p.ends) - 1)
}

func (p *places) at(i uint32) event.Ref {
	start := uint64(0)
	if i > 0 {
		start = p.ends[i-1]
	}
	return event.Ref{Index: p.names[p.indices[i]], ID: string(p.ids[start:p.ends[i]])}
}
