package splunk

import (
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// maxJoined is the maximum number of rows of the subsearch of join, as in Splunk.
const maxJoined = 50000

// join adds the fields of the rows of a subsearch with equal values; without field names, equal values in all
// common fields.
func (r *run) join(c *spl.Join, next stage) (stage, error) {
	to := r.account("join")
	held, err := r.rows(to, c.Sub, maxJoined)
	if err != nil {
		return nil, err
	}
	rows := held.rows
	j := &joined{next: next, run: r, spec: c, rows: rows, account: to}
	for _, n := range c.Names {
		j.names = append(j.names, n.Text)
	}
	right := slices.Clone(j.names)
	for _, pair := range c.On {
		j.names, right = append(j.names, pair.From.Text), append(right, pair.To.Text)
	}
	if len(j.names) > 0 {
		j.index = map[string][]Row{}
		for _, row := range rows {
			for _, key := range keysOf(row, right) {
				j.index[key] = append(j.index[key], row)
				if err := to.hold(len(key) + 64); err != nil {
					return nil, err
				}
			}
			if err := r.alive(); err != nil {
				return nil, err
			}
		}
	}
	return j, nil
}

type joined struct {
	next    stage
	run     *run
	spec    *spl.Join
	names   []string
	index   map[string][]Row
	rows    []Row
	account *account
}

// keysOf returns the combinations of the values of fields; none if a field is missing.
func keysOf(row Row, names []string) []string {
	lists := make([][]Value, len(names))
	for i, name := range names {
		if lists[i] = row.Get(name).Each(); len(lists[i]) == 0 {
			return nil
		}
	}
	out := make([]string, combinations(lists))
	for i := range out {
		var b strings.Builder
		n := i
		for _, list := range lists {
			b.WriteString(list[n%len(list)].String())
			b.WriteByte(0)
			n /= len(list)
		}
		out[i] = b.String()
	}
	return out
}

func (j *joined) row(row Row) error {
	found, err := j.find(row)
	if err != nil {
		return err
	}
	if j.spec.UseTime {
		found = j.inTime(row, found)
	}
	if j.spec.Max > 0 && len(found) > j.spec.Max {
		found = found[:j.spec.Max]
	}
	if len(found) == 0 {
		if j.spec.Outer {
			return j.next.row(aliased(row, j.spec.Left))
		}
		return nil
	}
	for _, other := range found {
		out := aliased(row.clone(), j.spec.Left)
		for name, v := range aliased(other, j.spec.Right) {
			if _, has := out[name]; !has || j.spec.Overwrite {
				out[name] = v
			}
		}
		if err := j.next.row(out); err != nil {
			return err
		}
	}
	return nil
}

// aliased prefixes field names with an alias, except names that start with an underscore. Without an alias the row
// is not changed.
func aliased(row Row, alias string) Row {
	if alias == "" {
		return row
	}
	out := make(Row, len(row))
	for name, v := range row {
		if name[:min(1, len(name))] != "_" {
			name = alias + "." + name
		}
		out[name] = v
	}
	return out
}

// inTime keeps the rows that are not later, or not earlier, than a row.
func (j *joined) inTime(row Row, found []Row) []Row {
	at, _ := row["_time"].Float()
	return slices.DeleteFunc(slices.Clone(found), func(other Row) bool {
		x, ok := other["_time"].Float()
		return ok && (!j.spec.Later && x > at || j.spec.Later && x < at)
	})
}

// find returns the rows to join with a row, up to the maximum number.
func (j *joined) find(row Row) ([]Row, error) {
	var found []Row
	full := func() bool { return j.spec.Max > 0 && len(found) >= j.spec.Max && !j.spec.UseTime }
	if j.index != nil {
		for _, key := range keysOf(row, j.names) {
			found = append(found, j.index[key]...)
			if full() {
				break
			}
			if err := j.run.alive(); err != nil {
				return nil, err
			}
		}
		return found, nil
	}
	for i, other := range j.rows {
		if i%64 == 0 {
			if err := j.run.alive(); err != nil {
				return nil, err
			}
		}
		shared, equal := 0, true
		for name, v := range other {
			if mine, has := row[name]; has && name[:min(1, len(name))] != "_" {
				shared++
				equal = equal && mine.String() == v.String()
			}
		}
		if shared > 0 && equal {
			found = append(found, other)
			if full() {
				break
			}
		}
	}
	return found, nil
}

func (j *joined) end() error {
	j.index, j.rows = nil, nil
	j.account.close()
	return j.next.end()
}
