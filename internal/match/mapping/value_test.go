package mapping_test

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/mapping"
)

// decode reads one JSON value as documents are read.
func decode(tb testing.TB, text string) any {
	tb.Helper()
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return v
}

// none stands for a value that is not indexed.
const none = "none"

// The rows of this file's tables are the doc values of Elasticsearch 8.19; where it rejects a
// document, the value is not indexed.
func TestIndexKeyword(t *testing.T) {
	for _, tt := range []struct {
		f         mapping.Field
		raw, want string
	}{
		{mapping.Field{}, `"a"`, "a"},
		{mapping.Field{}, `""`, ""},
		{mapping.Field{}, `1.10`, "1.10"},
		{mapping.Field{}, `1e3`, "1e3"},
		{mapping.Field{}, `18446744073709551616`, "18446744073709551616"},
		{mapping.Field{}, `true`, "true"},
		{mapping.Field{}, `null`, none},
		{mapping.Field{}, `{}`, none},
		{mapping.Field{NullValue: "NUL"}, `null`, "NUL"},
		{mapping.Field{NullValue: "NUL"}, `""`, ""},
		{mapping.Field{NullValue: "NUL", Normalizer: "lowercase"}, `null`, "nul"},
		{mapping.Field{IgnoreAbove: 4}, `"abcd"`, "abcd"},
		{mapping.Field{IgnoreAbove: 4}, `"abcde"`, none},
		{mapping.Field{IgnoreAbove: 4}, `"ÄÖÜß"`, "ÄÖÜß"},
		{mapping.Field{IgnoreAbove: 4}, `"😀😀"`, "😀😀"},
		{mapping.Field{IgnoreAbove: 4}, `"😀😀😀"`, none},
		{mapping.Field{IgnoreAbove: 4}, `12345`, none},
		{mapping.Field{IgnoreAbove: 4}, `false`, none},
		{mapping.Field{Normalizer: "lowercase"}, `"ÄÖÜẞ"`, "äöüß"},
		{mapping.Field{Normalizer: "lowercase"}, `"İ"`, "i"},
		{mapping.Field{Normalizer: "lowercase"}, `"ΑΣ"`, "ασ"},
		{mapping.Field{Normalizer: "lowercase"}, `12E5`, "12e5"},
	} {
		tt.f.Type = mapping.Keyword
		got := none
		if v, ok := tt.f.Index(decode(t, tt.raw)); ok {
			got = v.String
		}
		if got != tt.want {
			t.Errorf("%+v of %s: %q, want %q", tt.f, tt.raw, got, tt.want)
		}
	}
}

