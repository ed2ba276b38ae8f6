package sigma_test

import (
	"fmt"
	"strings"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
	"tocsin/internal/fieldmap"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/sigma"
)

// fields has a field of every kind.
var fields = mapping.Table{
	"k":              {Name: "k", Type: mapping.Keyword},
	"short":          {Name: "short", Type: mapping.Keyword, IgnoreAbove: 8},
	"norm":           {Name: "norm", Type: mapping.Keyword, Normalizer: "lowercase"},
	"both":           {Name: "both", Type: mapping.Keyword},
	"both.caseless":  {Name: "both.caseless", Type: mapping.Keyword, Normalizer: "lowercase", Path: "both"},
	"txt":            {Name: "txt", Type: mapping.Text},
	"multi":          {Name: "multi", Type: mapping.Text, Exact: "multi.keyword"},
	"multi.keyword":  {Name: "multi.keyword", Type: mapping.Keyword, Path: "multi"},
	"odd":            {Name: "odd", Type: mapping.Text},
	"odd.whole":      {Name: "odd.whole", Type: mapping.Keyword, Normalizer: "lowercase", Path: "odd"},
	"n":              {Name: "n", Type: mapping.Long},
	"f":              {Name: "f", Type: mapping.Double},
	"b":              {Name: "b", Type: mapping.Boolean},
	"ip":             {Name: "ip", Type: mapping.IP},
	"t":              {Name: "t", Type: mapping.Date},
	"flat":           {Name: "flat", Type: mapping.Flattened},
	"obj":            {Name: "obj", Type: mapping.Object, Members: []string{"obj.k"}},
	"obj.k":          {Name: "obj.k", Type: mapping.Keyword},
	"nest":           {Name: "nest", Type: mapping.Nested},
	"nest.k":         {Name: "nest.k", Type: mapping.Keyword, Nested: "nest"},
	"kept.elsewhere": {Name: "kept.elsewhere", Type: mapping.Keyword, Unsourced: "_source excludes it", DocValued: true},
}

// detection parses a search identifier s, or a whole section.
func detection(t interface{ Fatal(...any) }, text string) (*sigma.Detection, diag.List) {
	if !strings.Contains(text, "condition:") {
		text = "s: {" + text + "}\ncondition: s"
	}
	file := diag.NewText("r.yml", text)
	docs, diags := yamltree.Parse(file, "x")
	if len(docs) == 0 {
		t.Fatal(diags)
	}
	return sigma.Parse(file, docs[0], sigma.Options{Section: "detection", Placeholders: map[string][]string{"P": {"a", "b*"}}})
}

