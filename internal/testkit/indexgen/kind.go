package indexgen

import (
	"slices"
	"time"
)

// Kind is one way in which the indices of a pattern differ.
type Kind struct {
	Name string
	// RefusesEQL reports that the types are of different families, which EQL refuses as ambiguous.
	RefusesEQL bool
	// Unsourced reports that _source is incomplete, so that alerts copy other values than files have. With
	// Sourceless there is no _source.
	Unsourced, Sourceless bool

	// FilesRefuse, if not "", is a part of the error with which files may refuse some rules.
	FilesRefuse string

	// variants are the possible mappings; a world has at least the first two.
	variants []variant
	// filled are the fields with values in documents, and their pools.
	filled []filled
	// probes are the fields in conditions.
	probes []probe
	// damage, if not nil, changes a mapping so that documents are read differently.
	damage func(root Object)
}

type filled struct {
	name string
	pool pool
}

// variant is the part of an index's mapping that belongs to the kind.
type variant struct {
	// properties are added to the properties of all indices, root and settings to the index.
	properties, root, settings Object
	// moved are fields whose values are in another field of the documents; "" for no field.
	moved map[string]string
	// pools are the pools of values that differ from the pools of the kind.
	pools map[string]pool
	stamp stamp
}

// class defines the tests that a field supports.
type class int

const (
	text class = iota
	number
	moment
	address
	boolean
	// identity is a metadata field, which supports only tests for whole values.
	identity
)

// probe is a field in conditions.
type probe struct {
	field    string
	class    class
	literals []any
	// grouped reports that every index can group by it.
	grouped bool
}