func TestIndexInteger(t *testing.T) {
	const no = math.MinInt64 + 1 // means not indexed
	for _, tt := range []struct {
		raw                      string
		long, integer, short, bt int64
	}{
		{`5`, 5, 5, 5, 5},
		{`5.7`, 5, 5, 5, 5},
		{`-5.7`, -5, -5, -5, -5},
		{`"5"`, 5, 5, 5, 5},
		{`"5.7"`, 5, 5, 5, 5},
		{`"+5"`, 5, 5, 5, 5},
		{`"5."`, 5, 5, 5, 5},
		{`".5"`, 0, 0, 0, 0},
		{`"-0.5"`, 0, 0, 0, 0},
		{`" 5"`, no, 5, 5, 5},
		{`"5d"`, no, 5, 5, 5},
		{`"0x10"`, no, no, no, no},
		{`"-0x1p3"`, no, -8, -8, -8},
		{`"NaN"`, no, 0, 0, 0},
		{`"nan"`, no, no, no, no},
		{`"inf"`, no, no, no, no},
		{`"Infinity"`, no, no, no, no},
		{`"1_000"`, no, no, no, no},
		{`""`, no, no, no, no},
		{`"abc"`, no, no, no, no},
		{`true`, no, no, no, no},
		{`null`, no, no, no, no},
		{`1e3`, 1000, 1000, 1000, no},
		{`"1e3"`, 1000, 1000, 1000, no},
		{`"1e-1"`, 0, 0, 0, 0},
		{`"1e-999"`, 0, 0, 0, 0},
		{`"1e999999999999"`, no, no, no, no},
		{`"e"`, no, no, no, no},
		{`127.9`, 127, 127, 127, 127},
		{`128`, 128, 128, 128, no},
		{`-128.9`, -128, -128, -128, -128},
		{`32767.9`, 32767, 32767, 32767, no},
		{`"32767.9"`, 32767, 32767, no, no},
		{`32768`, 32768, 32768, no, no},
		{`2147483647.9`, 2147483647, no, no, no},
		{`"2147483647.9"`, 2147483647, no, no, no},
		{`2147483648`, 2147483648, no, no, no},
		{`1e18`, 1e18, no, no, no},
		{`1e19`, no, no, no, no},
		{`"1e19"`, no, no, no, no},
		{`9007199254740993`, 9007199254740993, no, no, no},
		{`9007199254740993.0`, 9007199254740992, no, no, no},
		{`"9007199254740993.0"`, 9007199254740993, no, no, no},
		{`9223372036854775807`, math.MaxInt64, no, no, no},
		{`9223372036854775807.5`, math.MaxInt64, no, no, no},
		{`"9223372036854775807.9"`, math.MaxInt64, no, no, no},
		{`9223372036854775808`, no, no, no, no},
		{`"9223372036854775808"`, no, no, no, no},
		{`-9223372036854775808`, math.MinInt64, no, no, no},
		{`"-9223372036854775808.5"`, math.MinInt64, no, no, no},
	} {
		want := map[mapping.Type]int64{
			mapping.Long: tt.long, mapping.Integer: tt.integer, mapping.Short: tt.short, mapping.Byte: tt.bt,
		}
		got := map[mapping.Type]int64{}
		for typ := range want {
			got[typ] = no
			if v, ok := (mapping.Field{Type: typ}).Index(decode(t, tt.raw)); ok {
				got[typ] = v.Whole
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.raw, diff)
		}
	}
}

func TestIndexNullOfNumber(t *testing.T) {
	f := mapping.Field{Type: mapping.Long, NullValue: json.Number("7")}
	for _, raw := range []string{`null`, `""`} {
		if v, ok := f.Index(decode(t, raw)); !ok || v.Whole != 7 {
			t.Errorf("%s: %v %t, want the null_value 7", raw, v, ok)
		}
	}
	f = mapping.Field{Type: mapping.Double, NullValue: "7.5"}
	if v, ok := f.Index(nil); !ok || v.Number != 7.5 {
		t.Errorf("null: %v %t, want the null_value 7.5", v, ok)
	}
}

