package batch

import (
	"fmt"
	"slices"
	"sync"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
)

// crashes holds the members whose conditions have crashed, by number. The zero value is empty.
type crashes struct {
	mu sync.Mutex
	by map[int]error
	// common counts the crashes that no single member causes.
	common int
}

// maxCommon is how many events may crash the set of all conditions, but no single condition, before
// the scan is given up.
const maxCommon = 16

func (c *crashes) of(member int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.by[member]
}

func (c *crashes) add(member int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[int]error{}
	}
	if c.by[member] == nil {
		c.by[member] = err
	}
}

// shared counts a crash that no single member causes, and reports whether there were too many.
func (c *crashes) shared() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.common++
	return c.common > maxCommon
}

// single is a variant by itself.
type single struct {
	matcher *condition.Matcher
	err     error
}

// isolate matches an event that crashed the set with each variant by itself. Variants that crash
// again leave the scan with the crash as their answer; all others get their normal result.
func (r *reader) isolate(e *event.Event, crash any) error {
	scope, err := r.scope(e)
	if err != nil {
		return err
	}
	suspects := slices.Clone(r.matcher.Crashing())
	r.matcher = r.of.NewMatching()
	r.view = r.scan.matched.selection.NewView()
	doc, err := e.Document()
	if err != nil {
		return refusal("read events", err)
	}
	found := false
	var k keeper
	for i := range r.scan.matched.variants {
		if !scope.Has(i) {
			continue
		}
		if err := r.matchAlone(&k, e, i, doc); err != nil {
			r.scan.add(r.scan.matched.variants[i].member, err)
			found = true
		}
	}
	if !found { // Alone, no variant runs the test that crashed: the variants with that test caused it.
		for _, i := range suspects {
			r.scan.add(r.scan.matched.variants[i].member, failure.Crash("match events", crash))
			found = true
		}
	}
	clear(r.covering)
	if !found && r.scan.shared() {
		return failure.Crash("match events", crash) //nolint:wrapcheck // the error names the operation
	}
	return nil
}

// matchAlone matches as match does, for one variant.
func (r *reader) matchAlone(k *keeper, e *event.Event, i int, doc *event.Document) error {
	v := &r.scan.matched.variants[i]
	request := r.scan.members[v.member].request
	op := fmt.Sprintf("match %s/%s with %.200s", e.Index, e.ID, request.Asked())
	return failure.Guard(op, func() error { //nolint:wrapcheck // the error names the operation
		if r.alone == nil {
			r.alone = make([]single, len(r.scan.matched.variants))
		}
		a := &r.alone[i]
		if a.matcher == nil && a.err == nil {
			a.matcher, a.err = condition.Compile(request.Asked(), v.Way.Fields)
		}
		if a.err != nil {
			return a.err //nolint:wrapcheck // the error names the field
		}
		if a.matcher.Match(doc) && r.scan.within[i].Match(doc) {
			return r.keep(k, e, i, doc)
		}
		return nil
	})
}
