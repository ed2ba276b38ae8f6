package splunk_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

// event is what expressions are evaluated on.
const event = `{"s": "Hello", "n": "42", "zero": "0", "mv": ["b", "a", "b"], "nums": ["3", "10"], "empty": "", "ip": "10.1.2.3",
	"t": "1772712000.25", "path": "C:\\Windows\\cmd.exe", "js": "{\"a\": [{\"b\": 1}, {\"b\": \"x\"}], \"c\": {\"d\": true}}",
	"o": {"p": "dotted"}, "x y": "blank", "arr": [{"k": "1"}, {"k": null}, {"k": "3"}]}`

// functionCases are expressions and their values; null is a field that is not set.
var functionCases = []struct{ expr, want string }{
	// Operators.
	{`1 + 2 * 3`, `7`},
	{`(1 + 2) * 3`, `9`},
	{`7 % 4`, `3`},
	{`n / 4`, `10.5`},
	{`n / 0`, `null`},
	{`-n`, `-42`},
	{`n - 2`, `40`},
	{`s . "!" . n`, `"Hello!42"`},
	{`"a" + "b"`, `"ab"`},
	{`"1" + "2"`, `3`},
	{`n + 1 . "x"`, `"43x"`},
	{`s . missing`, `null`},
	{`missing + 1`, `null`},
	{`'o.p'`, `"dotted"`},
	{`'x y'`, `"blank"`},
	{`'arr{}.k'`, `["1", "null", "3"]`},
	{`1.50`, `1.5`},
	{`1e3`, `1000`},
	{`.5`, `0.5`},
	{`"back\slash \"q\" \\d"`, `"back\\slash \"q\" \\d"`},
	{`NULL`, `null`},
	// Conditions: AND binds before OR, NOT before AND, and null decides nothing.
	{`if(true() OR false() AND false(), 1, 0)`, `1`},
	{`if(NOT false() AND true(), 1, 0)`, `1`},
	{`if(true() XOR true(), 1, 0)`, `0`},
	{`if(missing = 1, 1, 0)`, `0`},
	{`if(NOT missing = 1, 1, 0)`, `0`},
	{`if(missing = 1 OR true(), 1, 0)`, `1`},
	{`if(missing != 1, 1, 0)`, `0`},
	{`if(s = "hello", 1, 0)`, `0`},
	{`if(s == "Hello", 1, 0)`, `1`},
	{`if(n > 9, 1, 0)`, `1`},
	{`if("9" > "10", 1, 0)`, `0`},
	{`if("b" > "a", 1, 0)`, `1`},
	{`if(mv = "a", 1, 0)`, `1`},
	{`if(n = "42.0", 1, 0)`, `1`},
	{`if(s IN ("x", "Hello"), 1, 0)`, `1`},
	{`if(s IN (missing, n), 1, 0)`, `0`},
	{`if(NOT s IN ("x"), 1, 0)`, `1`},
	{`if(s LIKE "He%", 1, 0)`, `1`},
	{`if(s NOT LIKE "He%", 1, 0)`, `0`},
	{`if(s <= "Hello" and n >= 42, 1, 0)`, `1`},
	{`case(n < 10, "low", n < 100, "mid", true(), "high")`, `"mid"`},
	{`CASE(n = 1, 1)`, `null`},
	{`validate(n > 1, "small", n > 100, "not big")`, `"not big"`},
	{`validate(n > 1, "small")`, `null`},
	{`coalesce(missing, null(), s)`, `"Hello"`},
	{`coalesce(missing)`, `null`},
	{`nullif(s, "Hello")`, `null`},
	{`nullif(s, n)`, `"Hello"`},
	{`if(in(s, "a", "Hello"), 1, 0)`, `1`},
	{`if(like(s, "h%"), 1, 0)`, `0`},
	{`if(like(s, "_ello"), 1, 0)`, `1`},
	{`if(like(s, "Hell"), 1, 0)`, `0`},
	{`if(match(s, "l+o$"), 1, 0)`, `1`},
	{`if(match(s, "^ello"), 1, 0)`, `0`},
	{`if(match(mv, "^a$"), 1, 0)`, `1`},
	{`if(match(missing, "a"), 1, 0)`, `0`},
	{`if(match(path, "\\\\cmd"), 1, 0)`, `1`},
	{`if(match("user -k", "(?<!\w)-k"), 1, 0)`, `1`},
	{`if(match("x-k", "(?<!\w)-k"), 1, 0)`, `0`},
	{`if(cidrmatch("10.0.0.0/8", ip), 1, 0)`, `1`},
	{`if(cidrmatch("192.168.0.0/16", ip), 1, 0)`, `0`},
	{`if(cidrmatch("10.0.0.0/8", s), 1, 0)`, `0`},
	{`if(isnull(missing), 1, 0)`, `1`},
	{`if(isnotnull(s), 1, 0)`, `1`},
	{`if(isnotnull(empty), 1, 0)`, `1`},
	{`if(isnum(n), 1, 0)`, `1`},
	{`if(isnum(s), 1, 0)`, `0`},
	{`if(isint(1.5), 1, 0)`, `0`},
	{`if(isint(n), 1, 0)`, `1`},
	{`if(isstr(s), 1, 0)`, `1`},
	{`if(isbool(true()), 1, 0)`, `1`},
	{`typeof(1)`, `"Number"`},
	{`typeof(s)`, `"String"`},
	{`typeof(true())`, `"Boolean"`},
	{`typeof(missing)`, `"Invalid"`},
	{`null()`, `null`},
	{`if(searchmatch("s=hello OR s=x"), 1, 0)`, `1`},
	// Numbers.
	{`abs(-3)`, `3`},
	{`ceiling(1.2)`, `2`},
	{`ceil(1.2)`, `2`},
	{`floor(-1.2)`, `-2`},
	{`round(2.5)`, `3`},
	{`round(3.14159, 2)`, `3.14`},
	{`exact(0.1)`, `0.1`},
	{`exp(0)`, `1`},
	{`ln(1)`, `0`},
	{`ln(0)`, `null`},
	{`log(1000)`, `3`},
	{`log(8, 2)`, `3`},
	{`pow(2, 10)`, `1024`},
	{`sqrt(16)`, `4`},
	{`sqrt(-1)`, `null`},
	{`round(pi(), 3)`, `3.142`},
	{`max(1, n, 7)`, `"42"`},
	{`min(3, "a", 1)`, `1`},
	{`max(3, "a", 1)`, `"a"`},
	{`sum(1, n)`, `43`},
	{`avg(1, 3)`, `2`},
	{`tonumber("0A", 16)`, `10`},
	{`tonumber("x")`, `null`},
	{`tonumber(n)`, `42`},
	{`tostring(255, "hex")`, `"0xFF"`},
	{`tostring(1234567.5, "commas")`, `"1,234,567.50"`},
	{`tostring(3661, "duration")`, `"01:01:01"`},
	{`tostring(true())`, `"True"`},
	{`tostring(n)`, `"42"`},
	{`exp(s)`, `null`},
	// Texts.
	{`lower(s)`, `"hello"`},
	{`upper(mv)`, `["B", "A", "B"]`},
	{`len(s)`, `5`},
	{`len("é")`, `1`},
	{`len(missing)`, `null`},
	{`trim("  a ")`, `"a"`},
	{`trim("xxaxx", "x")`, `"a"`},
	{`ltrim("  a ")`, `"a "`},
	{`rtrim("aZZ", "Z")`, `"a"`},
	{`replace(s, "l", "L")`, `"HeLLo"`},
	{`replace("2024-01-02", "^(\d+)-(\d+)-(\d+)$", "\3/\2/\1")`, `"02/01/2024"`},
	{`replace(s, "(?i)H", "J")`, `"Jello"`},
	{`replace(missing, "a", "b")`, `null`},
	{`substr(s, 2)`, `"ello"`},
	{`substr(s, 1, 3)`, `"Hel"`},
	{`substr(s, -3, 2)`, `"ll"`},
	{`substr(s, 0, 2)`, `"He"`},
	{`urldecode("a%20b%zz")`, `"a b%zz"`},
	{`md5("a")`, `"0cc175b9c0f1b6a831c399e269772661"`},
	{`sha1("a")`, `"86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"`},
	{`substr(sha256("a"), 1, 8)`, `"ca978112"`},
	{`substr(sha512("a"), 1, 8)`, `"1f40fc92"`},
	// Several values.
	{`mvcount(mv)`, `3`},
	{`mvcount(s)`, `1`},
	{`mvcount(missing)`, `null`},
	{`mvappend(mv, "z", missing, s)`, `["b", "a", "b", "z", "Hello"]`},
	{`mvdedup(mv)`, `["b", "a"]`},
	{`mvindex(mv, 0)`, `"b"`},
	{`mvindex(mv, -1)`, `"b"`},
	{`mvindex(mv, 1, 2)`, `["a", "b"]`},
	{`mvindex(mv, 5)`, `null`},
	{`mvindex(mv, 0, -2)`, `["b", "a"]`},
	{`mvjoin(mv, ", ")`, `"b, a, b"`},
	{`mvjoin(s, ",")`, `"Hello"`},
	{`mvsort(mv)`, `["a", "b", "b"]`},
	{`mvfind(mv, "^a")`, `1`},
	{`mvfind(mv, "z")`, `null`},
	{`mvfilter(mv != "b")`, `"a"`},
	{`mvfilter(NOT match(mv, "a"))`, `["b", "b"]`},
	{`mvfilter(mv = "q")`, `null`},
	{`mvmap(nums, nums * 2)`, `[6, 20]`},
	{`mvmap(mv, mv . "!")`, `["b!", "a!", "b!"]`},
	{`mvzip(mv, nums)`, `["b,3", "a,10"]`},
	{`mvzip(mv, nums, "|")`, `["b|3", "a|10"]`},
	{`mvrange(1, 5, 2)`, `[1, 3]`},
	{`split("a,b,,c", ",")`, `["a", "b", "", "c"]`},
	{`split("abc", "")`, `["a", "b", "c"]`},
	{`mvindex('arr{}.k', mvfind('arr{}.k', "3"))`, `"3"`},
	// Time.
	{`now()`, `1772712000`},
	{`relative_time(now(), "-1d@d")`, `1772582400`},
	{`relative_time(now(), "+5m")`, `1772712300`},
	{`relative_time(now(), "@w1")`, `1772409600`},
	{`relative_time(now(), "-1mon@mon+2d")`, `1770076800`},
	{`strftime(t, "%Y-%m-%dT%H:%M:%S.%3N %Z")`, `"2026-03-05T12:00:00.250 UTC"`},
	{`strftime(t, "%d/%b/%y %I:%M %p %a %j %s")`, `"05/Mar/26 12:00 PM Thu 064 1772712000"`},
	{`strftime(s, "%Y")`, `null`},
	{`strptime("2026-03-05T12:00:00.250", "%Y-%m-%dT%H:%M:%S.%3Q")`, `1772712000.25`},
	{`strptime("2026-03-05 14:00:00 +0200", "%Y-%m-%d %H:%M:%S %z")`, `1772712000`},
	{`strptime("2026-03-05T12:00:00.123456789Z", "%Y-%m-%dT%H:%M:%S.%9QZ")`, `1772712000.123456`},
	{`strptime("05 Mar 2026", "%d %b %Y")`, `1772668800`},
	{`strptime("no", "%Y")`, `null`},
	{`round(time())`, `1772712000`},
	{`strptime("12/31/25 11:30 PM", "%m/%d/%y %I:%M %p")`, `1767223800`},
	// JSON.
	{`spath(js, "a{}.b")`, `["1", "x"]`},
	{`spath(js, "a{1}.b")`, `"x"`},
	{`spath(js, "c")`, `"{\"d\":true}"`},
	{`spath(s, "a")`, `null`},
	{`json_extract(js, "c.d")`, `"true"`},
	{`if(json_valid(js), 1, 0)`, `1`},
	{`if(json_valid(s), 1, 0)`, `0`},
	{`spath("<a><b c='1'>t</b></a>", "a.b")`, `"t"`},
	{`exact("x") . false()`, `null`},
	{`if(isarray("[1, 2]"), 1, 0) . if(isarray(1), 1, 0) . if(isarray("{}"), 1, 0)`, `"100"`},
	{`if(isobject(js), 1, 0) . if(isobject("[]"), 1, 0) . if(isobject("x"), 1, 0)`, `"100"`},
	{`if(ismv(split("a,b", ",")), 1, 0) . if(ismv("a"), 1, 0) . if(ismv(nope), 1, 0)`, `"100"`},
}

