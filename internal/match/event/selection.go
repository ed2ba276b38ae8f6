package event

import (
	"encoding/binary"
	"maps"
	"math/bits"
	"slices"
	"strings"

	"tocsin/internal/match/mapping"
)

// Selection says which fields a [View] reads of its events, and where in a source their values may be. It is
// immutable and shared by the views of many goroutines.
type Selection struct {
	columns []column
	// named: a field is the index or the id of the event.
	named   bool
	byName  map[string][]int32
	objects map[string]int32
	// objectAreas are the areas of the objects by number.
	objectAreas []int32
	// paths is the number of names that are read exactly; areas are names below which everything is read.
	paths int
	areas []area
	// ofPath and ofArea have the columns with values at each path and area; constants are the columns without
	// a place.
	ofPath, ofArea [][]int32
	constants      []int32
	// states are the places in a source below which a requested value may be; the first is the source itself.
	// entries are their keys.
	states  []state
	entries []entry
	// everywhere are the areas that cover the whole source.
	everywhere []int32
	// whole selects the fields that are all texts of the source, by number in it: they are read when they are asked for,
	// as most events are of log sources whose rules do not ask. nil without such fields.
	whole *Selection
}

// column is one field. Its values are at a path or in an area; both are -1 if they are not in sources.
type column struct {
	field      mapping.Field
	path, area int32
	// plain: the indexed values are the texts themselves, unless they are too long.
	plain bool
	// leaves: the texts of a plain column that are too long are its values, and no others.
	leaves bool
	// ofWhole is the number of the field in the selection of the whole source; else -1.
	ofWhole int32
}

// area is a name for which everything at it and below it counts.
type area struct {
	name string
	// kept: the values are requested, not only whether there are any.
	kept bool
}

// NewSelection returns a selection of fields, numbered in their order, and of names for [View.HasObject],
// numbered likewise.
func NewSelection(fields []mapping.Field, objects []string) *Selection {
	var whole []mapping.Field
	for _, f := range fields {
		if f.IsWhole() {
			whole = append(whole, f)
		}
	}
	if len(whole) == len(fields) || len(whole) == 0 { // There is nothing to read without them.
		return newSelection(fields, objects, nil)
	}
	return newSelection(fields, objects, newSelection(whole, nil, nil))
}

// newSelection returns a selection that leaves the whole source to another, if there is one.
func newSelection(fields []mapping.Field, objects []string, whole *Selection) *Selection {
	s := &Selection{whole: whole, byName: map[string][]int32{}, objects: map[string]int32{}}
	b := selecting{Selection: s, paths: map[string]int32{}, areas: map[string]int32{}, states: map[string]int32{}}
	wholes := int32(0)
	for i, f := range fields {
		c := column{field: f, path: none, area: none, ofWhole: none}
		switch {
		case f.Nested != "", f.Constant != nil, f.IsMetadata(), f.Copied != nil:
			s.named = s.named || f.IsMetadata()
		case f.IsWhole() && whole != nil:
			c.ofWhole = wholes
			wholes++
		case f.IsWhole():
			c.area = b.area("", true)
		case f.Type == mapping.Flattened && !f.Keyed:
			c.area = b.area(f.Source(), true)
		default:
			c.path = b.path(f.Source())
		}
		c.plain = c.path != none && f.Type.Family() == mapping.FamilyString && f.Normalizer == "" && f.NullValue == nil
		c.leaves = c.plain && f.LeftOut
		s.columns = append(s.columns, c)
		s.byName[f.Name] = append(s.byName[f.Name], int32(i))
	}
	for i, name := range objects {
		s.objects[name] = int32(i)
		s.objectAreas = append(s.objectAreas, b.area(name, false))
	}
	s.paths = len(b.paths)
	s.place()
	b.state(b.all())
	return s
}

// place records the columns of each place.
func (s *Selection) place() {
	s.ofPath, s.ofArea = make([][]int32, s.paths), make([][]int32, len(s.areas))
	for i := range s.columns {
		switch c := &s.columns[i]; {
		case c.path != none:
			s.ofPath[c.path] = append(s.ofPath[c.path], int32(i))
		case c.area != none:
			s.ofArea[c.area] = append(s.ofArea[c.area], int32(i))
		case c.field.Nested == "":
			s.constants = append(s.constants, int32(i))
		}
	}
}

// Named reports whether a view needs the index and the id of an event ([View.Name]).
func (s *Selection) Named() bool { return s.named }

// Fields returns the fields by number.
func (s *Selection) Fields() []mapping.Field {
	fields := make([]mapping.Field, len(s.columns))
	for i := range s.columns {
		fields[i] = s.columns[i].field
	}
	return fields
}

// none means no path, area, state or entry.
const none int32 = -1

// state is a place in a source: an object at the end of a sequence of keys.
type state struct {
	// table has the numbers of entries, plus one, by hash; its length is a power of two.
	table []int32
	// lengths has a bit for each length of a key in the table.
	lengths uint64
	// dotted: a key that begins with an entry's key and a dot may be in an area.
	dotted bool
}

// entry is the result of a key.
type entry struct {
	key string
	// next is the state of an object that is its value, path the path of a scalar.
	next, path int32
	// areas begin at the key; within are the areas that also begin at longer keys, after a dot.
	areas, within []int32
}

