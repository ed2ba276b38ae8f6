//go:build integration

package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// TestMatchAgreesWithSearch compares the two executions: for any condition and document, condition.Matcher gives
// the same result as Elasticsearch for condition.DSL, and condition.Compile refuses the conditions that
// Elasticsearch refuses. If condition.Pushdown is not exact, the search finds at least the matching documents.
// Some millions of pairs are compared.
//
// rapid generates the conditions: -rapid.checks and -rapid.seed work as usual. The documents come from a seed that
// the test prints; set TOCSIN_MATCH_SEED to repeat it.
func TestMatchAgreesWithSearch(t *testing.T) {
	c := newMatchCorpus(t, newNode(t))
	var pairs, refused, inexact, left int
	rapid.Check(t, func(rt *rapid.T) {
		conditions := rapid.SliceOfN(anyMatchCondition, 25, 50).Draw(rt, "conditions")
		answers := c.searchAll(t, conditions)
		for i, e := range conditions {
			for _, table := range c.tables {
				switch c.compare(rt, e, table, answers[i]) {
				case matchCompared:
					pairs += len(c.documents)
				case matchWidened:
					pairs += len(c.documents)
					inexact++
				case matchRefused:
					refused++
				case matchLeft:
					left++
				}
			}
		}
	})
	t.Logf("%d pairs of condition and document compared; conditions refused by both: %d, only narrowed by a search: %d, left to search: %d",
		pairs, refused, inexact, left)
	if pairs < 100_000 && !t.Failed() {
		t.Errorf("only %d pairs were compared", pairs)
	}
}

// matchFields are the fields of the corpus. Types ignore malformed values where they can, so that documents have
// such values as well.
func matchFields() object {
	lenient := func(typ string) object { return object{"type": typ, "ignore_malformed": true} }
	return object{"dynamic": false, "properties": object{
		"k": object{"type": "keyword", "fields": object{
			"low":  object{"type": "keyword", "normalizer": "lowercase"},
			"text": object{"type": "text"},
		}},
		"short":  object{"type": "keyword", "ignore_above": 3},
		"null":   object{"type": "keyword", "null_value": "ab"},
		"column": object{"type": "keyword", "index": false},
		"t":      object{"type": "text", "fields": object{"keyword": object{"type": "keyword", "ignore_above": 4}}},
		"long":   lenient("long"),
		"int":    lenient("integer"),
		"small":  lenient("short"),
		"nulls":  object{"type": "long", "null_value": 7},
		"double": lenient("double"),
		"float":  lenient("float"),
		"half":   lenient("half_float"),
		"b":      lenient("boolean"),
		"date":   lenient("date"),
		"nanos":  lenient("date_nanos"),
		"epoch":  object{"type": "date", "format": "epoch_second", "ignore_malformed": true},
		"day":    object{"type": "date", "format": "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis", "ignore_malformed": true},
		"ip":     lenient("ip"),
		"v":      object{"type": "version"},
		"flat":   object{"type": "flattened", "ignore_above": 3},
		"o": object{"properties": object{
			"k": object{"type": "keyword", "ignore_above": 3, "fields": object{"all": object{"type": "keyword"}}},
			"p": object{"properties": object{"n": lenient("long"), "k": object{"type": "keyword"}}},
		}},
		"nested":  object{"type": "nested", "properties": object{"k": object{"type": "keyword"}}},
		"copied":  object{"type": "nested", "include_in_root": true, "properties": object{"k": object{"type": "keyword"}}},
		"off":     object{"type": "object", "enabled": false},
		"alias":   object{"type": "alias", "path": "k"},
		"aliases": object{"properties": object{"low": object{"type": "alias", "path": "k.low"}, "k": object{"type": "keyword"}}},
		"aflat":   object{"type": "alias", "path": "flat"},
	}}
}

