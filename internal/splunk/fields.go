package splunk

import (
	"maps"
	"strings"

	"tocsin/internal/translate/spl"
)

// renamer renames fields. If the old field is missing, the new field is removed.
func renamer(pairs []spl.Pair) func(Row) {
	return func(row Row) {
		for _, p := range pairs {
			renameOne(row, p.From.Text, p.To.Text)
		}
	}
}

func renameOne(row Row, from, to string) {
	if !strings.Contains(from, "*") {
		key := row.key(from)
		if key == to {
			return
		}
		v := row[key]
		delete(row, key)
		row.set(to, v)
		return
	}
	pattern := from
	names := row.like(pattern)
	if len(names) == 0 && strings.Contains(from, "{}") {
		pattern = strings.ReplaceAll(from, "{}", "")
		names = row.like(pattern)
	}
	// All old fields are removed first: a new name may be the old name of another field.
	moved := make(map[string]Value, len(names))
	for _, name := range names {
		stars, _ := captures(pattern, name)
		moved[fill(to, stars)] = row[name]
		delete(row, name)
	}
	maps.Copy(row, moved)
}

// keeper keeps the named fields, and with internal also the fields whose names start with an underscore.
func keeper(names []spl.Name, internal bool) func(Row) (bool, error) {
	return func(row Row) (bool, error) {
		keep := make(map[string]string, len(names))
		for _, n := range names {
			if !strings.Contains(n.Text, "*") {
				keep[row.key(n.Text)] = n.Text
				continue
			}
			for _, name := range row.matching(n.Text) {
				keep[name] = name
			}
		}
		for name := range row {
			if keep[name] == "" && (!internal || name[:min(1, len(name))] != "_") {
				delete(row, name)
			}
		}
		// A field that was found without {} gets the name in the command.
		for found, asked := range keep {
			if v, ok := row[found]; ok && found != asked {
				delete(row, found)
				row[asked] = v
			}
		}
		return true, nil
	}
}

func remover(names []spl.Name) func(Row) {
	return func(row Row) {
		for _, n := range names {
			for _, name := range row.matching(n.Text) {
				delete(row, name)
			}
		}
	}
}

func (r *run) fillnull(c *spl.Fillnull, next stage) stage {
	v := Text(c.Value)
	if x, ok := parseNumber(c.Value); ok {
		v = Number(x)
	}
	if len(c.Names) > 0 {
		return r.mutate(next, func(row Row) {
			for _, n := range c.Names {
				for _, name := range row.matching(n.Text) {
					fillOne(row, name, v)
				}
			}
		})
	}
	return &filled{next: next, value: v, names: map[string]bool{}, rows: kept{account: r.account("fillnull")}}
}

// fillOne sets a missing or empty field to a value.
func fillOne(row Row, name string, v Value) {
	if old := row[name]; old.IsNull() || old.kind == text && old.text == "" {
		row[name] = v
	}
}

// filled gives each row all fields of all rows.
type filled struct {
	next  stage
	value Value
	names map[string]bool
	rows  kept
}

func (s *filled) row(row Row) error {
	held := 0
	for name := range row {
		if !s.names[name] {
			s.names[name] = true
			held += len(name) + 48
		}
	}
	if err := s.rows.account.hold(held); err != nil {
		return err
	}
	return s.rows.add(row)
}

func (s *filled) end() error {
	err := s.rows.drain(func(_ int, row Row) error {
		for name := range s.names {
			fillOne(row, name, s.value)
		}
		return s.next.row(row)
	})
	if err != nil {
		return err
	}
	s.rows.account.close()
	return s.next.end()
}

