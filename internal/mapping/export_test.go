package mapping

import "time"

// UsualDate is the way that most dates are read.
func UsualDate(s string) (time.Time, Precision, bool) { return usualDate(s) }

// AnyDate reads a date of the form of a format in the way that all can be read in.
func AnyDate(format, s string) (time.Time, Precision, bool) {
	f := map[string]isoFormat{
		"strict_date_optional_time": {}, "strict_date_optional_time_nanos": {least: Second}, "date_optional_time": {lenient: true},
	}[format]
	return f.any(s, time.UTC)
}