// find returns the entry of a key, or none.
func (s *Selection) find(st *state, key []byte) int32 {
	if st.lengths>>min(uint(len(key)), 63)&1 == 0 {
		return none
	}
	mask := uint32(len(st.table) - 1)
	for i := hashKey(key) & mask; ; i = (i + 1) & mask {
		e := st.table[i] - 1
		if e < 0 || s.entries[e].key == string(key) {
			return e
		}
	}
}

// hashKey mixes the length of a key with its first and its last bytes.
func hashKey[T string | []byte](key T) uint32 {
	var a, b uint64
	switch n := len(key); {
	case n >= 8:
		a = load64(key[:8])
		b = load64(key[n-8:])
	case n >= 4:
		a = uint64(key[0]) | uint64(key[1])<<8 | uint64(key[2])<<16 | uint64(key[3])<<24
		b = uint64(key[n-1]) | uint64(key[n-2])<<8 | uint64(key[n-3])<<16
	case n > 0:
		a = uint64(key[0]) | uint64(key[n/2])<<8 | uint64(key[n-1])<<16
	}
	h := (a ^ bits.RotateLeft64(b, 23) ^ uint64(len(key))) * 0x9e3779b97f4a7c15
	return uint32(h >> 40)
}

func load64[T string | []byte](s T) uint64 { return binary.LittleEndian.Uint64([]byte(s)) }

// selecting builds a selection. A state is identified by the rests of the requested names below it, so that
// every spelling of a name is followed.
type selecting struct {
	*Selection
	paths, areas, states map[string]int32
}

func (b *selecting) path(name string) int32 {
	if i, ok := b.paths[name]; ok {
		return i
	}
	i := int32(len(b.paths))
	b.paths[name] = i
	return i
}

func (b *selecting) area(name string, kept bool) int32 {
	i, ok := b.areas[name]
	if !ok {
		i = int32(len(b.areas))
		b.areas[name] = i
		b.Selection.areas = append(b.Selection.areas, area{name: name})
	}
	b.Selection.areas[i].kept = b.Selection.areas[i].kept || kept
	return i
}

// demand is the rest of a requested name at some place.
type demand struct {
	rest   string
	number int32
	isArea bool
}

func (b *selecting) all() []demand {
	var out []demand
	for _, name := range slices.Sorted(maps.Keys(b.paths)) {
		if name != "" { // the source itself is not a scalar
			out = append(out, demand{name, b.paths[name], false})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.areas)) {
		if name == "" {
			b.everywhere = append(b.everywhere, b.areas[name])
			continue
		}
		out = append(out, demand{name, b.areas[name], true})
	}
	return out
}

// state returns the state of some demands; none if there are none.
func (b *selecting) state(demands []demand) int32 {
	if len(demands) == 0 && len(b.Selection.states) > 0 {
		return none
	}
	var id strings.Builder
	for _, d := range demands {
		id.WriteString(d.rest)
		id.Write([]byte{0, byte(d.number), byte(d.number >> 8), byte(d.number >> 16), byte(d.number >> 24)})
		if d.isArea {
			id.WriteByte(1)
		}
	}
	if i, ok := b.states[id.String()]; ok {
		return i
	}
	i := int32(len(b.Selection.states))
	b.states[id.String()] = i
	b.Selection.states = append(b.Selection.states, state{})
	var st state
	steps, keys := stepsOf(demands)
	first := int32(len(b.entries))
	for _, key := range keys {
		st.dotted = st.dotted || len(steps[key].within) > 0
		st.lengths |= 1 << min(uint(len(key)), 63)
		b.entries = append(b.entries, entry{key: key, path: steps[key].path, areas: steps[key].areas, within: steps[key].within})
	}
	st.table = make([]int32, 1<<bits.Len(uint(2*len(keys)+1)))
	mask := uint32(len(st.table) - 1)
	for n, key := range keys {
		at := hashKey(key) & mask
		for st.table[at] != 0 {
			at = (at + 1) & mask
		}
		st.table[at] = first + int32(n) + 1
	}
	b.Selection.states[i] = st
	for n, key := range keys {
		next := b.state(steps[key].demands)
		b.entries[int(first)+n].next = next
	}
	return i
}

// step is the effect of one key on demands.
type step struct {
	path          int32
	areas, within []int32
	demands       []demand
}

// stepsOf tries every key that the rest of a name can begin with, like [Lookup] and below.
func stepsOf(demands []demand) (map[string]*step, []string) {
	steps := map[string]*step{}
	var keys []string
	at := func(key string) *step {
		s, ok := steps[key]
		if !ok {
			s = &step{path: none}
			steps[key] = s
			keys = append(keys, key)
		}
		return s
	}
	for _, d := range demands {
		whole := at(d.rest)
		if d.isArea {
			whole.areas, whole.within = append(whole.areas, d.number), append(whole.within, d.number)
		} else {
			whole.path = d.number
		}
		for i := range len(d.rest) {
			if d.rest[i] != '.' {
				continue
			}
			switch rest := d.rest[i+1:]; {
			case rest != "":
				s := at(d.rest[:i])
				s.demands = append(s.demands, demand{rest, d.number, d.isArea})
			case d.isArea:
				s := at(d.rest[:i])
				s.areas = append(s.areas, d.number)
			}
		}
	}
	for _, key := range keys {
		for i := range len(key) {
			if above := steps[key[:i]]; key[i] == '.' && above != nil {
				steps[key].areas = append(steps[key].areas, above.within...)
			}
		}
	}
	return steps, keys
}
