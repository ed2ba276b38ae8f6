package indexgen

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"time"
)

// Object is a JSON object.
type Object = map[string]any

// Index is the definition of an index.
type Index struct {
	Name              string
	Settings, Mapping Object
}

// Document is a document and its index.
type Document struct {
	Index, ID string
	Source    Object
	// Seen reports that its time is in the window of the rules.
	Seen bool
}

// World holds everything for one comparison.
type World struct {
	Kind string
	Seed uint64
	// Slot is the slot of all rules, Window their look-back.
	Slot   time.Time
	Window time.Duration
	// Pattern matches the Indices of events. The last index has indicators and is not matched.
	Pattern, Indicators string
	Indices             []Index
	Documents           []Document
	// Candidates are the rules, by type in the order of [Types].
	Candidates []Rule
}

// Options set the size of a world.
type Options struct {
	// Prefix is the prefix of every index name.
	Prefix string
	// Documents is the number of events in the window; there are some more before it.
	Documents int
	// Candidates is the number of rules of each type.
	Candidates int
}

const window = 10 * time.Minute

// Slot is the slot of all rules.
var Slot = time.Date(2026, time.March, 4, 10, 0, 0, 0, time.UTC)

// New generates the world of a kind and a seed.
func New(kind Kind, seed uint64, o Options) *World {
	g := &gen{Rand: rand.New(rand.NewPCG(seed, hash(kind.Name)))} //nolint:gosec // it makes test data
	w := &World{
		Kind: kind.Name, Seed: seed, Slot: Slot, Window: window,
		Pattern: o.Prefix + "logs-*", Indicators: o.Prefix + "ti",
	}
	variants := g.choose(kind.variants)
	for i, v := range variants {
		w.Indices = append(w.Indices, v.index(fmt.Sprintf("%slogs-%c", o.Prefix, 'a'+i)))
	}
	earlier := o.Documents / 6
	for i := range earlier + o.Documents {
		seen := i >= earlier
		at := Slot.Add(-window - time.Hour + time.Duration(i)*time.Second)
		if seen { // Times are distinct whole seconds, so that events have one order.
			at = Slot.Add(-window).Add(time.Duration((i-earlier)*int(window/time.Second)/o.Documents) * time.Second)
		}
		n := g.IntN(len(variants))
		w.Documents = append(w.Documents, Document{
			Index: w.Indices[n].Name, ID: fmt.Sprintf("d%04d", i), Seen: seen, Source: g.document(kind, variants[n], at, o.Documents),
		})
	}
	w.addIndicators(g, kind)
	w.Candidates = rules(g, kind, w, o)
	return w
}

// addIndicators generates the index of indicators. Each has a value of the field and the number of its set.
func (w *World) addIndicators(g *gen, kind Kind) {
	w.Indices = append(w.Indices, Index{Name: w.Indicators, Settings: settings(nil), Mapping: Object{"dynamic": false, "properties": Object{
		"@timestamp": Object{"type": "date"}, "ioc": Object{"type": "keyword"}, "set": Object{"type": "keyword"},
		"threat.indicator.name": Object{"type": "keyword"},
	}}})
	for i := range indicatorCount {
		p := pick(g, kind.probes)
		w.Documents = append(w.Documents, Document{
			Index: w.Indicators, ID: fmt.Sprintf("i%03d", i), Source: Object{
				"@timestamp": Slot.Add(-time.Hour).Format(time.RFC3339), "ioc": g.indicated(kind, p, w), "set": indicatorSet(i, p),
				"threat": Object{"indicator": Object{"name": fmt.Sprintf("name%d", i%5)}},
			},
		})
	}
}

// indicated returns the value of an indicator: a literal of conditions or, for a time, the time of an event in the
// form of a search.
func (g *gen) indicated(kind Kind, p probe, w *World) string {
	if p.class == moment && kind.Name == "date_format" && g.IntN(2) == 0 {
		return pick(g, when).Format("2006-01-02T15:04:05.000Z")
	}
	return fmt.Sprint(p.literal(g, w))
}

const (
	indicatorCount = 60
	indicatorSets  = 6
)

func indicatorSet(i int, p probe) string { return fmt.Sprintf("%s-%d", p.field, i%indicatorSets) }

func settings(more Object) Object {
	out := Object{"number_of_replicas": 0, "number_of_shards": 1}
	maps.Copy(out, more)
	return out
}

// index returns the index that a variant describes.
func (v variant) index(name string) Index {
	properties := Object{
		"@timestamp": Object{"type": "date"}, "host.id": Object{"type": "keyword"}, "event.category": Object{"type": "keyword"},
		"n": Object{"type": "keyword"}, "u": Object{"type": "keyword"}, "v": Object{"type": "keyword"},
	}
	maps.Copy(properties, v.properties)
	root := Object{"dynamic": false, "properties": properties}
	maps.Copy(root, v.root)
	return Index{Name: name, Settings: settings(v.settings), Mapping: root}
}

// document generates an event for a variant.
func (g *gen) document(kind Kind, v variant, at time.Time, documents int) Object {
	source := Object{}
	stamp := v.stamp
	if stamp == nil {
		stamp = stampISO
	}
	stamp(g, source, at)
	g.place(source, "host.id", fmt.Sprintf("h%d", g.IntN(max(documents/12, 2))))
	g.place(source, "event.category", pick(g, categories))
	source["n"] = fmt.Sprintf("n%d", g.IntN(baseValues))
	source["v"] = fmt.Sprintf("v%d", g.IntN(max(documents/5, 1)))
	source["u"] = fmt.Sprintf("u%d", g.IntN(max(documents/2, 1)))
	for _, f := range kind.filled {
		name := f.name
		if other, moved := v.moved[name]; moved {
			name = other
		}
		pool := f.pool
		if own := v.pools[f.name]; own != nil {
			pool = own
		}
		if name == "" || g.IntN(8) == 0 {
			continue
		}
		g.place(source, name, g.shaped(pool, 2))
	}
	return source
}

const baseValues = 8

var categories = []string{"process", "network", "file"}

// shaped generates a value, a null, or a list of any depth.
func (g *gen) shaped(pool pool, depth int) any {
	switch n := g.IntN(20); {
	case n == 0:
		return nil
	case n < 5 && depth > 0:
		list := make([]any, g.IntN(4))
		for i := range list {
			list[i] = g.shaped(pool, depth-1)
		}
		return list
	}
	return pool(g)
}

// place puts a value at a dotted name, which is split into keys at random dots.
func (g *gen) place(at Object, name string, value any) {
	for i := range len(name) {
		if name[i] != '.' {
			continue
		}
		inner, isObject := at[name[:i]].(Object)
		if !isObject && g.IntN(3) == 0 {
			continue
		}
		if !isObject {
			if _, taken := at[name[:i]]; taken {
				break
			}
			inner = Object{}
			at[name[:i]] = inner
		}
		g.place(inner, name[i+1:], value)
		return
	}
	if _, taken := at[name]; !taken {
		at[name] = value
	}
}

// gen is a source of random choices.
type gen struct{ *rand.Rand }

func pick[T any](g *gen, from []T) T { return from[g.IntN(len(from))] }

// choose returns two to four variants, always including the first two: they define the kind.
func (g *gen) choose(variants []variant) []variant {
	out := append([]variant(nil), variants[:2]...)
	rest := append([]variant(nil), variants...)
	for range g.IntN(3) {
		out = append(out, pick(g, rest))
	}
	g.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func hash(text string) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range []byte(strings.ToLower(text)) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}
