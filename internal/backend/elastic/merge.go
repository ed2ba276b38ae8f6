package elastic

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/search"
)

// merger reads several searches as one, in their common order. Opening a point in time needs all patterns in
// the URL, and the patterns of many rules may not fit into one.
type merger struct {
	pagers []*pager
	// heads are the hits of each pager that were read but not passed on.
	heads [][]hit
	// tied are the passed-on hits with the last sort values: an index that two parts of the patterns match is
	// read twice.
	tied map[hitKey]bool
	last []json.RawMessage
}

func (m *merger) run(ctx context.Context, visit func([]hit) (bool, error)) (search.Result, error) {
	m.heads = make([][]hit, len(m.pagers))
	m.tied = map[hitKey]bool{}
	defer m.close(ctx)
	defer m.pagers[0].client.pageMemory.begin(2 * len(m.pagers))() // for each pager, the page with its current hits and the next one
	for _, p := range m.pagers {
		if err := p.open(ctx); err != nil {
			return m.result(), err
		}
	}
	for more := true; more; {
		page, err := m.page(ctx)
		if err != nil {
			return m.result(), err
		}
		if len(page) == 0 {
			break
		}
		if more, err = visit(page); err != nil {
			return m.result(), err
		}
	}
	return m.result(), m.damage()
}

func (m *merger) close(ctx context.Context) {
	for _, p := range m.pagers {
		p.close(ctx)
	}
}

// result adds up the results. Events that several parts match are counted by each, so the total is unknown.
func (m *merger) result() search.Result {
	sum := search.Result{Total: -1}
	for _, p := range m.pagers {
		sum.Took += p.result.Took
		sum.Pages += p.result.Pages
	}
	return sum
}

func (m *merger) damage() error {
	for _, p := range m.pagers {
		if err := p.damage.err(p.op); err != nil {
			return err
		}
	}
	return nil
}

// page returns the next hits of all pagers; none at the end.
func (m *merger) page(ctx context.Context) ([]hit, error) {
	var out []hit
	for size := m.pagers[0].size; len(out) < size; {
		if err := m.fill(ctx); err != nil {
			return nil, err
		}
		first := m.first()
		if first < 0 {
			break
		}
		h := m.heads[first][0]
		m.heads[first] = m.heads[first][1:]
		if !sameButPlace(h.Sort, m.last) {
			clear(m.tied)
		}
		m.last = h.Sort
		if key := (hitKey{h.Index, h.ID}); !m.tied[key] {
			m.tied[key] = true
			out = append(out, h)
		}
	}
	return out, nil
}

// fill reads the next page of each pager without hits.
func (m *merger) fill(ctx context.Context) error {
	for i, p := range m.pagers {
		for len(m.heads[i]) == 0 && !p.done {
			hits, err := p.more(ctx)
			if err != nil {
				return err
			}
			m.heads[i] = hits
		}
	}
	return nil
}

// first returns the pager with the first hit; -1 if there are no more hits.
func (m *merger) first() int {
	best := -1
	for i, head := range m.heads {
		if len(head) > 0 && (best < 0 || m.compare(head[0].Sort, m.heads[best][0].Sort) < 0) {
			best = i
		}
	}
	return best
}

// compare orders sort values like Elasticsearch: a missing value is last in either order.
func (m *merger) compare(a, b []json.RawMessage) int {
	for i, clause := range sortOf(m.pagers[0].body) {
		if i >= len(a) || i >= len(b) {
			break
		}
		missingA, missingB := string(a[i]) == "null", string(b[i]) == "null"
		order := compareValues(a[i], b[i])
		switch {
		case missingA && missingB:
			continue
		case missingA:
			return 1
		case missingB:
			return -1
		case order == 0:
			continue
		case descending(clause):
			return -order
		}
		return order
	}
	return 0
}

func descending(clause condition.Query) bool {
	for _, options := range clause {
		if by, ok := options.(condition.Query); ok {
			return by["order"] == "desc"
		}
	}
	return false
}

// compareValues compares two dates, two numbers or two strings.
func compareValues(a, b json.RawMessage) int {
	var textA, textB string
	if json.Unmarshal(a, &textA) == nil && json.Unmarshal(b, &textB) == nil {
		timeA, errA := time.Parse(time.RFC3339Nano, textA)
		timeB, errB := time.Parse(time.RFC3339Nano, textB)
		if errA == nil && errB == nil {
			return timeA.Compare(timeB)
		}
		return strings.Compare(textA, textB)
	}
	var wholeA, wholeB int64
	if json.Unmarshal(a, &wholeA) == nil && json.Unmarshal(b, &wholeB) == nil {
		return cmp.Compare(wholeA, wholeB)
	}
	var numberA, numberB float64
	if json.Unmarshal(a, &numberA) == nil && json.Unmarshal(b, &numberB) == nil {
		return cmp.Compare(numberA, numberB)
	}
	return strings.Compare(string(a), string(b))
}