func TestIndexFloat(t *testing.T) {
	nan := math.NaN() // means not indexed
	for _, tt := range []struct {
		raw                 string
		double, float, half float64
	}{
		{`5`, 5, 5, 5},
		{`5.7`, 5.7, float64(float32(5.7)), 5.69921875},
		{`"5.7"`, 5.7, float64(float32(5.7)), 5.69921875},
		{`" 5 "`, 5, 5, 5},
		{`"5f"`, 5, 5, 5},
		{`"5."`, 5, 5, 5},
		{`""`, nan, nan, nan},
		{`"NaN"`, nan, nan, nan},
		{`"Infinity"`, nan, nan, nan},
		{`true`, nan, nan, nan},
		{`"0x10"`, nan, nan, nan},
		{`0.1`, 0.1, 0.10000000149011612, 0.0999755859375},
		{`1e-400`, 0, 0, 0},
		{`1e400`, nan, nan, nan},
		{`3.5e38`, 3.5e38, nan, nan},
		{`3.4028235e38`, 3.4028235e38, math.MaxFloat32, nan},
		{`16777217`, 16777217, 16777216, nan},
		{`1.00000005960464477539062500001`, 1.0000000596046448, 1.0000001192092896, 1},
		{`1.00048828125`, 1.00048828125, 1.00048828125, 1},
		{`1.00146484375`, 1.00146484375, 1.00146484375, 1.001953125},
		{`2049`, 2049, 2049, 2048},
		{`2051`, 2051, 2051, 2052},
		{`65519.9`, 65519.9, float64(float32(65519.9)), 65504},
		{`65520`, 65520, 65520, nan},
		{`5.9604645e-8`, 5.9604645e-8, float64(float32(5.9604645e-8)), 5.960464477539063e-08},
		{`2.9802322e-8`, 2.9802322e-8, float64(float32(2.9802322e-8)), 0},
		{`0.0001`, 0.0001, float64(float32(0.0001)), 0.00010001659393310547},
	} {
		for typ, want := range map[mapping.Type]float64{mapping.Double: tt.double, mapping.Float: tt.float, mapping.HalfFloat: tt.half} {
			v, ok := (mapping.Field{Type: typ}).Index(decode(t, tt.raw))
			if ok == math.IsNaN(want) || ok && v.Number != want {
				t.Errorf("%s under %s: %v %t, want %v", tt.raw, typ, v.Number, ok, want)
			}
		}
	}
}

func TestScaledFloatRounds(t *testing.T) {
	f := mapping.Field{Type: mapping.ScaledFloat, ScalingFactor: 100}
	if v, ok := f.Index(json.Number("0.125")); !ok || v.Number != 0.13 {
		t.Errorf("0.125: %v, want 0.13", v.Number)
	}
	f.ScalingFactor = 0
	if v, ok := f.Index(json.Number("0.125")); !ok || v.Number != 0.125 {
		t.Errorf("0.125 without a factor: %v", v.Number)
	}
}

