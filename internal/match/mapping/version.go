package mapping

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// legalVersion is a main version of any number of parts, an optional prerelease and an optional
// build, as in Semantic Versioning 2.0.0. Elasticsearch accepts any other text as well.
var legalVersion = regexp.MustCompile(`^((?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))*)` +
	`(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?` +
	`(\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$`)

// CompareVersions orders two values of a version field: legal versions by the precedence of
// Semantic Versioning 2.0.0 and then by their build, every other text after them in byte order.
func CompareVersions(a, b string) int {
	x, okA := parseVersion(a)
	y, okB := parseVersion(b)
	switch {
	case okA && okB:
		return x.compare(y)
	case okA:
		return -1
	case okB:
		return 1
	}
	return strings.Compare(a, b)
}

// isIndexableVersion returns false for a text that Elasticsearch rejects: a number beyond 32 bits.
func isIndexableVersion(s string) bool {
	m := legalVersion.FindStringSubmatch(s)
	if m == nil {
		return true
	}
	for _, part := range append(strings.Split(m[1], "."), strings.Split(m[2], ".")...) {
		if part != "" && isDigits(part) {
			if _, err := strconv.ParseInt(part, 10, 32); err != nil {
				return false
			}
		}
	}
	return true
}

type semver struct {
	core       []string
	prerelease string
	build      string
}

func parseVersion(s string) (semver, bool) {
	m := legalVersion.FindStringSubmatch(s)
	if m == nil {
		return semver{}, false
	}
	return semver{core: strings.Split(m[1], "."), prerelease: m[2], build: m[3]}, true
}

func (v semver) compare(o semver) int {
	if c := v.compareCore(o); c != 0 {
		return c
	}
	return v.compareTail(o)
}

// compareCore orders by the main versions. If one is a prefix of the other, the shorter comes
// first, even before prereleases of the longer one.
func (v semver) compareCore(o semver) int {
	for i := range min(len(v.core), len(o.core)) {
		if c := compareDigits(v.core[i], o.core[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(v.core), len(o.core))
}

// compareTail orders by prerelease and build, which Elasticsearch compares as one text.
func (v semver) compareTail(o semver) int {
	if v.prerelease == "" || o.prerelease == "" {
		if c := cmp.Compare(min(1, len(o.prerelease)), min(1, len(v.prerelease))); c != 0 {
			return c // A release follows its prereleases.
		}
	}
	return strings.Compare(v.tail(), o.tail())
}

// tail encodes prerelease and build so that comparing the texts orders them: a number is preceded
// by a byte lower than any in a word, and by its length.
func (v semver) tail() string {
	var b strings.Builder
	if v.prerelease != "" {
		for i, part := range strings.Split(v.prerelease, ".") {
			if i > 0 {
				b.WriteByte('.')
			}
			if isDigits(part) {
				b.WriteByte(1)
				b.WriteByte(byte(min(len(part), 255)))
			}
			b.WriteString(part)
		}
	}
	return b.String() + v.build
}

// compareDigits orders numbers without leading zeros.
func compareDigits(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}
