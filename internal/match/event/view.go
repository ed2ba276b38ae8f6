package event

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"

	"tocsin/internal/match/mapping"
)

// View reads the fields of a [Selection] from one event at a time, in one pass over its JSON, and decodes
// only the values that are requested. It has the same values as a [Document], possibly in another order.
//
// It is reused for many events, by one goroutine at a time. It keeps the source, which must not be changed
// before the next Read. The view owns the slices that its methods return: they must not be changed, and are
// valid until the next Read. Strings in them stay valid longer, as long as the source is not changed: they
// share its memory, and keep all of it alive.
type View struct {
	selection *Selection
	source    []byte
	// fields replace the values of the source for the names in it, as in a Document.
	fields map[string][]any
	// whole is the completely decoded event, if it was needed.
	whole *Document
	// index and id are the index and id of the event.
	index, id string
	// underscored: a name of the source begins with an underscore, or with an escape.
	underscored bool

	// event numbers the events, object the objects of all events.
	event, object uint32
	// found are the scalars of the event, linked by place.
	found  []found
	paths  []chain
	areas  []chain
	values []mapping.Value
	texts  []string
	// filledPaths and filledAreas are the paths and areas with a scalar.
	filledPaths, filledAreas []int32
	// columns are the requested values.
	columns []answered

	// While reading: the areas that contain the current place, the last object of each entry, the keys of
	// open objects within areas.
	around []int32
	met    []uint32
	keys   []string
	// spare is memory for decoded strings.
	spare []byte
	// all reads the whole source, if that is asked for; allEvent is the event that it has read.
	all      *View
	allEvent uint32
}

// found is a scalar and the next one at the same place; none at the end.
type found struct {
	scalar mapping.Scalar
	next   int32
}

// chain is the list of scalars at one place; it is empty if it belongs to another event.
type chain struct {
	event       uint32
	first, last int32
	// present: one of them is not null.
	present bool
}

// answered is the values of a column and their texts, each with the number of its event.
type answered struct {
	event, texted uint32
	values        []mapping.Value
	texts         []string
}

// NewView returns a view that has not read an event.
func (s *Selection) NewView() *View {
	return &View{
		selection: s, paths: make([]chain, s.paths), areas: make([]chain, len(s.areas)), columns: make([]answered, len(s.columns)),
		met: make([]uint32, len(s.entries)),
	}
}

// ReadEvent is [View.Read] for an event's source. Its Fields replace values as in [Event.Document]; the view
// keeps them, and they must not be changed before the next Read.
func (v *View) ReadEvent(e *Event) error {
	if err := v.Read(e.Source); err != nil {
		return fmt.Errorf("source of %s/%s: %w", e.Index, e.ID, err)
	}
	v.fields = e.Fields
	v.Name(e.Index, e.ID)
	if v.whole != nil {
		v.whole.fields = e.Fields
	}
	return nil
}

// Name sets the index and the id of the event that was read, as they are not in the source.
func (v *View) Name(index, id string) {
	v.index, v.id = index, id
	if v.whole != nil {
		v.whole.index, v.whole.id = index, id
	}
}

// Named reports whether the view needs the index and the id of every event: [Selection.Named].
func (v *View) Named() bool { return v.selection.named }

// Read reads a source: exactly one JSON object. The view keeps the source until the next Read; it must not be
// changed before. After an error, the view must not be used until the next Read.
func (v *View) Read(source []byte) error {
	v.begin(source)
	v.around = append(v.around[:0], v.selection.everywhere...)
	i := blanks(source, 0)
	if i >= len(source) || source[i] != '{' {
		return v.decodeWhole()
	}
	if i = v.members(i+1, 1, 0); i < 0 || blanks(source, i) != len(source) {
		return v.decodeWhole()
	}
	return nil
}

func (v *View) begin(source []byte) {
	v.source, v.fields, v.whole, v.underscored = source, nil, nil, false
	v.index, v.id = "", ""
	v.found, v.values, v.texts, v.keys = v.found[:0], v.values[:0], v.texts[:0], v.keys[:0]
	v.filledPaths, v.filledAreas = v.filledPaths[:0], v.filledAreas[:0]
	if v.event++; v.event == 0 || v.object > 1<<31 { // old marks must not look like new ones
		clear(v.paths)
		clear(v.areas)
		clear(v.columns)
		clear(v.met)
		v.event, v.object, v.allEvent = 1, 0, 0
	}
}