func TestIndexBoolean(t *testing.T) {
	for raw, want := range map[string]string{
		`true`: "true", `false`: "false", `"true"`: "true", `"false"`: "false", `""`: "false",
		`"TRUE"`: none, `"yes"`: none, `1`: none, `0`: none, `1.0`: none, `" true"`: none, `null`: none,
	} {
		got := none
		if v, ok := (mapping.Field{Type: mapping.Boolean}).Index(decode(t, raw)); ok {
			got = v.String
			if v.Bool != (got == "true") {
				t.Errorf("%s: Bool is %t", raw, v.Bool)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}

func TestParseIP(t *testing.T) {
	for text, want := range map[string]string{
		"1.2.3.4": "1.2.3.4", "::ffff:1.2.3.4": "1.2.3.4", "::ffff:102:304": "1.2.3.4", "::1.2.3.4": "::102:304",
		"fe80::1%eth0": "fe80::1", "::1%a%b": "::1", "2001:DB8::1": "2001:db8::1", "1:2:3:4:5:6:7::": "1:2:3:4:5:6:7:0",
		"2001:db8:0:0:0:0:0:00001": "2001:db8::1", "0000000000001::": "1::", "::00001": "::1", "0:0:0:0:0:ffff:1.2.3.4": "1.2.3.4",
		"01.2.3.4": none, "1.2.3": none, "": none, "\t1.2.3.4": none, "[::1]": none, "1.2.3.4/32": none, "256.1.1.1": none, "::ffff:01.2.3.4": none,
		"1.2.3.4%eth0": none, "::ffff:1.2.3.4%eth0": none, "::1%": none, "%": none, "1::2::3": none, "1.2.3.4:80": none, "localhost": none, "16909060": none,
	} {
		got := none
		if addr, ok := mapping.ParseIP(text); ok {
			got = addr.String()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
		if v, ok := (mapping.Field{Type: mapping.IP}).Index(text); ok != (want != none) || ok && v.IP.String() != want {
			t.Errorf("index %q: %v %t, want %s", text, v.IP, ok, want)
		}
	}
}

func TestIndexOther(t *testing.T) {
	for _, tt := range []struct {
		typ  mapping.Type
		raw  string
		want bool
	}{
		{mapping.Text, `""`, true},
		{mapping.Text, `5`, true},
		{mapping.Text, `null`, false},
		{mapping.Version, `1.10`, true},
		{mapping.Version, `"2147483648"`, false},
		{mapping.Version, `"1.0.0-99999999999"`, false},
		{mapping.Object, `"x"`, false},
		{mapping.Unknown, `"x"`, true},
		{"geo_point", `"1,2"`, true},
	} {
		if _, ok := (mapping.Field{Type: tt.typ}).Index(decode(t, tt.raw)); ok != tt.want {
			t.Errorf("%s of %s: %t, want %t", tt.typ, tt.raw, ok, tt.want)
		}
	}
}

func TestIndexUnknown(t *testing.T) {
	f := mapping.Field{}
	if v, _ := f.Index("::ffff:10.0.0.1"); v.IP.String() != "10.0.0.1" {
		t.Errorf("address: %v", v.IP)
	}
	if v, _ := f.Index(json.Number("7")); v.Whole != 7 || v.Number != 7 || v.String != "7" {
		t.Errorf("number: %+v", v)
	}
	if v, _ := f.Index(true); !v.Bool {
		t.Errorf("boolean: %+v", v)
	}
	if v, _ := f.Index("true"); v.Bool {
		t.Errorf("text: %+v", v)
	}
}

func TestScalarText(t *testing.T) {
	for _, tt := range []struct {
		raw  any
		want string
		ok   bool
	}{
		{"a", "a", true},
		{json.Number("1.0"), "1.0", true},
		{true, "true", true},
		{int64(5), "5", true},
		{1735787045123.0, "1735787045123", true},
		{1e300, "1e+300", true},
		{nil, "", false},
		{[]any{}, "", false},
	} {
		if got, ok := mapping.ScalarText(tt.raw); got != tt.want || ok != tt.ok {
			t.Errorf("%v: %q %t, want %q %t", tt.raw, got, ok, tt.want, tt.ok)
		}
	}
}

func TestValueText(t *testing.T) {
	at := indexed(t, mapping.Field{Type: mapping.Date}, `"2026"`)
	at.String = ""
	for _, tt := range []struct {
		v    mapping.Value
		want string
	}{
		{mapping.Value{String: "a"}, "a"},
		{mapping.Value{IP: indexed(t, mapping.Field{Type: mapping.IP}, `"::1"`).IP}, "::1"},
		{at, "2026-01-01T00:00:00Z"},
		{mapping.Value{}, ""},
	} {
		if got := tt.v.Text(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func indexed(t *testing.T, f mapping.Field, raw string) mapping.Value {
	t.Helper()
	v, ok := f.Index(decode(t, raw))
	if !ok {
		t.Fatalf("%s is not indexed", raw)
	}
	return v
}

// Rounding to a smaller float is idempotent and keeps the order.
func TestNumberRounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := mapping.Field{Type: rapid.SampledFrom([]mapping.Type{mapping.Float, mapping.HalfFloat, mapping.Double}).Draw(t, "type")}
		a, b := rapid.Float64().Draw(t, "a"), rapid.Float64().Draw(t, "b")
		x, y := f.Number(a), f.Number(b)
		if again := f.Number(x); again != x {
			t.Errorf("%v rounds to %v, then to %v", a, x, again)
		}
		if a < b && x > y {
			t.Errorf("%v < %v round to %v > %v", a, b, x, y)
		}
	})
}

// long stores every JSON integer exactly, as a number or as text.
func TestLongIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64().Draw(t, "n")
		text, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range []any{json.Number(text), string(text), string(text) + ".9"} {
			if v, ok := (mapping.Field{Type: mapping.Long}).Index(raw); !ok || v.Whole != n {
				t.Errorf("%#v: %d %t", raw, v.Whole, ok)
			}
		}
	})
}