func TestFunctions(t *testing.T) {
	rows := rowsOf(t, compact(t, event))
	called := map[string]bool{}
	for _, tt := range slices.Concat(functionCases, moreFunctionCases) {
		got, err := run(t.Context(), t, "* | eval result = "+tt.expr+" | table result", env(), rows)
		if err != nil {
			t.Errorf("%s: %v", tt.expr, err)
			continue
		}
		var want any
		if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got[0].(map[string]any)["result"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.expr, diff)
		}
		for _, name := range names(t, tt.expr) {
			called[name] = true
		}
	}
	for _, name := range spl.Functions() {
		if !called[name] {
			t.Errorf("no case calls %s", name)
		}
	}
	if diff := cmp.Diff(spl.Functions(), splunk.Functions()); diff != "" {
		t.Errorf("the functions that are read are not those that are run (-read +run):\n%s", diff)
	}
}

func compact(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	data, _ := json.Marshal(v)
	return string(data)
}

// names returns the functions that an expression calls.
func names(t *testing.T, expr string) []string {
	t.Helper()
	var out []string
	word := ""
	for _, r := range expr {
		switch {
		case r >= 'a' && r <= 'z' || r == '_' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			word += string(r)
		case r == '(' && word != "":
			out = append(out, lower(word))
			word = ""
		default:
			word = ""
		}
	}
	return out
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 32
		}
	}
	return string(b)
}