// Kinds are all kinds. In the first one the indices do not differ.
var Kinds = []Kind{
	{
		Name: "same", variants: []variant{with("o.x", keyword()), with("o.x", keyword())},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "normalizer", variants: []variant{
			with("o.x", keyword()), with("o.x", keyword("normalizer", "lowercase")), with("o.x", keyword("normalizer", "lowercase", "ignore_above", 3)),
		},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "ignore_above", variants: []variant{
			with("o.x", keyword("ignore_above", 2)), with("o.x", keyword()), with("o.x", keyword("ignore_above", 0)), with("o.x", keyword("ignore_above", 4)),
		},
		filled: []filled{{"o.x", texts(append([]string{""}, letters...)...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "null_value", variants: []variant{
			with("o.x", keyword()), with("o.x", keyword("null_value", "none")), with("o.x", keyword("null_value", "ab", "ignore_above", 4)),
		},
		filled: []filled{{"o.x", oneOf(texts(letters...), func(*gen) any { return nil })}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "null_value_number", variants: []variant{
			with("o.x", Object{"type": "long"}), with("o.x", Object{"type": "long", "null_value": 7}), with("o.x", Object{"type": "integer", "null_value": 42}),
		},
		filled: []filled{{"o.x", oneOf(numbers("1", "2", "5", "7", "42", "100"), func(*gen) any { return nil })}},
		probes: []probe{{"o.x", number, numerals("2", "7", "42", "50"), true}},
	},
	{
		Name: "dynamic_false", variants: []variant{with("o", Object{"type": "object", "dynamic": false}), with("o.x", keyword())},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "enabled_false", variants: []variant{with("o", Object{"type": "object", "enabled": false}), with("o.x", keyword()), with("o.x", keyword("ignore_above", 3))},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "alias", variants: []variant{
			with("o.x", keyword()), with("o.x", aliasOf("real"), "real", keyword()).moving("o.x", "real"),
			with("o.x", aliasOf("real.low"), "real", keyword("fields", Object{"low": keyword("normalizer", "lowercase")})).moving("o.x", "real"),
			with("o.x", aliasOf("p.q"), "p.q", keyword("ignore_above", 3)).moving("o.x", "p.q"),
		},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "alias_timestamp", variants: []variant{
			with("o.x", keyword()), with("o.x", keyword(), "t", Object{"type": "date"}, "@timestamp", aliasOf("t")).stamped(stampAt("t", layoutISO)),
			with("o.x", keyword(), "e.t", Object{"type": "date", "format": "epoch_second"}, "@timestamp", aliasOf("e.t")).stamped(
				func(g *gen, source Object, at time.Time) { g.place(source, "e.t", written(at, layoutSeconds)) }),
		},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "whole_numbers", variants: []variant{
			with("o.x", lenient("long")), with("o.x", lenient("byte")), with("o.x", lenient("short")), with("o.x", lenient("integer")),
			with("o.x", Object{"type": "long", "coerce": false, "ignore_malformed": true}),
		},
		filled: []filled{{"o.x", oneOf(numbers(slices.Concat(fractions, wholes)...), numbers(wholes...), texts("abc"))}},
		probes: []probe{{"o.x", number, numerals("-1", "1", "2", "7", "42", "100", "127"), true}},
	},
	{
		Name: "fractions", variants: []variant{
			with("o.x", lenient("double")), with("o.x", lenient("float")), with("o.x", lenient("half_float")),
		},
		filled: []filled{{"o.x", oneOf(numbers(wholes...), numbers(fractions...), texts("x"))}},
		probes: []probe{{"o.x", number, numerals("1", "1.5", "2.5", "100", "2049", "16777216", "0.1"), true}},
	},
	{
		Name: "fractions_and_wholes", RefusesEQL: true, variants: []variant{with("o.x", lenient("double")), with("o.x", lenient("long")), with("o.x", lenient("float"))},
		filled: []filled{{"o.x", oneOf(numbers(wholes[:14]...), numbers(fractions...), texts("x"))}},
		probes: []probe{{"o.x", number, numerals("1", "2", "5", "100", "2049"), true}},
	},
	{
		Name: "flattened", damage: unmapped, variants: []variant{with("o", Object{"type": "flattened"}), with("o.x", keyword()), with("o.x", keyword("normalizer", "lowercase"))},
		filled: []filled{{"o.x", texts(letters...)}, {"o.y", texts("ab", "z")}}, probes: []probe{asText("o.x").ungrouped()},
	},
	{
		Name: "date_format", variants: []variant{
			with("o.x", lenient("date")), with("o.x", Object{"type": "date", "format": "epoch_second", "ignore_malformed": true}).pooled("o.x", moments(layoutSeconds)),
		},
		filled: []filled{{"o.x", oneOf(moments(layoutISO), moments(layoutMillis))}},
		probes: []probe{{"o.x", moment, append(numerals("1770000000", "1772500000", "1772500000000"), seconds(when[2], when[4], when[7], when[10], when[13], when[16])...), true}},
	},
	{
		Name: "day_and_month", variants: []variant{
			with("o.x", Object{"type": "date", "format": "dd/MM/yyyy"}), with("o.x", Object{"type": "date", "format": "MM/dd/yyyy"}),
			with("o.x", Object{"type": "date", "format": "MM/dd/yyyy||yyyy"}),
		},
		filled: []filled{{"o.x", moments(layoutDay)}},
		probes: []probe{{"o.x", moment, values([]string{"02/03/2026", "03/02/2026", "04/04/2026", "05/03/2026", "01/04/2026"}), true}},
	},
	{
		Name: "date_nanos", damage: func(root Object) { at(root, "properties", "o", "properties", "x")["format"] = "epoch_second" }, variants: []variant{with("o.x", lenient("date")), with("o.x", lenient("date_nanos"))},
		filled: []filled{{"o.x", oneOf(moments(layoutISO), moments(layoutNanos))}},
		probes: []probe{{"o.x", moment, values([]string{
			"2026-03-03", "2026-03-03T03:00:00Z", "2026-02-05T05:00:00.123456789Z", "2026-04-01T01:00:00.123Z", "2026-03-05T05:00:00.5Z",
			"2026-02-01T01:00:00Z", "2026-03-04T04:00:00Z", "2026-04-09T09:00:00Z", "2026-02-02T02:00:00.123456789Z", "2026-03-09T09:00:00.123456789Z",
			"2026-04-05T05:00:00Z", "2026-03-01T01:00:00.123456789Z",
		}), true}},
	},
	{
		Name: "timestamp_format", variants: []variant{
			with("o.x", keyword()), with("o.x", keyword(), "@timestamp", Object{"type": "date", "format": "epoch_second"}).stamped(stampAt("@timestamp", layoutSeconds)),
			with("o.x", keyword(), "@timestamp", Object{"type": "date", "format": "dd/MM/yyyy HH:mm:ss"}).stamped(stampAt("@timestamp", layoutDay+" 15:04:05")),
			with("o.x", keyword(), "@timestamp", Object{"type": "date", "format": "MM/dd/yyyy HH:mm:ss"}).stamped(stampAt("@timestamp", layoutMonth+" 15:04:05")),
		},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "timestamp_nanos", damage: func(root Object) { at(root, "properties", "@timestamp")["format"] = "epoch_second" }, variants: []variant{
			with("o.x", keyword()), with("o.x", keyword(), "@timestamp", Object{"type": "date_nanos"}).stamped(stampAt("@timestamp", layoutNanos)),
			with("o.x", keyword()).stamped(stampAt("@timestamp", layoutMillis)),
		},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "copy_to", variants: []variant{
			with("o.x", keyword(), "y", keyword()), with("o.x", keyword(), "y", keyword("copy_to", "o.x")), with("o.x", keyword("ignore_above", 3), "y", keyword("copy_to", []string{"o.x"})),
		},
		filled: []filled{{"o.x", texts(letters[:8]...)}, {"y", texts(letters...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "source_excludes", Unsourced: true, damage: sourced, variants: []variant{
			with("o.x", keyword()).rooted("_source", Object{"excludes": []string{"o.x"}}), with("o.x", keyword()), with("o.x", keyword()).rooted("_source", Object{"excludes": []string{"o.*"}}),
		},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "source_disabled", Unsourced: true, Sourceless: true, damage: sourced, variants: []variant{with("o.x", keyword()).rooted("_source", Object{"enabled": false}), with("o.x", keyword())},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "source_synthetic", Unsourced: true, damage: shortened, variants: []variant{
			with("o.x", keyword()), synthetic(with("o.x", keyword())), synthetic(with("o.x", keyword("ignore_above", 3))),
		},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "runtime", damage: func(root Object) { delete(root, "runtime") }, variants: []variant{
			with("o.x", keyword()), with().rooted("runtime", Object{"o.x": Object{"type": "keyword"}}),
			with("o.x", keyword("ignore_above", 2)).rooted("runtime", Object{"o.x": Object{"type": "keyword"}}),
		},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "multi_field", variants: []variant{
			with("x", keyword("fields", Object{"low": keyword("normalizer", "lowercase")})), with("x", keyword("fields", Object{"low": keyword("ignore_above", 3)})),
			with("x", Object{"properties": Object{"low": keyword()}}).moving("x", "x.low"), with("x", keyword()),
		},
		filled: []filled{{"x", texts(letters...)}}, probes: []probe{asText("x.low"), asText("x.low")},
	},
	{
		Name: "constant_keyword", variants: []variant{
			with("o.x", Object{"type": "constant_keyword", "value": "abc"}).moving("o.x", ""), with("o.x", keyword()), with("o.x", Object{"type": "constant_keyword", "value": "none"}).moving("o.x", ""),
		},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "ip_beside_keyword", RefusesEQL: true, variants: []variant{with("o.x", lenient("ip")), with("o.x", keyword())},
		filled: []filled{{"o.x", texts(addresses...)}}, probes: []probe{{"o.x", address, values(addresses), true}},
	},
	{
		Name: "number_beside_keyword", RefusesEQL: true, variants: []variant{with("o.x", lenient("long")), with("o.x", keyword()), with("o.x", lenient("double"))},
		filled: []filled{{"o.x", oneOf(numbers("1", "2", "5", "7", "42", "100", "1.0"), texts("07", "2"))}}, probes: []probe{{"o.x", number, numerals("1", "2", "7", "42"), true}},
	},
	{
		Name: "boolean_beside_keyword", RefusesEQL: true, variants: []variant{with("o.x", Object{"type": "boolean"}), with("o.x", keyword())},
		filled: []filled{{"o.x", func(g *gen) any { return pick(g, []any{true, false, "true", "false"}) }}}, probes: []probe{{"o.x", boolean, []any{true, false}, true}},
	},
	{
		Name: "text_beside_keyword", RefusesEQL: true, FilesRefuse: "only a search can match it", variants: []variant{
			with("o.x", Object{"type": "text"}), with("o.x", keyword()), with("o.x", Object{"type": "text", "fields": Object{"keyword": keyword("ignore_above", 3)}}),
		},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x").ungrouped()},
	},
	{
		Name: "missing", variants: []variant{with(), with("o.x", keyword()), with("o.other", keyword())},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "not_indexed", FilesRefuse: "ignoring case then means more than ASCII", damage: shortened, variants: []variant{with("o.x", keyword("index", false)), with("o.x", keyword()), with("o.x", keyword("normalizer", "lowercase"))},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x")},
	},
	{
		Name: "no_doc_values", damage: shortened, variants: []variant{with("o.x", keyword("doc_values", false)), with("o.x", keyword())},
		filled: []filled{{"o.x", texts(letters...)}}, probes: []probe{asText("o.x").ungrouped()},
	},
	{
		Name: "metadata", variants: []variant{with("o.x", keyword()), with("o.x", keyword("normalizer", "lowercase"))},
		filled: []filled{{"o.x", texts(letters...)}},
		probes: []probe{{"_index", identity, nil, true}, {"_id", identity, nil, false}, asText("o.x")},
	},
}

func synthetic(v variant) variant {
	v.settings = Object{"index.mapping.source.mode": "synthetic"}
	return v
}

func asText(field string) probe { return probe{field, text, values(letters), true} }

func (p probe) ungrouped() probe {
	p.grouped = false
	return p
}

// with returns a variant with fields and their definitions.
func with(pairs ...any) variant {
	v := variant{properties: Object{}}
	put(v.properties, pairs)
	return v
}

func (v variant) moving(field, to string) variant {
	v.moved = map[string]string{field: to}
	return v
}

func (v variant) pooled(field string, p pool) variant {
	v.pools = map[string]pool{field: p}
	return v
}

func (v variant) stamped(s stamp) variant {
	v.stamp = s
	return v
}

func (v variant) rooted(key string, value any) variant {
	v.root = Object{key: value}
	return v
}

func keyword(pairs ...any) Object {
	out := Object{"type": "keyword"}
	put(out, pairs)
	return out
}

func lenient(typ string) Object { return Object{"type": typ, "ignore_malformed": true} }

func aliasOf(path string) Object { return Object{"type": "alias", "path": path} }

// Refuses reports that no rule of a type can run over such indices.
func (k Kind) Refuses(typ string) bool { return k.RefusesEQL && IsEQL(typ) }