// Values are few, so that conditions are often true for some documents and false for others.
var (
	matchTexts = []string{
		"", "a", "A", "ab", "AB", "aB", "abc", "ABC", "b", "ba", "*", "?", `\`, "a*", "a?", `a\b`, `a\*b`, "a b", "a.b", "a\nb",
		"é", "É", "ß", "ẞ", "SS", "ss", "k", "K", "\u212a", "ſ", "i", "I", "İ", "ı", "σ", "ς", "Σ", "日本", "😀", "😀😀", "a😀b",
		"true", "5", "1.5", "[a]", "a|b", "~a", "<1-5>", "&", "#", "@", `"`, "10.0.0.1", "2026-01-01",
	}
	matchWholes = []string{
		"-1", "0", "1", "2", "5", "7", "127", "128", "32767", "32768", "2147483647", "2147483648",
		"9007199254740993", "9223372036854775807", "-9223372036854775808",
	}
	matchFractions = []string{
		"0.1", "-0.0", "1.0", "1.5", "-1.5", "5.7", "1e3", "1E-1", "0.30000001192", "16777217", "65504", "65519", "2049", "3.4028235e38", "1e300",
		"9007199254740993.0", "1e18", "32767.9",
	}
	matchDates = []string{
		"2025-12-31T23:59:59.999Z", "2026", "2026-01", "2026-01-01", "2026-01-01T", "2026-01-01T03", "2026-01-01T03:04",
		"2026-01-01T03:04:05", "2026-01-01T03:04:05Z", "2026-01-01T03:04:05.1Z", "2026-01-01T03:04:05,1", "2026-01-01T03:04:05.123456789Z",
		"2026-01-01T03:04:05.1234Z", "2026-01-01T03:04:05.999999Z", "2026-01-01T04:04:05+01:00", "2026-01-01T04:04:05+0100", "2026-01-01T04:04:05+01",
		"2026-01-01T02:04:05-01:00:00", "2026-01-01T03:04:05UTC", "2026-01-01T23:59:59.999Z", "2026-01-02", "2026-01-31T23:59:59", "2026-02-01",
		"2026-12-31T23:59:59.9999Z", "2027", "2024-02-29", "2026-02-29", "2026-01-01T24:00", "1969-12-31T23:59:59.9995Z", "-0001-01-01", "9999-12-31",
		"2026/01/01", "2026/01/01 03:04:05", "2026/1/1", "20260101", "1767236645", "1767236645.5", "1767236645000", "1767236645100.5", "-1", "-1.5",
		"5", "5.", "1234", "12345",
	}
	// matchDateMath are dates in conditions only: date math with a date, in the formats of the fields.
	matchDateMath = []string{
		"2026-01-01||", "2026-01-01||/d", "2026-01-01||/M", "2026-01-01||/y", "2026-01-01||/w", "2026-01-01T03:04:05||/h", "2026-01-01T03:04:05.1Z||/m",
		"2026-01-01T03:04:05.1Z||/s", "2025-12-31||+1d/d", "2026-01-31||+1M", "2024-02-29||+1y-1d", "2026||+1d", "2026-01||/M+1h", "2027-01-01||-1y/d+3h+4m",
		"2026-01-01T04:04:05+01:00||-5s", "1767236645||/d", "1767236645||+1h", "1767236645000||/d", "2026/01/01||/d", "2026/01/01||+1d", "20260101||/M",
		"2026-01-01||/", "2026-01-01||+", "2026-01-01||/2d", "2026-01-01||+1q", "2026-01-01||/d||/d", "||/d", "2026-01-01|/d", "2026-01-01 ||/d", "2026-01-01||1d",
	}
	// matchZones are time zones of ranges.
	matchZones     = []string{"Z", "+01:00", "-08:00", "+05:45", "UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia"}
	matchAddresses = []string{
		"10.0.0.1", "10.0.0.2", "10.0.1.1", "10.1.0.1", "11.0.0.1", "::ffff:10.0.0.1", "::ffff:a00:2", "0.0.0.0", "255.255.255.255", "::", "::1", "::00001",
		"fe80::1", "fe80::1%eth0", "FE80::2", "2001:db8::1", "010.0.0.1", "10.0.0", "10.0.0.1/32", "10.0.0.0/24", "10.0.0.77/24", "::ffff:10.0.0.0/120",
		"fe80::/10", "0.0.0.0/0", "::/0", "10.0.0.0/33", "10.0.0.0/08",
	}
	matchVersions = []string{
		"1", "1.0", "1.0.0", "1.0.0-1", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta11", "1.0.0-beta2", "1.0.0-beta.2", "1.0.0-beta.11",
		"1.0.0-a-b", "1.0.0-a+b.c", "1.0.0+a", "1.0.0+b", "1.2", "1.10", "1.9.9", "2.0.0", "01.2", "v1", "V1", "", "a", "1.0.0-01", "é",
	}
	matchPatterns = []string{
		"*", "?", "**", "??", "a*", "*b", "a*b", "a?b", "?b*", `\*`, `\?`, `\\`, `a\*`, `a\`, `*\\*`, "*é*", "É", "*ß*", "K*", "*k*", "i*", "İ", "*σ*", "日?", "?", "*😀",
		"a?c", "A*C", "", "1.0*", "1.?", "*.*",
	}
	matchRegexps = []string{
		"", ".", ".*", "a", "A.*", "a|b", "(a|b)+", "[a-c]{1,2}", "[^a]*", "a?b*", `a\*b`, `\\`, "~a", "~(a.*)", "<1-5>", "@", "#", "a&.*", `"a"`, `a\.b`, "[A-Z]+", "é|É", "σ", "k", `\d`, `\w+`,
		"(", "[a", "a{2", "a{2,1}", "*a", "^a$", ".{2}", "ß", "a\nb", "[é-ë]", "1.0.*", "1[.]0",
	}
)

// matchWords are texts of several words, and marks between and within them.
var matchWords = slices.Concat(matchTexts, []string{
	"a b", "b a", "a, b", "B-a", "a_b", "_a", "__", "a b a b", "kube-system", "Kube System", "kube.system", "host.example.com", `C:\Windows\a.exe`, "x@y.z", "it's", "it’s", "1,5", "1.5.", "1:2",
	"a:b", "a;b", "3,a", "日本語", "ひらがな", "カタカナ b", "한글 a", "สวัสดี", "😀 a", "a😀", "a 🇩🇪", "½ a", "ⅷ", "a\u0301 b", "a\u200bb", "a\u00adb", "!", "...", strings.Repeat("ab", 128), strings.Repeat("b", 255) + " a",
})

// matchPools are the values of each field of the corpus; alias has the values of its target field.
var matchPools = map[string][]string{
	"k": matchTexts, "k.low": matchTexts, "k.text": matchWords, "short": matchTexts, "null": matchTexts, "column": matchTexts, "t": matchWords, "t.keyword": matchTexts,
	"long": slices.Concat(matchWholes, matchFractions, matchTexts), "int": slices.Concat(matchWholes, matchFractions, matchTexts), "small": slices.Concat(matchWholes, matchFractions), "nulls": matchWholes[:7],
	"double": slices.Concat(matchFractions, matchWholes, matchTexts), "float": slices.Concat(matchFractions, matchWholes), "half": slices.Concat(matchFractions, matchWholes),
	"b":    {"true", "false", "", "TRUE", "1", "a"},
	"date": matchDates, "nanos": matchDates, "epoch": matchDates, "day": matchDates,
	"ip": matchAddresses, "v": matchVersions,
	"flat": nil, "flat.a": matchTexts, "flat.a.b": matchTexts, "flat.none": matchTexts,
	"o": nil, "o.k": matchTexts, "o.k.all": matchTexts, "o.p": nil, "o.p.n": matchWholes, "o.p.k": matchTexts,
	"nested": nil, "nested.k": matchTexts, "copied": nil, "copied.k": matchTexts, "off": nil, "off.k": matchTexts,
	"alias": matchTexts, "aliases": nil, "aliases.k": matchTexts, "aliases.low": matchTexts, "aflat": matchTexts, "aflat.a": matchTexts,
	"unmapped": matchTexts, "unmapped.k": matchTexts,
}

var matchFieldNames = slices.Sorted(maps.Keys(matchPools))

// matchNumbered are the fields whose documents have JSON numbers as well as text.
var matchNumbered = []string{"long", "int", "small", "nulls", "double", "float", "half", "date", "nanos", "epoch", "day", "o.p.n", "k", "null", "flat.a", "t"}

// anyMatchDocument generates the source of a document. Fields are missing, null, single values or arrays of any
// depth, and names are objects, dotted keys or both.
var anyMatchDocument = rapid.Custom(func(rt *rapid.T) object {
	source := object{}
	for _, name := range []string{
		"k", "short", "null", "column", "t", "long", "int", "small", "nulls", "double", "float", "half", "b", "date", "nanos", "epoch", "day", "ip", "v",
		"flat.a", "flat.a.b", "flat.c.d", "o.k", "o.p.n", "o.p.k", "o.unmapped", "nested.k", "copied.k", "off.k", "unmapped.k", "aliases.k",
	} {
		if rapid.IntRange(0, 2).Draw(rt, name+" missing") > 0 {
			continue
		}
		placeAt(rt, source, name, matchFieldValue(rt, name, 2))
	}
	return source
})

func matchFieldValue(rt *rapid.T, name string, depth int) any {
	pool := matchPools[name]
	if pool == nil {
		pool = matchTexts
	}
	switch shape := rapid.IntRange(0, 9).Draw(rt, name+" shape"); {
	case shape == 0:
		return nil
	case shape <= 3 && depth > 0:
		list := make([]any, rapid.IntRange(0, 3).Draw(rt, name+" length"))
		for i := range list {
			list[i] = matchFieldValue(rt, name, depth-1)
		}
		return list
	}
	text := rapid.SampledFrom(pool).Draw(rt, name+" value")
	if slices.Contains(matchNumbered, name) && json.Valid([]byte(text)) && rapid.Bool().Draw(rt, name+" is number") {
		return json.RawMessage(text) // A number, true or false.
	}
	if name == "b" && text != "" && rapid.Bool().Draw(rt, name+" is boolean") {
		return text == "true"
	}
	return text
}

// placeAt puts a value at a dotted name, which is split into keys anywhere. If a key already has a value, the rest
// of the name becomes one key.
func placeAt(rt *rapid.T, at object, name string, value any) {
	for i := range len(name) {
		if name[i] != '.' || rapid.Bool().Draw(rt, name+" dotted") {
			continue
		}
		inner, ok := at[name[:i]].(object)
		if !ok && at[name[:i]] != nil {
			break
		}
		if !ok {
			inner = object{}
			at[name[:i]] = inner
		}
		placeAt(rt, inner, name[i+1:], value)
		return
	}
	if _, taken := at[name]; !taken {
		at[name] = value
	}
}

// anyMatchCondition generates single tests of any kind, also invalid ones, and trees of valid tests: an invalid
// part would hide the results of the others.
var anyMatchCondition = rapid.OneOf(anyMatchLeaf, anyMatchTree(3))

func anyMatchTree(depth int) *rapid.Generator[condition.Expr] {
	if depth == 0 {
		return anyMatchLeaf.Filter(func(e condition.Expr) bool {
			_, err := condition.Compile(e, matchTreeFields)
			return err == nil
		})
	}
	return rapid.Custom(func(rt *rapid.T) condition.Expr {
		members := rapid.SliceOfN(anyMatchTree(depth-1), 1, 3)
		switch rapid.IntRange(0, 5).Draw(rt, "operator") {
		case 0, 1:
			return condition.And(members.Draw(rt, "and"))
		case 2, 3:
			return condition.Or(members.Draw(rt, "or"))
		case 4:
			return condition.Not{X: anyMatchTree(depth-1).Draw(rt, "not")}
		}
		return rapid.SampledFrom([]condition.Expr{condition.Const(true), condition.Const(false)}).Draw(rt, "constant")
	})
}

// matchTreeFields is the mapping for the generator of trees.
var matchTreeFields = func() mapping.Fields {
	body, err := json.Marshal(matchFields())
	if err != nil {
		panic(err)
	}
	table, err := mapping.Parse(body)
	if err != nil {
		panic(err)
	}
	return table
}()

var matchDateFields = []string{"date", "nanos", "epoch", "day"}

var anyMatchLeaf = rapid.Custom(func(rt *rapid.T) condition.Expr {
	field := rapid.SampledFrom(matchFieldNames).Draw(rt, "field")
	fold := rapid.Bool().Draw(rt, "fold")
	switch rapid.IntRange(0, 11).Draw(rt, "test") {
	case 0:
		return condition.Exists{Field: field}
	case 1, 2:
		return condition.Terms{Field: field, Values: rapid.SliceOfN(matchLiteral(field), 0, 4).Draw(rt, "values")}
	case 3, 4:
		r := condition.Range{Field: field}
		for _, bound := range []*any{&r.Gt, &r.Gte, &r.Lt, &r.Lte} {
			if rapid.IntRange(0, 2).Draw(rt, "bounded") == 0 {
				*bound = matchLiteral(field).Draw(rt, "bound")
			}
		}
		if r.Gt != nil {
			r.Gte = nil
		}
		if r.Lt != nil {
			r.Lte = nil
		}
		if (field == "date" || field == "nanos") && rapid.Bool().Draw(rt, "with format") {
			r.Format = "strict_date_optional_time"
		}
		if slices.Contains(matchDateFields, field) && rapid.IntRange(0, 2).Draw(rt, "with zone") == 0 {
			r.TimeZone = rapid.SampledFrom(matchZones).Draw(rt, "zone")
		}
		return r
	case 5:
		return condition.Wildcard{Field: field, Pattern: rapid.SampledFrom(matchPatterns).Draw(rt, "pattern"), Fold: fold}
	case 6:
		return condition.Prefix{Field: field, Value: rapid.SampledFrom(matchTexts).Draw(rt, "prefix"), Fold: fold}
	case 7:
		return condition.Regexp{Field: field, Pattern: rapid.SampledFrom(matchRegexps).Draw(rt, "regexp"), Fold: fold}
	case 8:
		return condition.CIDR{Field: "ip", Networks: rapid.SliceOfN(rapid.SampledFrom(matchAddresses), 0, 3).Draw(rt, "networks")}
	}
	value := matchLiteral(field).Draw(rt, "value")
	_, isText := value.(string)
	return condition.Term{Field: field, Value: value, Fold: fold && isText}
})

// matchLiteral generates mostly values of the field's own pool, as text or as a number.
func matchLiteral(field string) *rapid.Generator[any] {
	return rapid.Custom(func(rt *rapid.T) any {
		pool := matchPools[field]
		if pool == nil || rapid.IntRange(0, 19).Draw(rt, "any pool") == 0 {
			pool = rapid.SampledFrom([][]string{matchTexts, matchWholes, matchFractions, matchDates, matchAddresses, {"true", "false"}}).Draw(rt, "pool")
		}
		if slices.Contains(matchDateFields, field) && rapid.IntRange(0, 2).Draw(rt, "date math") == 0 {
			return rapid.SampledFrom(matchDateMath).Draw(rt, "math")
		}
		text := rapid.SampledFrom(pool).Draw(rt, "literal")
		if rapid.Bool().Draw(rt, "as text") {
			return text
		}
		if b, err := strconv.ParseBool(text); err == nil && len(text) > 1 {
			return b
		}
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
		if x, err := strconv.ParseFloat(text, 64); err == nil {
			return x
		}
		return text
	})
}

// matchCorpus has the documents for both sides.
type matchCorpus struct {
	node      *Node
	index     string
	documents []matchDocument
	tables    []matchTable
}

type matchDocument struct {
	id     string
	source []byte
	// decoded has one document for each table, as documents cache their values.
	decoded map[string]*event.Document
}

// matchTable is one way to read the mapping.
type matchTable struct {
	name   string
	fields mapping.Fields
}

const matchDocumentCount = 400

func newMatchCorpus(t *testing.T, n *Node) *matchCorpus {
	t.Helper()
	c := &matchCorpus{node: n}
	c.index = c.node.Name("match")
	c.node.Must(t, "PUT", "/"+c.index, object{
		"settings": object{"number_of_replicas": 0, "number_of_shards": 1, "max_result_window": matchDocumentCount},
		"mappings": matchFields(),
	})
	c.fill(t, matchSeed(t))
	text, err := json.Marshal(c.node.Must(t, "GET", "/"+c.index+"/_mapping", nil).Any())
	must(t, err)
	parsed, err := mapping.Parse(text)
	must(t, err)
	// The index's settings name no analyser, which the fields of a cluster do not say.
	c.tables = []matchTable{{"mapping.Parse", parsed.Analyzed()}, {"elastic.Resolve", c.resolve(t)}}
	return c
}

func matchSeed(t *testing.T) int {
	t.Helper()
	seed := rand.IntN(1 << 30)
	if text := os.Getenv("TOCSIN_MATCH_SEED"); text != "" {
		var err error
		seed, err = strconv.Atoi(text)
		must(t, err)
	}
	t.Logf("documents: TOCSIN_MATCH_SEED=%d", seed)
	return seed
}

// fill writes documents and keeps the accepted ones.
func (c *matchCorpus) fill(t *testing.T, seed int) {
	t.Helper()
	var bulk strings.Builder
	var written []matchDocument
	for i := range matchDocumentCount {
		source, err := json.Marshal(anyMatchDocument.Example(seed + i))
		must(t, err)
		d := matchDocument{id: fmt.Sprintf("d%03d", i), source: source, decoded: map[string]*event.Document{}}
		fmt.Fprintf(&bulk, "{\"create\":{\"_index\":%q,\"_id\":%q}}\n%s\n", c.index, d.id, source)
		written = append(written, d)
	}
	items := c.node.Lines(t, "/_bulk?refresh=true", bulk.String()).At("items").List()
	for i, item := range items {
		if item.At("create", "status").Int() == 201 {
			c.documents = append(c.documents, written[i])
		} else if len(items)-len(c.documents) == i+1 {
			t.Logf("a document was refused: %s: %s", written[i].source, item.At("create", "error"))
		}
	}
	if len(c.documents) < matchDocumentCount*9/10 {
		t.Fatalf("%d of %d documents were refused", matchDocumentCount-len(c.documents), matchDocumentCount)
	}
}

func (c *matchCorpus) resolve(t *testing.T) mapping.Fields {
	t.Helper()
	client, err := elastic.New(elastic.Config{URLs: []string{c.node.URL}, Password: c.node.Password, RequestTimeout: time.Minute})
	must(t, err)
	defer func() { must(t, client.Close(t.Context())) }()
	target, err := client.Resolve(t.Context(), []string{c.index}, matchFieldNames)
	must(t, err)
	return target.Fields
}

// matchAnswer is Elasticsearch's answer to a condition: the ids, or the reason for refusing it.
type matchAnswer struct {
	ids     map[string]bool
	refusal string
	// broken: the refusal is an internal error of Elasticsearch and does not concern the condition. 8.19 has one
	// for a regexp on a version field that matches a single text.
	broken bool
}

// searchAll sends all conditions that Elasticsearch can evaluate in one request.
func (c *matchCorpus) searchAll(t *testing.T, conditions []condition.Expr) []matchAnswer {
	t.Helper()
	var lines strings.Builder
	for _, e := range conditions {
		query, err := search.JSON(object{
			"size": matchDocumentCount, "_source": false, "track_total_hits": false, "query": c.pushed(e),
		}, "")
		must(t, err)
		fmt.Fprintf(&lines, "{}\n%s\n", query)
	}
	replies := c.node.Lines(t, "/"+c.index+"/_msearch", lines.String()).At("responses").List()
	answers := make([]matchAnswer, len(conditions))
	for i, reply := range replies {
		if status := reply.At("status").Int(); status != 200 {
			answers[i].refusal = reply.At("error").String()
			answers[i].broken = status >= 500
			continue
		}
		answers[i].ids = map[string]bool{}
		for _, hit := range reply.At("hits", "hits").List() {
			answers[i].ids[hit.At("_id").String()] = true
		}
	}
	return answers
}

// matchOutcome is the result of comparing one condition.
type matchOutcome int

const (
	// matchCompared: both found the same documents.
	matchCompared matchOutcome = iota
	// matchWidened: Elasticsearch found all matches and perhaps more, as Pushdown reports.
	matchWidened
	// matchRefused: Elasticsearch answers 400, and Compile returns an error.
	matchRefused
	// matchLeft: Compile reports that only a search can answer, or Elasticsearch failed.
	matchLeft
)

func (c *matchCorpus) pushed(e condition.Expr) condition.Query {
	superset, _ := condition.Pushdown(condition.Simplify(e), c.tables[0].fields)
	return condition.DSL(superset)
}

// compare fails the test if the results differ.
func (c *matchCorpus) compare(rt *rapid.T, e condition.Expr, fields matchTable, a matchAnswer) matchOutcome {
	_, exact := condition.Pushdown(condition.Simplify(e), fields.fields)
	m, err := condition.Compile(condition.Simplify(e), fields.fields)
	switch {
	case errors.Is(err, condition.ErrAnalysed), errors.Is(err, condition.ErrSearchOnly), errors.Is(err, mapping.ErrOpaque), a.broken:
		return matchLeft
	case err != nil && (a.refusal != "" || !exact):
		return matchRefused
	case err != nil:
		rt.Fatalf("%s (fields of %s): Compile says %v, but Elasticsearch finds %d documents", e, fields.name, err, len(a.ids))
	case a.refusal != "":
		rt.Fatalf("%s (fields of %s): Compile has nothing against it, but Elasticsearch refuses: %s", e, fields.name, a.refusal)
	}
	for i := range c.documents {
		d := &c.documents[i]
		got := m.Match(d.under(rt, fields.name))
		if got != a.ids[d.id] && (exact || got) {
			rt.Fatalf("%s (fields of %s)\non %s\nElasticsearch says %t, Match %t\nquery: %s",
				e, fields.name, d.source, a.ids[d.id], got, shownQuery(c.pushed(e)))
		}
	}
	if !exact {
		return matchWidened
	}
	return matchCompared
}

func (d *matchDocument) under(rt *rapid.T, name string) *event.Document {
	if d.decoded[name] == nil {
		decoded, err := (&event.Event{ID: d.id, Source: d.source}).Document()
		if err != nil {
			rt.Fatal(err)
		}
		d.decoded[name] = decoded
	}
	return d.decoded[name]
}

func shownQuery(query condition.Query) string {
	text, err := search.JSON(query, "")
	if err != nil {
		return err.Error()
	}
	return string(text)
}
