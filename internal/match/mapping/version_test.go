package mapping_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/mapping"
)

// sortedVersions is in the order in which Elasticsearch 8.19 sorts them.
var sortedVersions = []string{
	"0", "0.0", "1", "1.0", "1.0.0-1", "1.0.0-9", "1.0.0-10", "1.0.0--", "1.0.0-1a", "1.0.0-Alpha", "1.0.0-a+b.c", "1.0.0-a-b",
	"1.0.0-alpha", "1.0.0-alpha+b", "1.0.0-alpha.1", "1.0.0-alpha.-1", "1.0.0-alpha.beta", "1.0.0-alpha10.b2", "1.0.0-alpha9.b10",
	"1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-beta11", "1.0.0-beta2", "1.0.0-rc.1", "1.0.0", "1.0.0+a", "1.0.0+b", "1.2", "1.2.3", "1.2.3.4",
	"1.2.3.4.5.6.7.8.9.10", "1.10", "2.0", "", " 1.0", "00", "01.2", "1.", "1..2", "1.0.0+", "1.0.0-01", "1.0.0-a+b..c", "1.0.0-a..b", "1.0.0-a_b", "1.00",
	"1.2.3-", "Z", "a", "true", "v1.2", "é",
}

func TestCompareVersions(t *testing.T) {
	got := slices.Clone(sortedVersions)
	slices.Reverse(got)
	slices.SortFunc(got, mapping.CompareVersions)
	if diff := cmp.Diff(sortedVersions, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// Comparing is a total order that agrees with equality, as ranges and terms require.
func TestCompareVersionsIsAnOrder(t *testing.T) {
	version := rapid.OneOf(rapid.SampledFrom(sortedVersions), rapid.StringMatching(`[012]{1,3}(\.[012]{1,2}){0,3}(-[a1]{1,2}(\.[a01-]{1,2})?)?(\+[ab])?`))
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := version.Draw(t, "a"), version.Draw(t, "b"), version.Draw(t, "c")
		x, y, z := mapping.CompareVersions(a, b), mapping.CompareVersions(b, c), mapping.CompareVersions(a, c)
		if x != -mapping.CompareVersions(b, a) {
			t.Errorf("%q and %q are not ordered alike both ways", a, b)
		}
		if (x == 0) != (a == b) {
			t.Errorf("%q and %q: %d", a, b, x)
		}
		if x <= 0 && y <= 0 && z > 0 {
			t.Errorf("%q <= %q <= %q, but the first is greater than the last", a, b, c)
		}
	})
}
