package elastic

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/match/mapping"
)

// maxPath bounds the names in one URL. Elasticsearch rejects a request line of more than 4096 bytes; the rest
// is for method, address and parameters.
const maxPath = 3200

// maxShown bounds the names in the operation of an error: the patterns of a rule set would fill a page.
const maxShown = 200

// tidy splits names at commas, and removes blanks and duplicates.
func tidy(names []string) []string {
	var out []string
	for _, list := range names {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name != "" && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// shown returns names for a message.
func shown(names []string) string {
	text := strings.Join(names, ",")
	if len(text) <= maxShown {
		return text
	}
	return fmt.Sprintf("%s… (%d patterns)", strings.ToValidUTF8(text[:maxShown], ""), len(names))
}

// escape escapes names for a URL path, as esapi does not. Common characters of index patterns stay as they
// are, readable and short.
func escape(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		var b strings.Builder
		for _, c := range []byte(name) {
			if plainInPath(c) {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
		out[i] = b.String()
	}
	return out
}

func plainInPath(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("-_.~*:@", c) >= 0
}

// chunks splits names so that each part fits into a URL.
func chunks(names []string, limit int) [][]string {
	var out [][]string
	size := 0
	for i, escaped := range escape(names) {
		if len(out) == 0 || size+len(escaped)+1 > limit {
			out, size = append(out, nil), 0
		}
		out[len(out)-1] = append(out[len(out)-1], names[i])
		size += len(escaped) + 1
	}
	return out
}

// patternChunks splits index patterns so that each part fits into a URL and the parts together mean the same
// as the whole: an exclusion must apply to all patterns before it, in each part.
func patternChunks(patterns []string, limit int) [][]string {
	whole := chunks(patterns, limit)
	if len(whole) <= 1 || !slices.ContainsFunc(patterns, isExclusion) {
		return whole
	}
	var positive, negative []string
	for _, p := range patterns {
		if isExclusion(p) {
			negative = append(negative, p)
		} else {
			positive = append(positive, p)
		}
	}
	room := limit - len(strings.Join(escape(negative), ",")) - 1
	var out [][]string
	for _, part := range chunks(positive, max(room, limit/4)) {
		out = append(out, slices.DeleteFunc(slices.Clone(patterns), func(p string) bool {
			return !isExclusion(p) && !slices.Contains(part, p)
		}))
	}
	return out
}

func isExclusion(pattern string) bool { return strings.HasPrefix(pattern, "-") }

// glob reports whether a name matches an index pattern.
func glob(pattern, name string) bool { return pattern == "_all" || mapping.Glob(pattern, name) }