// decodeWhole decodes with encoding/json, for errors in the source, and for sources that need more than one
// pass.
func (v *View) decodeWhole() error {
	object, err := DecodeObject(v.source)
	if err != nil {
		return err
	}
	v.whole = NewDocument(object)
	for name := range object {
		v.underscored = v.underscored || strings.HasPrefix(name, "_")
	}
	return nil
}

// Underscored reports whether a name of the source may begin with an underscore, like the names of metadata.
func (v *View) Underscored() bool { return v.underscored }

// members reads an object from its first member on.
func (v *View) members(i, depth int, at int32) int {
	d := v.source
	if depth > maxDepth {
		return broken
	}
	v.object++
	object, outside, keys := v.object, len(v.around), len(v.keys)
	if i = blanks(d, i); i < len(d) && d[i] == '}' {
		return i + 1
	}
	for {
		key, value := nextKey(d, i)
		if value < 0 {
			return value
		}
		if depth == 1 && key.end > key.start && (d[key.start] == '_' || d[key.start] == '\\') {
			v.underscored = true
		}
		next, path, ok := v.step(key, at, object, keys)
		if !ok {
			return repeated
		}
		if next == none && path == none && len(v.around) == 0 {
			i = skipValue(d, value, depth)
		} else {
			i = v.value(value, depth, next, path)
			v.around = v.around[:outside]
		}
		if i < 0 {
			return i
		}
		more := false
		if i, more = nextMember(d, i, '}'); i < 0 || !more {
			v.keys = v.keys[:keys]
			return i
		}
	}
}

// step follows a key. It is false for a repeated key of the object, where that matters.
func (v *View) step(t text, at int32, object uint32, keys int) (next, path int32, ok bool) {
	key := v.source[t.start:t.end]
	if t.escaped || t.wide && !utf8.Valid(key) {
		key = v.decode(key)
	}
	if at != none {
		st := &v.selection.states[at]
		if n := v.selection.find(st, key); n != none {
			if v.met[n] == object {
				return none, none, false
			}
			v.met[n] = object
			e := &v.selection.entries[n]
			v.around = append(v.around, e.areas...)
			return e.next, e.path, true
		}
		if st.dotted {
			v.enter(st, key)
		}
	}
	return none, none, len(v.around) == 0 || v.first(key, keys)
}

// enter enters the areas of a dotted key.
func (v *View) enter(st *state, key []byte) {
	for i, c := range key {
		if c != '.' {
			continue
		}
		if n := v.selection.find(st, key[:i]); n != none {
			v.around = append(v.around, v.selection.entries[n].within...)
		}
	}
}

// manyKeys is the number of keys of one object up to which repeated keys are detected here.
const manyKeys = 64

// first records a key within an area. It is false if it may be a repeated key of the object.
func (v *View) first(key []byte, keys int) bool {
	if len(v.keys)-keys >= manyKeys {
		return false
	}
	if slices.Contains(v.keys[keys:], inPlace(key)) {
		return false
	}
	v.keys = append(v.keys, inPlace(key))
	return true
}

// value reads the value of a key, including the elements of arrays.
func (v *View) value(i, depth int, next, path int32) int {
	d := v.source
	if i >= len(d) {
		return broken
	}
	switch d[i] {
	case '"':
		t, end := scanText(d, i+1)
		if end > 0 {
			v.scalar(path, mapping.TextScalar, t)
		}
		return end
	case '{':
		if next == none && len(v.around) == 0 {
			return skipMembers(d, i+1, depth+1)
		}
		return v.members(i+1, depth+1, next)
	case '[':
		return v.elements(i+1, depth+1, next, path)
	}
	end, kind := skipValue(d, i, depth), mapping.NumberScalar
	if end > 0 {
		switch d[i] {
		case 't', 'f':
			kind = mapping.BoolScalar
		case 'n':
			kind = mapping.NullScalar
		}
		v.scalar(path, kind, text{start: i, end: end})
	}
	return end
}