// replacer replaces whole values. Patterns ignore case. Stars in the new value stand for the texts that the stars
// of the pattern matched.
func replacer(c *spl.Replace) func(Row) {
	type pair struct{ from, to string }
	pairs := make([]pair, len(c.Pairs))
	for i, p := range c.Pairs {
		pairs[i] = pair{p.From.Text, p.To.Text}
	}
	change := func(v Value) Value {
		s := v.String()
		for _, p := range pairs {
			if stars, ok := captures(strings.ToLower(p.from), strings.ToLower(s)); ok && len(strings.ToLower(s)) == len(s) {
				return Text(fill(p.to, original(p.from, s, stars)))
			}
		}
		return v
	}
	return func(row Row) {
		if len(c.In) == 0 {
			for _, name := range row.matching("*") {
				row.set(name, each(row[name], change))
			}
			return
		}
		for _, n := range c.In {
			for _, name := range row.matching(n.Text) {
				row.set(name, each(row[name], change))
			}
		}
	}
}

// original returns the texts that the stars matched in s, from their matches in the lower-case form of s.
func original(pattern, s string, stars []string) []string {
	out := make([]string, len(stars))
	parts := strings.Split(pattern, "*")
	at := len(parts[0])
	for i, star := range stars {
		out[i] = s[at : at+len(star)]
		at += len(star) + len(parts[i+1])
	}
	return out
}

// converter converts values. A missing field stays missing, and a value that cannot be converted is not changed.
func (r *run) converter(c *spl.Convert) func(Row) {
	return func(row Row) {
		for _, set := range c.Sets {
			for _, name := range row.matching(set.Field.Text) {
				v := row[name]
				if v.IsNull() {
					continue
				}
				to := name
				if set.As != "" {
					to = set.As
				}
				row.set(to, each(v, func(x Value) Value { return r.convert(set.Func, c.TimeFormat, x) }))
			}
		}
	}
}

func (r *run) convert(function, format string, v Value) Value {
	x, isNumber := v.Float()
	switch function {
	case "ctime":
		if t, ok := moment(x, r.loc); ok && isNumber {
			return Text(strftime(t, format))
		}
	case "mktime":
		if t, ok := strptime(v.String(), format, r.window.Now, r.loc); ok {
			return Number(Epoch(t))
		}
	case "auto":
		if isNumber {
			return Number(x)
		}
	case "num":
		if isNumber {
			return Number(x)
		}
		return Null
	case "rmcomma":
		if y, ok := parseNumber(strings.ReplaceAll(v.String(), ",", "")); ok {
			return Number(y)
		}
	case "rmunit":
		s := v.String()
		for n := len(s); n > 0; n-- {
			if y, ok := parseNumber(s[:n]); ok {
				return Number(y)
			}
		}
	case "dur2sec":
		if y, ok := seconds(v.String()); ok {
			return Number(y)
		}
	case "mstime":
		if y, ok := seconds(v.String()); ok {
			return Number(y) // minutes:seconds.thousandths
		}
	case "memk":
		return kilobytes(v)
	}
	return v
}

// seconds parses [days+]hours:minutes:seconds.
func seconds(s string) (float64, bool) {
	days := 0.0
	if d, rest, ok := strings.Cut(s, "+"); ok {
		if days, ok = parseNumber(d); !ok {
			return 0, false
		}
		s = rest
	}
	parts := strings.Split(s, ":")
	if len(parts) > 3 {
		return 0, false
	}
	total := 0.0
	for _, p := range parts {
		x, ok := parseNumber(p)
		if !ok {
			return 0, false
		}
		total = total*60 + x
	}
	return days*86400 + total, true
}

// kilobytes parses a size with an optional suffix k, m or g.
func kilobytes(v Value) Value {
	s := strings.ToLower(v.String())
	factor := map[byte]float64{'k': 1, 'm': 1024, 'g': 1024 * 1024}
	if s == "" {
		return v
	}
	f, known := factor[s[len(s)-1]]
	if known {
		s = s[:len(s)-1]
	} else {
		f = 1
	}
	if x, ok := parseNumber(s); ok {
		return Number(x * f)
	}
	return v
}
