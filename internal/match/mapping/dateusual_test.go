package mapping_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/match/mapping"
)

// TestUsualDate: the fast parser agrees with the other one for every format, and accepts dates as
// events usually write them.
func TestUsualDate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := func(most int) int {
			return rapid.OneOf(rapid.IntRange(0, most), rapid.IntRange(0, 99)).Draw(t, "number")
		}
		text := fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d", rapid.IntRange(0, 9999).Draw(t, "year"), n(13), n(32), n(24), n(60), n(60))
		usual := true
		if rapid.Bool().Draw(t, "fraction") {
			digits := rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), 0, 11, -1).Draw(t, "digits")
			text += rapid.SampledFrom([]string{".", ".", ".", ","}).Draw(t, "point") + digits
			usual = digits != "" && len(digits) < 10 && !strings.Contains(text, ",")
		}
		zone := rapid.SampledFrom([]string{"Z", "Z", "Z", "Z", "", "+01:00", "z"}).Draw(t, "zone")
		text += zone
		if rapid.IntRange(0, 4).Draw(t, "broken") == 0 {
			at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			text = text[:at] + rapid.SampledFrom([]string{"", "x", "5", "-", ":", " ", "é"}).Draw(t, "instead") + text[at+1:]
			usual = false
		}
		got, precision, ok := mapping.UsualDate(text)
		for _, format := range []string{"strict_date_optional_time", "strict_date_optional_time_nanos", "date_optional_time"} {
			want, p, known := mapping.AnyDate(format, text)
			if ok && (!known || !want.Equal(got) || p != precision) {
				t.Fatalf("%q: %v, %d; as %s %v, %d, %v", text, got, precision, format, want, p, known)
			}
			if usual && zone == "Z" && known && !ok {
				t.Fatalf("%q is not read in the fast way", text)
			}
		}
	})
}
