// Package redact takes secrets out of texts that people see: errors, logs, traces.
//
// What answers a request may repeat what it was sent, in whatever spelling its own format has: a URL's, JSON's, HTML's, a Go
// string's, base64. [Text] finds a secret in all of them, also mixed and one inside another, where replacing a list of spellings
// would miss the one that nobody thought of. It is not a search for secrets that nobody has named.
package redact

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// Mark stands where a secret was.
const Mark = "[redacted]"

// Text returns a text without the secrets. Empty ones are left out; a text without any is returned as it is.
func Text(text string, secrets ...string) string {
	var found []span
	for _, read := range readings(text) {
		for _, secret := range secrets {
			if secret = strings.TrimSpace(secret); secret != "" {
				found = append(found, spelled(read, secret)...)
				found = append(found, encoded(read, secret)...)
			}
		}
	}
	if len(found) == 0 {
		return text
	}
	slices.SortFunc(found, func(a, b span) int { return a.from - b.from })
	var out strings.Builder
	shown := 0
	for i := 0; i < len(found); {
		end := found[i].to
		next := i + 1
		for ; next < len(found) && found[next].from <= end; next++ { // of secrets that overlap or touch, all is taken out
			end = max(end, found[next].to)
		}
		out.WriteString(text[shown:found[i].from] + Mark)
		shown, i = end, next
	}
	return out.String() + text[shown:]
}

// span is a part of a text, in bytes.
type span struct{ from, to int }

// leastRun is the length of the shortest text that is looked at as base64.
const leastRun = 4

// encoded returns the words of base64 that contain a secret.
func encoded(text []letter, secret string) []span {
	var out []span
	for i := 0; i < len(text); {
		end := i
		for end < len(text) && inBase64(text[end].r) {
			end++
		}
		if end-i >= leastRun && decodes(textOf(text[i:end]), secret) {
			for end < len(text) && text[end].r == '=' {
				end++
			}
			out = append(out, span{text[i].from, text[end-1].to})
		}
		i = end + 1
	}
	return out
}

func inBase64(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("+/-_", r)
}

// decodes reports whether a secret is in what a word is in base64.
func decodes(word, secret string) bool {
	word = strings.NewReplacer("-", "+", "_", "/").Replace(word)
	for end := len(word); end >= max(leastRun, len(word)-3); end-- { // letters that do not belong to it may follow
		plain, err := base64.RawStdEncoding.DecodeString(word[:end])
		if err == nil && strings.Contains(string(plain), secret) {
			return true
		}
	}
	return false
}

// leastLong is the length of the shortest text that is likely a secret: shorter ones are parts of many words.
const leastLong = 4

// Long returns the values that are long enough to be secrets, where it is not known that they are: those of headers, variables and
// the parts of a URL.
func Long(values ...string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return len(v) < leastLong })
}

// URL returns the parts of an address that may be secrets: the address, user and password, its path and the elements of it, the
// values of its query.
func URL(address string) []string {
	out := []string{address}
	u, err := url.Parse(address)
	if err != nil {
		return out
	}
	if password, ok := u.User.Password(); ok {
		out = append(out, password, u.User.Username()+":"+password)
	}
	out = append(out, u.User.String(), u.User.Username(), u.Path, strings.Trim(u.Path, "/"), strings.TrimPrefix(u.Path, "/"))
	out = append(out, strings.Split(u.Path, "/")...)
	for part := range strings.SplitSeq(u.EscapedPath(), "/") { // an element may contain a slash
		if plain, err := url.PathUnescape(part); err == nil {
			out = append(out, plain)
		}
	}
	for part := range strings.SplitSeq(rawPath(address), "/") { // the escaped path differs if the address is not escaped as it should be
		if plain, err := url.PathUnescape(part); err == nil {
			out = append(out, plain)
		}
	}
	for _, values := range u.Query() {
		out = append(out, values...)
	}
	out = append(out, u.Fragment)
	return Long(out...)
}

// rawPath returns the path of an address as it was written.
func rawPath(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	_, path, _ := strings.Cut(rest, "/")
	if end := strings.IndexAny(path, "?#"); end >= 0 {
		path = path[:end]
	}
	return path
}
