package mapping

import "time"

// usualDate parses a date as nearly every event writes it, "2026-01-15T12:00:00.000Z" with any
// number of fraction digits, or none. [isoFormat] gives the same result for it, and takes five
// times as long.
func usualDate(s string) (time.Time, Precision, bool) {
	const form = "0000-00-00T00:00:00"
	if len(s) < len(form)+1 || s[len(s)-1] != 'Z' {
		return time.Time{}, 0, false
	}
	for i := range len(form) {
		if form[i] != '0' && s[i] != form[i] || form[i] == '0' && (s[i] < '0' || s[i] > '9') {
			return time.Time{}, 0, false
		}
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	nano, precision := 0, Second
	if part := s[len(form) : len(s)-1]; part != "" {
		digits := part[1:]
		if part[0] != '.' || digits == "" || len(digits) > 9 {
			return time.Time{}, 0, false
		}
		for i := range 9 {
			nano *= 10
			if i >= len(digits) {
				continue
			}
			if digits[i] < '0' || digits[i] > '9' {
				return time.Time{}, 0, false
			}
			nano += int(digits[i] - '0')
		}
		precision = Exact
	}
	month, day, hour, minute, second := two(5), two(8), two(11), two(14), two(17)
	if hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, 0, false
	}
	t := time.Date(two(0)*100+two(2), time.Month(month), day, hour, minute, second, nano, time.UTC)
	if _, m, d := t.Date(); int(m) != month || d != day {
		return time.Time{}, 0, false
	}
	return t, precision, true
}