func (v *View) elements(i, depth int, next, path int32) int {
	d := v.source
	if depth > maxDepth {
		return broken
	}
	if i = blanks(d, i); i < len(d) && d[i] == ']' {
		return i + 1
	}
	for {
		if i = v.value(i, depth, next, path); i < 0 {
			return i
		}
		more := false
		if i, more = nextMember(d, i, ']'); i < 0 || !more {
			return i
		}
	}
}

// scalar stores a scalar at a path, and in the areas that contain it.
func (v *View) scalar(path int32, kind mapping.ScalarKind, t text) {
	s := mapping.Scalar{Kind: kind}
	kept := path != none
	for _, a := range v.around {
		kept = kept || v.selection.areas[a].kept
	}
	if kept && kind != mapping.NullScalar {
		raw := v.source[t.start:t.end]
		if t.escaped || t.wide && !utf8.Valid(raw) {
			raw = v.decode(raw)
		}
		s.Text = inPlace(raw)
	}
	if path != none {
		if v.add(&v.paths[path], s, true) {
			v.filledPaths = append(v.filledPaths, path)
		}
	}
	for _, a := range v.around {
		if kept := v.selection.areas[a].kept; v.add(&v.areas[a], s, kept) && kept {
			v.filledAreas = append(v.filledAreas, a)
		}
	}
}

// add adds a scalar to a chain and reports whether it is the event's first one there.
func (v *View) add(c *chain, s mapping.Scalar, kept bool) bool {
	first := c.event != v.event
	if first {
		*c = chain{event: v.event, first: none, last: none}
	}
	c.present = c.present || s.Kind != mapping.NullScalar
	if !kept {
		return first
	}
	n := int32(len(v.found))
	v.found = append(v.found, found{s, none})
	if c.first == none {
		c.first = n
	} else {
		v.found[c.last].next = n
	}
	c.last = n
	return first
}

// spareSize is the size of one allocation for decoded strings.
const spareSize = 64 << 10

// decode returns a decoded string. Its memory is never reused, so that the string stays valid.
func (v *View) decode(raw []byte) []byte {
	need := 3 * len(raw) // an invalid byte becomes three
	if cap(v.spare)-len(v.spare) < need {
		v.spare = make([]byte, 0, max(spareSize, need))
	}
	start := len(v.spare)
	v.spare = appendText(v.spare, raw)
	return v.spare[start:len(v.spare):len(v.spare)]
}

// inPlace returns a string in memory that is not written any more.
func inPlace(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) } //nolint:gosec // nobody writes it any more

// Filled appends to dst the numbers of the fields that have values; it may include others. The caller owns
// dst.
func (v *View) Filled(dst []int32) []int32 {
	if v.whole != nil || v.fields != nil {
		for i := range v.selection.columns {
			dst = append(dst, int32(i))
		}
		return dst
	}
	dst = append(dst, v.selection.constants...)
	for _, p := range v.filledPaths {
		dst = append(dst, v.selection.ofPath[p]...)
	}
	for _, a := range v.filledAreas {
		dst = append(dst, v.selection.ofArea[a]...)
	}
	return dst
}

// Column returns the values of the selection's field of that number, like [Document.Values]. The view owns
// the slice; it is valid until the next Read.
func (v *View) Column(i int) []mapping.Value {
	c := &v.columns[i]
	if c.event == v.event {
		return c.values
	}
	start := len(v.values)
	v.evaluate(&v.selection.columns[i])
	c.event, c.values = v.event, v.values[start:len(v.values):len(v.values)]
	return c.values
}

func (v *View) evaluate(c *column) {
	switch {
	case c.field.Nested != "":
		return
	case c.field.Constant != nil:
		v.values = append(v.values, mapping.Value{String: *c.field.Constant})
		return
	case c.field.Copied != nil: // its values are at several places
		v.values = append(v.values, v.document().Values(c.field)...)
		return
	case c.field.IsMetadata():
		for _, text := range metadataTexts(c.field.Type, v.index, v.id) {
			if text != "" {
				v.values = append(v.values, mapping.Value{String: text})
			}
		}
		return
	case v.whole != nil:
		v.values = append(v.values, v.whole.Values(c.field)...)
		return
	case c.ofWhole != none:
		v.values = append(v.values, v.ofWhole(c)...)
		return
	}
	if raws, answered := v.fields[c.field.Name]; answered && !ofSource(c.field) {
		if c.field.Type == mapping.Flattened && !c.field.Keyed {
			raws = below(nil, raws, "")
		}
		for _, raw := range raws {
			if s, ok := mapping.ScalarOf(raw); ok {
				v.indexScalar(&c.field, s)
			}
		}
		return
	}
	places, at := v.paths, c.path
	if c.area != none {
		places, at = v.areas, c.area
	}
	if places[at].event != v.event {
		return
	}
	for n := places[at].first; n != none; n = v.found[n].next {
		v.indexScalar(&c.field, v.found[n].scalar)
	}
}

