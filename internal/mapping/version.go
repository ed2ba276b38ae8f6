package mapping

import (
	"cmp"
	"strconv"
	"strings"
)

// CompareVersions orders two values of a version field by the precedence of Semantic Versioning
// 2.0.0. What is no version sorts after every version, by its text.
func CompareVersions(a, b string) int {
	va, okA := parseVersion(a)
	vb, okB := parseVersion(b)
	switch {
	case okA && okB:
		return va.compare(vb)
	case okA:
		return -1
	case okB:
		return 1
	}
	return strings.Compare(a, b)
}

type semver struct {
	core       []string
	prerelease []string
}

func parseVersion(s string) (semver, bool) {
	s, _, _ = strings.Cut(s, "+")
	core, pre, hasPre := strings.Cut(s, "-")
	v := semver{core: strings.Split(core, ".")}
	if len(v.core) > 3 {
		return v, false
	}
	for _, part := range v.core {
		if part == "" || strings.Trim(part, "0123456789") != "" {
			return v, false
		}
	}
	if hasPre {
		v.prerelease = strings.Split(pre, ".")
	}
	return v, true
}

func (v semver) compare(o semver) int {
	if c := compareParts(v.core, o.core); c != 0 {
		return c
	}
	if len(v.prerelease) == 0 || len(o.prerelease) == 0 {
		return cmp.Compare(len(o.prerelease), len(v.prerelease)) // a release follows its prereleases
	}
	return compareParts(v.prerelease, o.prerelease)
}

func compareParts(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if c := comparePart(a[i], b[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// comparePart orders numbers by size and before words.
func comparePart(a, b string) int {
	x, errA := strconv.ParseUint(a, 10, 64)
	y, errB := strconv.ParseUint(b, 10, 64)
	switch {
	case errA == nil && errB == nil:
		return cmp.Compare(x, y)
	case errA == nil:
		return -1
	case errB == nil:
		return 1
	}
	return strings.Compare(a, b)
}
