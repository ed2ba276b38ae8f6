package mapping

import "time"

// UsualDate is the fast parser.
func UsualDate(s string) (time.Time, Precision, bool) { return usualDate(s) }

// AnyDate parses a date with the general parser of a format.
func AnyDate(format, s string) (time.Time, Precision, bool) {
	f := map[string]isoFormat{
		"strict_date_optional_time": {}, "strict_date_optional_time_nanos": {least: Second}, "date_optional_time": {lenient: true},
	}[format]
	return f.any(s, time.UTC)
}