func TestLower(t *testing.T) {
	for text, want := range map[string]string{
		// A keyword that keeps case.
		`k: Ab`:              `(term~ k "Ab")`,
		`k: 12`:              `(term k "12")`,
		`k: 'a*'`:            `(prefix~ k "a")`,
		`k|contains: a`:      `(wildcard~ k "*a*")`,
		`k|endswith: '\'`:    `(wildcard k "*\\\\")`,
		`k|cased: Ab`:        `(term k "Ab")`,
		`k: É`:               `(regexp k "[Éé]")`,
		`k: aÉ`:              `(regexp~ k "a[Éé]")`,
		`k: 'É*'`:            `(regexp k "[Éé].*")`,
		`k: '*'`:             `(exists k)`,
		`k: ''`:              `(term k "")`,
		`k: null`:            `(not (exists k))`,
		`k: [a, null]`:       `(or (not (exists k)) (term~ k "a"))`,
		`k|re: '^a.b$'`:      "(regexp k \"a[^\\n]b\")",
		`k|re: 'a|^b'`:       `(regexp k "(.*a.*|b.*)")`,
		`k|re|i: 'z1'`:       `(regexp k ".*[Zz]1.*")`,
		`k|re: '\ba'`:        `(and (exists k) (residual "_source.k re \"\\\\ba\""))`,
		`k|windash: '-a'`:    `(regexp~ k "[\\-/–—―]a")`,
		`k|neq: a`:           `(not (term~ k "a"))`,
		`k|all: [a, b]`:      `(and (term~ k "a") (term~ k "b"))`,
		`k|expand: '%P%'`:    `(or (term~ k "a") (prefix~ k "b"))`,
		`k|gt: 5`:            `(and (exists k) (residual "_source.k gt 5"))`,
		`k|cidr: 10.0.0.0/8`: `(and (exists k) (cidr k 10.0.0.0/8))`,
		`k|hour: 5`:          `(and (exists k) (residual "_source.k hour  5"))`,
		`k|fieldref: n`:      `(residual "source k fieldref n")`,
		// Values that the index leaves out are in the source.
		`short|contains: a`: `(or (wildcard~ short "*a*") (and (left-out short) (wildcard~ _source.short "*a*")))`,
		`short: a`:          `(term~ short "a")`,
		`short: 123456789`:  `(or (term short "123456789") (and (left-out short) (term _source.short "123456789")))`,
		`short: null`:       `(not (or (exists short) (left-out short)))`,
		`short: 'a?'`:       `(wildcard~ short "a?")`,
		// A normalizer folds case.
		`norm: [Ab, Cd]`: `(terms norm "Ab" "Cd")`,
		`norm: É`:        `(term norm "É")`,
		`norm|re: A`:     `(and (exists norm) (regexp _source.norm ".*A.*"))`,
		`norm|cased: A`:  `(and (exists norm) (term _source.norm "A"))`,
		`both: [A, b]`:   `(terms both.caseless "A" "b")`,
		`both|re: A`:     `(regexp both ".*A.*")`,
		`both|cased: A`:  `(term both "A")`,
		// Analysed text.
		`txt: [a, 'b*']`: `(and (exists txt) (or (term~ _source.txt "a") (prefix~ _source.txt "b")))`,
		`txt: '*'`:       `(exists txt)`,
		`multi: a`:       `(term~ multi.keyword "a")`,
		`multi: null`:    `(not (exists multi))`,
		`odd: a`:         `(term odd.whole "a")`,
		// Other types.
		`n: [5, '6', x, '07']`: `(or (term n 5) (term n 6))`,
		`n: x`:                 `false`,
		`n|contains: 5`:        `(and (or (exists n) (left-out n)) (wildcard _source.n "*5*"))`,
		`n|gte: 5`:             `(range n gte 5)`,
		`f: 2.5`:               `(term f 2.5)`,
		`f|lt: 2.5`:            `(range f lt 2.5)`,
		`b: 'TRUE'`:            `(term b true)`,
		`b: yes`:               `false`,
		`ip: 10.0.0.1`:         `(term ip "10.0.0.1")`,
		`ip: host`:             `false`,
		`ip: '10.*'`:           `(and (or (exists ip) (left-out ip)) (prefix _source.ip "10."))`,
		`ip|cidr: 10.0.0.0/8`:  `(cidr ip 10.0.0.0/8)`,
		`t|hour: 5`:            `(and (or (exists t) (left-out t)) (residual "t hour  5"))`,
		`flat.x: a`:            `(and (exists flat.x) (term~ _source.flat.x "a"))`,
		`obj: a`:               `false`,
		`obj|exists: true`:     `(exists obj)`,
		`nest.k: a`:            `(nested nest (term~ nest.k "a"))`,
		`nest.k: null`:         `(not (nested nest (exists nest.k)))`,
		`nowhere: a`:           `false`,
		`nowhere: null`:        `true`,
		"'|all': [a, b]":       `(and (wildcard~ _source "*a*") (wildcard~ _source "*b*"))`,
	} {
		d, diags := detection(t, text)
		if d == nil {
			t.Errorf("%s: %v", text, diags)
			continue
		}
		got, _ := d.Lower(sigma.Lowering{Fields: fields})
		if got.String() != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestNamed: a name that stands for several fields is any of them, and is missing where all are.
func TestNamed(t *testing.T) {
	m, diags := fieldmap.Load(diag.NewText("map.toml", "[[logsource]]\nname = \"s\"\nproduct = \"p\"\nindex = [\"i\"]\nfields = { X = [\"k\", \"n\"] }"))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	events := m.Events(fieldmap.Log{Product: "p"})
	for text, want := range map[string]string{
		`X: 7`: `(or (term k "7") (term n 7))`, `X: null`: `(and (not (exists k)) (not (exists n)))`, `X|neq: a`: `(not (term~ k "a"))`,
	} {
		d, diags := detection(t, text)
		if d == nil {
			t.Fatal(diags)
		}
		got, _ := d.Lower(sigma.Lowering{Fields: fields, Events: &events[0]})
		if got.String() != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestWays: what indices map differently is asked in each way, and in the source where no test serves all.
func TestWays(t *testing.T) {
	tables := map[string]mapping.Table{
		"a": {"x": {Name: "x", Type: mapping.Keyword}}, "b": {"x": {Name: "x", Type: mapping.Keyword}, "x.caseless": {Name: "x.caseless", Type: mapping.Keyword, Normalizer: "lowercase", Path: "x"}},
	}
	lower := func() string {
		d, _ := detection(t, `x: [A, b]`)
		got, _ := d.Lower(sigma.Lowering{Fields: mapping.NewIndexFields(tables, func(string, string) bool { return false })})
		return got.String()
	}
	if got, want := lower(), `(or (term~ x "A") (term~ x "b") (terms x.caseless "A" "b"))`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	tables["c"] = mapping.Table{"x": {Name: "x", Type: mapping.Long}}
	if got, want := lower(), `(and (or (exists x) (left-out x)) (or (term~ _source.x "A") (term~ _source.x "b")))`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		`k|fuzzy: a`:                         `r.yml:1:5: error: unknown modifier fuzzy`,
		`k|contain: a`:                       `did you mean contains?`,
		`k|contains|re: a`:                   `r.yml:1:5: error: re has to be the first modifier`,
		`k|i: a`:                             `i is a flag of a regular expression: it has to follow re`,
		`k|re: '('`:                          `r.yml:1:11: error: unsupported regular expression: missing closing )`,
		`k|re: 'a(?=b)'`:                     `unsupported regular expression`,
		`k|cidr: 10.0.0.1/8`:                 `r.yml:1:13: error: 10.0.0.1/8 has bits beyond its mask: the network is 10.0.0.0/8`,
		`k|cidr: x`:                          `"x" is no network`,
		`k|exists: 1`:                        `exists takes true or false`,
		`k|exists|contains: true`:            `nothing but all and neq can follow exists`,
		`k|gt: '5'`:                          `gt takes a number, and not "5"`,
		`k|gt: x`:                            `gt takes a number, and not "x"`,
		`k|hour: x`:                          `hour takes a number, and not "x"`,
		`k|contains|gt: 5`:                   `gt stands alone, or behind a part of a date`,
		`k|base64: 'a*'`:                     `base64 takes no wildcards`,
		`k|fieldref: 'a*'`:                   `the name of a field has no wildcards`,
		`k|contains: null`:                   `null has no meaning with contains`,
		`k|expand: '%Q%'`:                    `the placeholder %Q% has no values`,
		`k: {a: b}`:                          `a value of k is no text`,
		"s: {}\ncondition: s":                `the search identifier s is an empty map`,
		"s: []\ncondition: s":                `the search identifier s is an empty list`,
		"s:\ncondition: s":                   `the search identifier s is empty`,
		"condition: s":                       `detection has no search identifier`,
		"s: {a: b}\ncondition:":              `detection has no condition`,
		"s: {a: b}\ncondition: t":            `r.yml:2:12: error: t is no search identifier of detection`,
		"sel: {a: b}\ncondition: not sol":    `r.yml:2:16: error: sol is no search identifier of detection: did you mean sel?`,
		"s: {a: b}\ncondition: s and":        `r.yml:2:17: error: the condition ends where a search identifier is expected`,
		"s: {a: b}\ncondition: (s":           `there is no ) for this (`,
		"s: {a: b}\ncondition: s)":           `r.yml:2:13: error: there is no ( for this )`,
		"s: {a: b}\ncondition: s s":          `expected and, or or the end, found s`,
		"s: {a: b}\ncondition: 'and'":        `expected a search identifier, found and`,
		"s: {a: b}\ncondition: 2 of s":       `expected 1, any or all before of, found 2`,
		"s: {a: b}\ncondition: 1 of":         `expected them or a pattern`,
		"s: {a: b}\ncondition: 1 of t*":      `r.yml:2:17: error: no search identifier of detection matches t*`,
		"s: {a: b}\ncondition: s | count()":  `r.yml:2:14: error: aggregations are gone from Sigma: a correlation rule takes their place`,
		"s: {a: b}\ncondition: [s, {a: b}]":  `the condition is not a text`,
		"s: [null]\ncondition: s":            `null is no keyword`,
		"s: {'|exists': true}\ncondition: s": `exists needs a field`,
	} {
		d, diags := detection(t, text)
		if d != nil || !strings.Contains(diags.Err().Error(), want) {
			t.Errorf("%s: %v, want %s", text, diags, want)
		}
	}
	for text, want := range map[string]string{
		`k|all: a`: `all has no meaning with a single value`, `k|wide: a`: `wide is of no use without base64`, `k: []`: `an empty list of values is read as null`,
		`k|base64offset: abcd`: `base64offset without contains`, "s: {a: b}\nt: {a: b}\ncondition: s": `the condition does not use t`,
		"s: {a: b}\ntimeframe: 5m\ncondition: s": `timeframe belongs to aggregations`,
	} {
		d, diags := detection(t, text)
		if d == nil || len(diags) != 1 || !strings.Contains(diags[0].Message, want) {
			t.Errorf("%s: %v, want %s", text, diags, want)
		}
	}
	d, _ := detection(t, "nowhere: a")
	if _, diags := d.Lower(sigma.Lowering{Fields: fields}); len(diags) != 1 || !strings.Contains(diags[0].Error(), "r.yml:1:5: warning: Unknown field [nowhere]") {
		t.Errorf("a field that no index has: %v", diags)
	}
}

// TestUnsourced: what a source lacks is not looked for there.
func TestUnsourced(t *testing.T) {
	d, _ := detection(t, `kept.elsewhere|re: '\ba'`)
	e, _ := d.Lower(sigma.Lowering{Fields: fields})
	if got, want := e.String(), `(and (exists kept.elsewhere) (residual "kept.elsewhere re \"\\\\ba\""))`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestManyPatterns: patterns that Elasticsearch has no memory for are matched in the source, and equal values still by the
// index.
func TestManyPatterns(t *testing.T) {
	fields := table(t, `{"type": "keyword", "normalizer": "lowercase"}`)
	rule := func(n int) string {
		var b strings.Builder
		b.WriteString("F: [whole")
		for i := range n {
			fmt.Fprintf(&b, ", '*%d%s*'", 10000+i, strings.Repeat("a", 93))
		}
		return b.String() + "]"
	}
	for n, want := range map[int]string{100: `(or (wildcard F "*10000`, 200: `(or (term F "whole") (and (exists F) (or (wildcard~ _source.F "*10000`} {
		d, diags := detection(t, "s: {"+rule(n)+"}\ncondition: s")
		if d == nil {
			t.Fatal(diags)
		}
		got, _ := d.Lower(sigma.Lowering{Fields: fields})
		if text := got.String(); !strings.HasPrefix(text, want) || !strings.Contains(text, `(term F "whole")`) {
			t.Errorf("%d patterns: %.80s…, want %s…", n, text, want)
		}
		said := strings.Join(d.Fitted(sigma.Lowering{Fields: fields}), "\n")
		if strings.Contains(said, "a list of 201 values is too long for a search") != (n == 200) {
			t.Errorf("%d patterns: %s", n, said)
		}
	}
}

// TestManyTerms: terms that ignore case are matched in the source if they are too many for a search; a field that folds case
// has no such limit.
func TestManyTerms(t *testing.T) {
	var b strings.Builder
	b.WriteString("F: [a")
	for i := range 1100 {
		fmt.Fprintf(&b, ", name%d", i)
	}
	d, diags := detection(t, "s: {"+b.String()+"]}\ncondition: s")
	if d == nil {
		t.Fatal(diags)
	}
	for mapped, want := range map[string]string{
		`{"type": "keyword"}`: "(and (exists F) (or (term~ _source.F ", `{"type": "keyword", "normalizer": "lowercase"}`: "(terms F ",
	} {
		got, _ := d.Lower(sigma.Lowering{Fields: table(t, mapped)})
		if text := got.String(); !strings.HasPrefix(text, want) {
			t.Errorf("%s: %.80s…, want %s…", mapped, text, want)
		}
	}
}
