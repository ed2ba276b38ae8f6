package mapping

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

// parseDate parses a whole text as a date, in zone if it names none; ok is false when it does not
// match the format.
type parseDate func(s string, zone *time.Location) (t time.Time, p Precision, ok bool)

// namedFormats are the supported built-in formats. The pieces of strict_date_optional_time are in
// [isoFormat]. Other built-in formats are rare in mappings, and rejected.
var namedFormats = map[string]parseDate{
	"strict_date_optional_time":       isoFormat{}.parse,
	"strict_date_optional_time_nanos": isoFormat{least: Second}.parse,
	"iso8601":                         isoFormat{}.parse,
	"date_optional_time":              isoFormat{lenient: true}.parse,
	"epoch_millis":                    epochFormat{time.Millisecond, Millisecond, 6}.parse,
	"epoch_second":                    epochFormat{time.Second, Second, 9}.parse,
}

// patternFormats are the built-in formats that are equivalent to a pattern.
var patternFormats = map[string]string{
	"basic_date":                "uuuuMMdd",
	"basic_date_time":           "uuuuMMdd'T'HHmmss.SSSX",
	"basic_date_time_no_millis": "uuuuMMdd'T'HHmmssX",
	"strict_year":               "uuuu",
	"strict_year_month":         "uuuu-MM",
	"strict_date_hour_minute":   "uuuu-MM-dd'T'HH:mm",
	"strict_date_hour":          "uuuu-MM-dd'T'HH",
}

// dateFormat returns the parser of one format; false when it is not supported.
func dateFormat(format string) (parseDate, bool) {
	if parse, ok := namedFormats[format]; ok {
		return parse, true
	}
	if p, ok := patterns.Load(format); ok {
		parse, _ := p.(parseDate)
		return parse, parse != nil
	}
	pattern := format
	if named, ok := patternFormats[format]; ok {
		pattern = named
	}
	parse, known := compilePattern(pattern)
	patterns.Store(format, parse)
	return parse, known
}

// patterns caches the parsers of patterns by format; nil stands for an unsupported one.
var patterns sync.Map

// knownFormats reports whether every format of a list is supported.
func knownFormats(formats string) bool {
	if formats == "" {
		return true
	}
	for format := range strings.SplitSeq(formats, "||") {
		if _, known := dateFormat(format); !known {
			return false
		}
	}
	return true
}

// epochFormat parses a count of units since 1970, with a maximum number of decimals. It may be
// negative, and has no exponent.
type epochFormat struct {
	unit      time.Duration
	precision Precision
	decimals  int
}

// maxEpochSecond is about the end of java.time, in the year 1,000,000,000.
const maxEpochSecond = 31556889864403199

func (e epochFormat) parse(s string, _ *time.Location) (time.Time, Precision, bool) {
	digits, negative := strings.CutPrefix(s, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if whole == "" || len(whole) > 19 || len(fraction) > e.decimals || !isDigits(whole) || !isDigits(fraction) {
		return time.Time{}, 0, false
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, 0, false
	}
	part, err := strconv.Atoi("0" + fraction + strings.Repeat("0", e.decimals-len(fraction)))
	if err != nil {
		return time.Time{}, 0, false
	}
	perSecond := int64(time.Second / e.unit)
	seconds, nanos := n/perSecond, n%perSecond*int64(e.unit)+int64(part)
	if negative {
		seconds, nanos = -seconds, -nanos
	}
	if negative && e.precision == Second && fraction != "" && part == 0 {
		return time.Time{}, 0, false // "-5" and "-5.1" are dates, "-5.0" is not.
	}
	if seconds > maxEpochSecond || seconds < -maxEpochSecond {
		return time.Time{}, 0, false
	}
	precision := Exact
	if fraction == "" {
		precision = e.precision
	}
	return time.Unix(seconds, nanos), precision, true
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }
