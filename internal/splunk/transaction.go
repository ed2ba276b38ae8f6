package splunk

import (
	"maps"
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// transactions groups events with the same field values, close enough in time, and between a start and an end
// event. Events arrive newest first, so a transaction grows into the past.
type transactions struct {
	next          stage
	run           *run
	account       *account
	spec          *spl.Transaction
	start, finish func(Row) (bool, error)
	open          []*transaction
	// evicted holds transactions without a start or end, ordered by their newest event. Each is passed on once no
	// open transaction is newer.
	evicted []*transaction
	begun   int
}

// transaction is an open transaction.
type transaction struct {
	number  int
	values  map[string]string
	held    int
	rows    []Row // newest first
	hasEnd  bool
	hasOpen bool
}

// openSize is the overhead of a row in an open transaction, in bytes.
const openSize = 128

func newTransactions(r *run, c *spl.Transaction, next stage) stage {
	return &transactions{next: next, run: r, account: r.account("transaction"), spec: c, start: r.border(c.StartsWith, c.StartEval), finish: r.border(c.EndsWith, c.EndEval)}
}

// border compiles startswith or endswith; nil if it is not set.
func (r *run) border(x spl.Expr, eval spl.Node) func(Row) (bool, error) {
	switch {
	case x != nil:
		p := compileExpr(x, same)
		return func(row Row) (bool, error) { return p(row), nil }
	case eval != nil:
		p, s := compileNode(eval), r.scope()
		return func(row Row) (bool, error) {
			v, err := s.eval(p, row)
			return v.isTrue(), err
		}
	}
	return nil
}

func (t *transactions) row(row Row) error {
	isStart, isEnd := false, false
	var err error
	if t.start != nil {
		if isStart, err = t.start(row); err != nil {
			return err
		}
	}
	if t.finish != nil {
		if isEnd, err = t.finish(row); err != nil {
			return err
		}
	}
	values := map[string]string{}
	for _, n := range t.spec.Names {
		if v := row.Get(n.Text); !v.IsNull() {
			values[n.Text] = v.String()
		}
	}
	if len(t.spec.Names) > 0 && len(values) == 0 {
		return nil
	}
	if err := t.expire(row); err != nil {
		return err
	}
	if isEnd {
		if err := t.evict(values); err != nil {
			return err
		}
	}
	into := t.find(values, isEnd)
	if into == nil {
		// With endswith, only an end event can be the newest event of a complete transaction.
		if t.finish != nil && !isEnd && !t.spec.KeepEvicted {
			return nil
		}
		t.begun++
		into = &transaction{number: t.begun, values: map[string]string{}, hasEnd: isEnd}
		t.open = append(t.open, into)
	}
	size := row.size() + openSize
	into.rows = append(into.rows, row)
	into.held += size
	maps.Copy(into.values, values)
	if err := t.account.hold(size); err != nil {
		return err
	}
	if isStart {
		into.hasOpen = true
		return t.close(into)
	}
	if t.spec.MaxEvents > 0 && len(into.rows) >= t.spec.MaxEvents {
		return t.close(into)
	}
	return nil
}

// find returns the open transaction for a row. An end event starts a new one.
func (t *transactions) find(values map[string]string, isEnd bool) *transaction {
	if isEnd {
		return nil
	}
	for _, open := range slices.Backward(t.open) {
		shared, equal := 0, true
		for k, v := range values {
			if old, ok := open.values[k]; ok {
				shared++
				equal = equal && old == v
			}
		}
		if equal && (shared > 0 || t.spec.Unconnected || len(t.spec.Names) == 0) {
			return open
		}
	}
	return nil
}

// evict closes transactions without an end to which an end event would belong: older events belong to the new
// transaction. It also closes transactions whose events would belong to a transaction with the same values and an
// end.
func (t *transactions) evict(values map[string]string) error {
	for open := t.find(values, false); open != nil && (!open.hasEnd || maps.Equal(open.values, values)); open = t.find(values, false) {
		if err := t.close(open); err != nil {
			return err
		}
	}
	return nil
}

// expire closes transactions that are too far from the row in time.
func (t *transactions) expire(row Row) error {
	at, _ := row["_time"].Float()
	for _, open := range slices.Clone(t.open) {
		newest, _ := open.rows[0]["_time"].Float()
		oldest, _ := open.rows[len(open.rows)-1]["_time"].Float()
		if t.spec.MaxSpan >= 0 && newest-at > t.spec.MaxSpan || t.spec.MaxPause >= 0 && oldest-at > t.spec.MaxPause {
			if err := t.close(open); err != nil {
				return err
			}
		}
	}
	return nil
}

// close passes a transaction on. Without a required start or end it is evicted.
func (t *transactions) close(open *transaction) error {
	t.open = slices.DeleteFunc(t.open, func(o *transaction) bool { return o == open })
	switch complete := (t.start == nil || open.hasOpen) && (t.finish == nil || open.hasEnd); {
	case complete:
		if err := t.emit(open, true); err != nil {
			return err
		}
	case t.spec.KeepEvicted:
		i, _ := slices.BinarySearchFunc(t.evicted, open.number, func(o *transaction, number int) int { return o.number - number })
		t.evicted = slices.Insert(t.evicted, i, open)
	default:
		t.account.release(open.held)
		open.rows = nil
	}
	return t.passEvicted()
}

// passEvicted passes on evicted transactions that are newer than all open ones.
func (t *transactions) passEvicted() error {
	for len(t.evicted) > 0 && (len(t.open) == 0 || t.evicted[0].number < t.open[0].number) {
		one := t.evicted[0]
		t.evicted = t.evicted[1:]
		if err := t.emit(one, false); err != nil {
			return err
		}
	}
	return nil
}

func (t *transactions) emit(done *transaction, complete bool) error {
	whole, err := done.merge(t.run, t.spec, complete)
	t.account.release(done.held)
	done.rows = nil
	if err != nil {
		return err
	}
	return t.next.row(whole)
}

// merge makes one row: the distinct values of each field in order, and the time of the oldest event.
func (o *transaction) merge(r *run, c *spl.Transaction, complete bool) (Row, error) {
	out := Row{}
	lists := map[string][]Value{}
	type one struct{ name, value string }
	seen := map[one]bool{}
	listed := o.listed(c)
	for _, row := range slices.Backward(o.rows) {
		if err := r.alive(); err != nil {
			return nil, err
		}
		for name := range listed {
			if row.Get(name).IsNull() {
				lists[name] = append(lists[name], Text(c.Missing))
			}
		}
		for name, v := range row {
			for _, x := range v.Each() {
				if key := (one{name, x.String()}); !seen[key] || name == "_raw" || listed[name] {
					seen[key] = true
					lists[name] = append(lists[name], x)
				}
			}
		}
	}
	for name, list := range lists {
		switch name {
		case "_time":
		case "_raw":
			texts := make([]string, len(list))
			for i, x := range list {
				texts[i] = x.String()
			}
			out[name] = Text(strings.Join(texts, "\n"))
		default:
			if listed[name] {
				out.set(name, Several(list...))
				continue
			}
			// Values are sorted, as with the function values.
			slices.SortStableFunc(list, func(a, b Value) int { return strings.Compare(a.String(), b.String()) })
			out.set(name, Several(list...))
		}
	}
	newest, _ := o.rows[0]["_time"].Float()
	oldest, _ := o.rows[len(o.rows)-1]["_time"].Float()
	out["_time"] = Number(oldest)
	out["duration"] = Number(newest - oldest)
	out["eventcount"] = Number(float64(len(o.rows)))
	out["closed_txn"] = Number(map[bool]float64{true: 1}[complete])
	return out, nil
}

// listed returns the fields whose values keep their order, one for each event.
func (o *transaction) listed(c *spl.Transaction) map[string]bool {
	out := map[string]bool{}
	if !c.Lists {
		return out
	}
	for _, row := range o.rows {
		for name := range row {
			if name != "" && name[0] != '_' && (len(c.Listed) == 0 || slices.Contains(c.Listed, name)) {
				out[name] = true
			}
		}
	}
	return out
}

func (t *transactions) end() error {
	for len(t.open) > 0 {
		if err := t.close(t.open[0]); err != nil {
			return err
		}
	}
	return t.next.end()
}
