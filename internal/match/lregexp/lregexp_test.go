package lregexp_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"tocsin/internal/match/lregexp"
)

func TestLiteral(t *testing.T) {
	tests := []struct {
		name, in string
		fold     bool
		want     string
		ok       bool
	}{
		{"escaped", `net\.exe`, false, "net.exe", true},
		{"quoted", `"net.exe"`, false, "net.exe", true},
		{"empty", "", false, "", true},
		{"group and class", "(a)[b]{2}é", false, "abbé", true},
		{"one alternative left", "(ab|c)&a.*", false, "ab", true},
		{"number", "<7-7>", false, "7", true},
		{"the same twice", "a|a", false, "a", true},
		{"no letters to fold", "12-", fold, "12-", true},
		{"folded", "a1", fold, "", false},
		{"two", "a|b", false, "", false},
		{"prefix", "ab?", false, "", false},
		{"any character", "a.", false, "", false},
		{"nothing", "#", false, "", false},
		{"everything", "@", false, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			re := compile(t, row{pattern: tt.in, flags: lregexp.All, fold: tt.fold})
			if got, ok := re.Literal(); got != tt.want || ok != tt.ok {
				t.Errorf("%s: got %q, %v", tt.in, got, ok)
			}
			if re.String() != tt.in {
				t.Errorf("string: %q", re.String())
			}
		})
	}
}

// every2nd returns n characters of which no two are neighbours.
func every2nd(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteRune(rune(0x4e00 + 2*i))
	}
	return b.String()
}

func TestTooComplex(t *testing.T) {
	tests := []struct {
		name, in string
		want     error
	}{
		{"long string", "a{9000}", nil},
		{"many copies", "a{2147483647}", lregexp.ErrTooComplex},
		{"copies of copies", strings.Repeat("(", 20) + "a" + strings.Repeat("{1000})", 20), lregexp.ErrTooComplex},
		{"copies of nothing", strings.Repeat("(", 20) + "()" + strings.Repeat("{1000})", 20), nil},
		{"copies of no string", strings.Repeat("(", 20) + "#" + strings.Repeat("{1000})", 20), nil},
		{"classes of many ranges", "[acegikmoqsuwy]{900}", nil},
		{"too many ranges", "[" + every2nd(400) + "]{900}", lregexp.ErrTooComplex},
		{"complement Elasticsearch takes", "~(.*a.{12})", nil},
		{"complement", "~(.*a.{20})", lregexp.ErrTooComplex},
		{"no complement", ".*a.{20}", nil},
		{"nested groups", strings.Repeat("(", 900) + "a" + strings.Repeat(")", 900), nil},
		{"deeper groups", strings.Repeat("(", 1e6), lregexp.ErrTooComplex},
		{"complements", strings.Repeat("~", 1e6), lregexp.ErrTooComplex},
		{"stars", strings.Repeat("*", 1e6), nil},
		{"bounds", "a" + strings.Repeat("{1}", 1e5), lregexp.ErrTooComplex},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := lregexp.Compile(tt.in, lregexp.Options{Flags: lregexp.All}); !errors.Is(err, tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestInvalidUTF8(t *testing.T) {
	re := compile(t, row{pattern: "a.\ufffd", flags: lregexp.All})
	if !re.Match("a\xff\xfe") || re.Match("a\xff") {
		t.Error("a bad byte of a value is one U+FFFD")
	}
	if re = compile(t, row{pattern: "\xff[\xfe]"}); !re.Match("\ufffd\ufffd") {
		t.Error("a bad byte of a pattern is one U+FFFD")
	}
}

// TestConcurrent matches while the states overflow the cache again and again.
func TestConcurrent(t *testing.T) {
	re := compile(t, row{pattern: ".*a.{14}", flags: lregexp.All})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			value := mixed(5_000+g, uint64(g))
			for end := len(value); end > 4_980; end-- {
				if got, want := re.Match(value[:end]), value[end-15] == 'a'; got != want {
					t.Errorf("%d bytes: got %v", end, got)
				}
			}
		})
	}
	wg.Wait()
}

// mixed returns n letters a and b in no order a cache could profit from.
func mixed(n int, seed uint64) string {
	b := make([]byte, n)
	x := seed*2 + 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = 'a' + byte(x>>32&1)
	}
	return string(b)
}

func BenchmarkMatch(b *testing.B) {
	command := `C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe -NoProfile -EncodedCommand SQBFAFgA`
	tests := []struct{ name, pattern, value string }{
		{"typical", `.*\\(powershell|pwsh|cmd)\.exe.* -[Ee]n?c?[a-zA-Z]* .*`, command},
		{"complement", `.*powershell.*&~(.*(bypass|hidden).*)`, command},
		{"pathological in cache", "(a*)*(a|aa)+(a?){50}b", strings.Repeat("a", 1000)},
		{"pathological out of cache", ".*a.{400}", mixed(1000, 1)},
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			re, err := lregexp.Compile(tt.pattern, lregexp.Options{Flags: lregexp.All})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(tt.value)))
			b.ReportAllocs()
			for b.Loop() {
				re.Match(tt.value)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := lregexp.Compile(`.*\\(powershell|pwsh|cmd)\.exe.* -[Ee]n?c?[a-zA-Z]* .*`, lregexp.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
