package indexname

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// format is a date format of java.time that consists of numbers: index names have no capital letters, so
// names of months and days cannot occur.
type format struct {
	pattern string
	pieces  []piece
}

// piece is a text, or a number of a date if letter is not 0.
type piece struct {
	text   string
	letter rune
	count  int
}

// named are the formats that have a name.
var named = map[string]string{
	"basic_date": "uuuuMMdd", "date": "uuuu-MM-dd", "strict_date": "uuuu-MM-dd", "year": "uuuu", "strict_year": "uuuu",
	"year_month": "uuuu-MM", "strict_year_month": "uuuu-MM", "year_month_day": "uuuu-MM-dd", "strict_year_month_day": "uuuu-MM-dd",
	"basic_ordinal_date": "uuuuDDD", "ordinal_date": "uuuu-DDD", "strict_ordinal_date": "uuuu-DDD",
}

// widths has the supported letters, each with the length of its longest run.
var widths = map[rune]int{
	'u': 9, 'y': 9, 'M': 2, 'L': 2, 'd': 2, 'D': 3, 'Q': 2, 'q': 2, 'H': 2, 'h': 2, 'K': 2, 'k': 2, 'm': 2, 's': 2, 'S': 9,
}

func parseFormat(pattern string) (format, error) {
	f := format{pattern: pattern}
	source := pattern
	if known, ok := named[pattern]; ok {
		source = known
	}
	runes := []rune(strings.TrimPrefix(source, "8")) // Elasticsearch 6's mark of a java.time pattern
	for len(runes) > 0 {
		p := piece{}
		switch r := runes[0]; {
		case r == '\'':
			end := 1
			for end < len(runes) && runes[end] != '\'' {
				end++
			}
			if end == len(runes) {
				return f, fmt.Errorf("date format %q: a quote is not closed", pattern)
			}
			p.text, runes = string(runes[1:end]), runes[end+1:]
			if end == 1 {
				p.text = "'"
			}
		case r <= unicode.MaxASCII && unicode.IsLetter(r):
			for p.letter = r; len(runes) > 0 && runes[0] == r; runes = runes[1:] {
				p.count++
			}
			if p.count > widths[r] {
				return f, fmt.Errorf("date format %q: %s is not supported in the name of an index", pattern, strings.Repeat(string(r), p.count))
			}
		case strings.ContainsRune("{}#[]", r):
			return f, fmt.Errorf("date format %q: %q is reserved", pattern, r)
		default:
			p.text, runes = string(r), runes[1:]
		}
		f.pieces = append(f.pieces, p)
	}
	return f, nil
}

// write formats a time, in its own zone.
func (f format) write(b *strings.Builder, t time.Time) {
	for _, p := range f.pieces {
		b.WriteString(p.text)
		if p.letter == 0 {
			continue
		}
		digits := strconv.Itoa(p.number(t))
		switch {
		case p.letter == 'S':
			b.WriteString(fmt.Sprintf("%09d", t.Nanosecond())[:p.count])
			continue
		case (p.letter == 'u' || p.letter == 'y') && p.count == 2:
			digits = fmt.Sprintf("%02d", t.Year()%100)
		}
		b.WriteString(strings.Repeat("0", max(0, p.count-len(digits))) + digits)
	}
}

func (p piece) number(t time.Time) int {
	switch p.letter {
	case 'M', 'L':
		return int(t.Month())
	case 'd':
		return t.Day()
	case 'D':
		return t.YearDay()
	case 'Q', 'q':
		return (int(t.Month()) + 2) / 3
	case 'H':
		return t.Hour()
	case 'h':
		return (t.Hour()+11)%12 + 1
	case 'K':
		return t.Hour() % 12
	case 'k':
		return (t.Hour()+23)%24 + 1
	case 'm':
		return t.Minute()
	case 's':
		return t.Second()
	}
	return t.Year()
}

// floor returns the earliest time with the same text.
func (f format) floor(t time.Time) time.Time {
	y, m, d := t.Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC) // in the clock of t's zone, as are the others
	out := time.Time{}
	for _, p := range f.pieces {
		at := time.Time{}
		switch p.letter {
		case 0:
			continue
		case 'u', 'y':
			at = time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)
		case 'M', 'L', 'Q', 'q':
			at = time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
		case 'd', 'D':
			at = day
		case 'H', 'h', 'K', 'k':
			at = day.Add(time.Duration(t.Hour()) * time.Hour)
		case 'm':
			at = day.Add(time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute)
		case 's':
			at = day.Add(time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second)
		case 'S':
			at = t
		}
		if at.After(out) {
			out = at
		}
	}
	return out
}