// ofWhole returns the values of a field that is all texts of the source.
func (v *View) ofWhole(c *column) []mapping.Value {
	if v.all == nil {
		v.all = v.selection.whole.NewView()
	}
	if v.allEvent != v.event {
		if err := v.all.Read(v.source); err != nil {
			panic(errNotRead) // otherwise Read would have failed
		}
		v.allEvent = v.event
	}
	return v.all.Column(int(c.ofWhole))
}

func (v *View) indexScalar(f *mapping.Field, s mapping.Scalar) {
	if value, ok := f.IndexScalar(s); ok {
		v.values = append(v.values, value)
	}
}

// Texts returns the String of each value of the selection's field of that number. The view owns the slice; it
// is valid until the next Read.
func (v *View) Texts(i int) []string {
	a := &v.columns[i]
	if a.texted == v.event {
		return a.texts
	}
	start := len(v.texts)
	if c := &v.selection.columns[i]; !c.plain || v.whole != nil || v.fields != nil {
		for _, value := range v.Column(i) {
			v.texts = append(v.texts, value.String)
		}
	} else if p := &v.paths[c.path]; p.event == v.event {
		for n := p.first; n != none; n = v.found[n].next {
			s := &v.found[n].scalar
			if s.Kind != mapping.NullScalar && c.field.Keeps(s.Text) != c.leaves && (!c.leaves || s.Text != "") {
				v.texts = append(v.texts, s.Text)
			}
		}
	}
	a.texted, a.texts = v.event, v.texts[start:len(v.texts):len(v.texts)]
	return a.texts
}

// ObjectAt is [View.HasObject] for the selection's object of that number.
func (v *View) ObjectAt(i int) bool {
	a := v.selection.objectAreas[i]
	switch {
	case v.whole != nil:
		return v.whole.HasObject(v.selection.areas[a].name)
	case len(v.fields[v.selection.areas[a].name]) > 0:
		return true
	}
	return v.areas[a].event == v.event && v.areas[a].present
}

// Values returns the indexed values of a field, like [Document.Values]. A field outside the selection is
// found too, but slowly. The view owns the slice; it is valid until the next Read.
func (v *View) Values(f mapping.Field) []mapping.Value {
	for _, i := range v.selection.byName[f.Name] {
		if known := &v.selection.columns[i].field; known.SameValues(f) {
			return v.Column(int(i))
		}
	}
	return v.document().Values(f)
}

// HasObject reports whether there is a value at or below a name, like [Document.HasObject].
func (v *View) HasObject(name string) bool {
	if i, ok := v.selection.objects[name]; ok {
		return v.ObjectAt(int(i))
	}
	return v.document().HasObject(name)
}

var errNotRead = errors.New("event: the view has read no event")

// AnyObject implements [tocsin/internal/match/condition.Document]. It decodes the event.
func (v *View) AnyObject(name string, holds func() bool) bool {
	doc := v.document()
	defer v.forget()
	return doc.AnyObject(name, func() bool {
		v.forget()
		return holds()
	})
}

// forget clears the cached columns; once an event is decoded completely, only the decoded event is used.
func (v *View) forget() {
	for i := range v.columns {
		v.columns[i].event, v.columns[i].texted = v.event-1, v.event-1
	}
}

// document decodes the event, for fields outside the selection.
func (v *View) document() *Document {
	if v.whole == nil {
		if err := v.decodeWhole(); err != nil {
			panic(errNotRead) // otherwise Read would have failed
		}
		v.whole.fields = v.fields
		v.whole.index, v.whole.id = v.index, v.id
	}
	return v.whole
}
