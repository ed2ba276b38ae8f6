package redact_test

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/diag/redact"
)

// inner returns what is between quotation marks.
func inner(text string) string { return text[1 : len(text)-1] }

func inJSON(text string) string {
	out, _ := json.Marshal(text)
	return inner(string(out))
}

func inPlainJSON(text string) string {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(text)
	return inner(strings.TrimSuffix(out.String(), "\n"))
}

var escape = regexp.MustCompile("%[0-9A-F]{2}")

func lower(text string) string { return escape.ReplaceAllStringFunc(text, strings.ToLower) }

// formats are the spellings that answers have, by what writes them.
var formats = map[string]func(string) string{
	"plain": func(s string) string { return s }, "query": url.QueryEscape, "path": url.PathEscape, "HTML": html.EscapeString, "Go": func(s string) string { return inner(strconv.Quote(s)) },
	"lower query": func(s string) string { return lower(url.QueryEscape(s)) }, "JSON": inJSON, "plain JSON": inPlainJSON,
	"ASCII":     func(s string) string { return inner(strconv.QuoteToASCII(s)) },
	"URL":       func(s string) string { return (&url.URL{Path: "/" + s}).EscapedPath()[1:] },
	"user":      func(s string) string { return url.UserPassword("", s).String()[1:] },
	"one space": func(s string) string { return strings.Join(strings.Fields(s), " ") },
	"numeric": func(s string) string {
		var out strings.Builder
		for _, r := range s {
			if r == '&' || r == '<' || r > 127 {
				out.WriteString("&#" + strconv.Itoa(int(r)) + ";")
			} else {
				out.WriteRune(r)
			}
		}
		return out.String()
	},
}

// around are texts that stay: no secret has their letters.
var around = rapid.SampledFrom([]string{"", "ΑΒΓ ", " ΔΕ: ", "(ΖΗ) ", "{\"Θ\": \"", "\"}", "… "})

// TestAnySpelling: however formats nest, nothing of a secret is left, and nothing else is taken out.
func TestAnySpelling(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		secret := rapid.StringMatching(`[a-zA-Z0-9@:/%+=&?#"'<>\\ü€𝄞 \n;]{4,20}`).Filter(func(s string) bool { return strings.TrimSpace(s) == s }).Draw(r, "secret")
		said := secret
		var how []string
		for range rapid.IntRange(1, 2).Draw(r, "formats") {
			name := rapid.SampledFrom([]string{"plain", "query", "path", "HTML", "Go", "lower query", "JSON", "plain JSON", "ASCII", "URL", "user", "one space", "numeric"}).Draw(r, "format")
			how, said = append(how, name), formats[name](said)
		}
		before, after := around.Draw(r, "before"), around.Draw(r, "after")
		text := before + said + after
		got := redact.Text(text, "other-one", secret)
		if !strings.Contains(got, redact.Mark) || !strings.HasPrefix(got, strings.TrimRight(before, ` "`)) || !strings.HasSuffix(got, strings.TrimLeft(after, ` "`)) {
			r.Fatalf("%q as %v in %q: %q", secret, how, text, got)
		}
		if len(got) > len(before)+len(after)+len(redact.Mark)+2 {
			r.Fatalf("%q as %v in %q: %q", secret, how, text, got)
		}
	})
}

// TestBase64: what is in a word of base64, as basic authentication and API keys are, goes with the word.
func TestBase64(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		secret := rapid.StringMatching(`[a-zA-Z0-9@:/ü]{4,20}`).Draw(r, "secret")
		user := rapid.SampledFrom([]string{"", "elastic:", "id-1234:", "\x00u\x00"}).Draw(r, "user")
		e := rapid.SampledFrom([]*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding}).Draw(r, "encoding")
		word := e.EncodeToString([]byte(user + secret))
		got := redact.Text("not with [Basic "+word+"], sorry", secret)
		if got != "not with [Basic [redacted]], sorry" {
			r.Fatalf("%q of %q: %q", word, secret, got)
		}
	})
}

// TestNothingElse: a text without the secret stays as it is.
func TestNothingElse(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		secret := rapid.StringMatching(`[A-M]{4,8}`).Draw(r, "secret")
		text := rapid.StringMatching(`[n-z0-9 %&\\+;:/"<>=]{0,60}`).Draw(r, "text")
		if got := redact.Text(text, secret, "", " "); got != text {
			r.Fatalf("%q became %q", text, got)
		}
	})
}

func TestTogether(t *testing.T) {
	for _, tt := range []struct {
		text    string
		secrets []string
		want    string
	}{
		{"key abcdef and abc", []string{"abc", "abcdef"}, "key [redacted] and [redacted]"},
		{"xaby", []string{"xa", "by"}, "[redacted]"}, // they touch
		{"no", nil, "no"},
		{"a  b\tc", []string{"a b c"}, "[redacted]"},
		{`{"key":"a\\\"b<"}`, []string{`a"b<`}, `{"key":"[redacted]"}`},
		{"%", []string{"%%"}, "%"},
		{`ends in \`, []string{`\n`}, `ends in \`},
		{"&", []string{"&&"}, "&"},
	} {
		if got := redact.Text(tt.text, tt.secrets...); got != tt.want {
			t.Errorf("%q without %q: %q, want %q", tt.text, tt.secrets, got, tt.want)
		}
	}
}

// TestURL: whatever element of an address is a secret, however it is escaped or is not, it is among the parts.
func TestURL(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		secret := rapid.StringMatching(`[A-Za-z0-9 /+=%&?"<>ü#]{5,30}`).Filter(func(s string) bool { return strings.TrimSpace(s) == s }).Draw(r, "secret")
		least := strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23", "/", "%2F", " ", "%20", `"`, "%22", "<", "%3C", ">", "%3E").Replace(secret)
		address := rapid.SampledFrom([]string{
			"https://h.example/services/" + least, "https://h.example/" + url.PathEscape(secret) + "/x", "https://h.example/a?key=" + url.QueryEscape(secret), "https://" + url.UserPassword("u", secret).String() + "@h.example/",
			"https://h.example/" + strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23").Replace(secret),
		}).Draw(r, "address")
		if got := redact.Text("it was "+secret+".", redact.URL(address)...); strings.Contains(got, secret) {
			r.Fatalf("%q of %s: %q", secret, address, got)
		}
	})
}
