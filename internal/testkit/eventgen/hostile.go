package eventgen

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
)

// Hostile returns hostile event number n of a seed: an event that an index may accept but that is hard to copy to
// another index. It has unusual sizes, depths, dotted names, reserved names, and values of every type in the given
// fields.
func Hostile(seed uint64, n int, fields []string) Object {
	h := hostile{rand.New(rand.NewPCG(seed, uint64(n)|1<<63)), fields}
	event := Object{}
	for range 1 + h.IntN(4) {
		h.add(event)
	}
	return event
}

// HostileNames are reserved and invalid field names.
var HostileNames = []string{
	"kibana", "kibana.alert.rule.uuid", "kibana.alert.depth", "kibana.alert.ancestors", "kibana.alert", "kibana.space_ids", "signal",
	"signal.rule.id", "threshold_result", "tocsin", "tocsin.event", "tocsin.suppression", "tocsin.event_omitted", "tocsin.event.x",
	"splunk", "splunk.search_name", "splunk.result", "splunk.result.a", "splunk.analyticstories", "host.asset", "host.asset.criticality",
	"host.risk", "user.asset", "user.risk.calculated_level", "service.risk", "event", "event.kind", "event.kind.x", "event.original",
	"_id", "_index", "_source", "_routing", "_type", "_ignored", "_field_names", "_doc_count", "_size", "_mine", "_id.x",
	"", " ", "\t", ".", "..", "a..b", ".a", "a.", "a. .b", "user.", "user..name", "user.name.", "user. ", "host.\x1f", "\u3000", "a\x00b",
}

type hostile struct {
	*rand.Rand
	fields []string
}

func (h hostile) add(event Object) {
	name := h.fields[h.IntN(len(h.fields))]
	switch h.IntN(12) {
	case 0, 1:
		name += []string{".first", ".text", ".raw", ".a.b", ".", "..x", "."}[h.IntN(7)]
	case 2:
		name = name[:max(strings.LastIndexByte(name, '.'), 1)]
	case 3, 4, 5:
		name = HostileNames[h.IntN(len(HostileNames))]
	}
	h.put(event, name, h.value(3))
}

// put writes a name as nested objects, as one dotted key, or as a mixture.
func (h hostile) put(object Object, name string, value any) {
	for i := range len(name) {
		if name[i] != '.' || h.IntN(3) == 0 {
			continue
		}
		below, ok := object[name[:i]].(Object)
		if _, taken := object[name[:i]]; taken && !ok {
			break
		}
		if !ok {
			below = Object{}
			object[name[:i]] = below
		}
		h.put(below, name[i+1:], value)
		return
	}
	object[name] = value
}

// scalars are values of every type, including dates and numbers that are hard to parse.
var scalars = []any{
	"x", "", " ", "10.0.0.1", "::1", "not an address", "true", true, false, nil, 0, -1, 5.5, 1 << 40, json.Number("1e400"), json.Number("-1e-400"),
	json.Number("92233720368547758080"), json.Number(strings.Repeat("9", 900)), "2026-01-01", "2026-13-45T99:99:99Z", "1e99", "+999999999-01-01", "now",
	"\x00", "\ufffe", "a\u202eb", json.RawMessage(`"\ud800"`), "😀", "POINT (1 2", "dr5r9ydj2y73", "12,34",
}

// sizes are lengths close to limits.
var sizes = []int{255, 1024, 1025, 8191, 8192, 10923, 32766, 32767, 40_000, 300_000}

func (h hostile) value(depth int) any {
	switch h.IntN(16) {
	case 0:
		return strings.Repeat([]string{"x", "é", "漢", "a b "}[h.IntN(4)], sizes[h.IntN(len(sizes))])
	case 1:
		return h.deep([]int{19, 20, 21, 22, 50}[h.IntN(5)])
	case 2:
		if h.IntN(8) == 0 {
			return h.deep([]int{890, 910, 970}[h.IntN(3)])
		}
	case 3:
		if h.IntN(16) == 0 {
			return slices.Repeat([]any{Object{}}, []int{8999, 9500, 10_001}[h.IntN(3)])
		}
	case 4:
		point := []any{Object{"lat": 1, "lon": 2}, []any{1, 2}, []any{1}, []any{1, nil}, []any{1, 2, "x"}, []any{[]any{1}, 2}, Object{"lat": Object{}}, []any{}}
		return point[h.IntN(len(point))]
	case 5:
		key := []string{"", "a..b", ".", "a\x00b", strings.Repeat("k", 32_766), strings.Repeat("k.", 30)}
		return Object{key[h.IntN(len(key))]: h.value(0)}
	case 6, 7:
		if depth > 0 {
			list := make([]any, h.IntN(4))
			for i := range list {
				list[i] = h.value(depth - 1)
			}
			return list
		}
	case 8, 9, 10:
		if depth > 0 {
			object := Object{}
			for range h.IntN(4) {
				h.put(object, []string{"a", "name", "text", "id", "x.y", "a.b.c"}[h.IntN(6)], h.value(depth-1))
			}
			return object
		}
	}
	return scalars[h.IntN(len(scalars))]
}

// deep returns a value within nested objects, or objects and lists, of a depth.
func (h hostile) deep(levels int) any {
	value, lists := scalars[h.IntN(len(scalars))], h.IntN(2) == 0
	if h.IntN(4) == 0 {
		value = Object{}
	}
	for i := range levels {
		if lists && i%2 == 1 {
			value = []any{value}
			continue
		}
		value = Object{"a": value}
	}
	return value
}
