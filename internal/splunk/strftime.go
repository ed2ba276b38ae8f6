package splunk

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// strftime formats a time with Splunk's format: C's directives, and %N and %Q for fractions of a second.
func strftime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		width := 0
		for format[i] >= '0' && format[i] <= '9' && i+1 < len(format) {
			width = width*10 + int(format[i]-'0')
			i++
		}
		colons := 0
		for format[i] == ':' && i+1 < len(format) {
			colons++
			i++
		}
		b.WriteString(timePart(t, format[i], width, colons))
	}
	return b.String()
}

// layouts maps directives to layouts of Go.
var layouts = map[byte]string{
	'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'y': "06", 'b': "Jan", 'h': "Jan", 'B': "January",
	'a': "Mon", 'A': "Monday", 'p': "PM", 'Z': "MST", 'e': "_2", 'I': "03", 'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04",
	'D': "01/02/06", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05", 'j': "002",
	'+': "Mon Jan _2 15:04:05 MST 2006", 'r': "03:04:05 PM", 'v': "_2-Jan-2006",
}

func timePart(t time.Time, c byte, width, colons int) string {
	if layout, ok := layouts[c]; ok {
		return t.Format(layout)
	}
	switch c {
	case 'N', 'Q':
		if width == 0 {
			width = map[byte]int{'N': 9, 'Q': 3}[c]
		}
		return fmt.Sprintf("%09d", t.Nanosecond())[:min(width, 9)]
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000)
	case 'z':
		switch colons {
		case 1:
			return t.Format("-07:00")
		case 2:
			return t.Format("-07:00:00")
		}
		return t.Format("-0700")
	case 's':
		return strconv.FormatInt(t.Unix(), 10)
	case 'k':
		return fmt.Sprintf("%2d", t.Hour())
	case 'l':
		return fmt.Sprintf("%2d", (t.Hour()+11)%12+1)
	case 'w':
		return strconv.Itoa(int(t.Weekday()))
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1)
	case 'V':
		_, week := t.ISOWeek()
		return fmt.Sprintf("%02d", week)
	case 'G':
		year, _ := t.ISOWeek()
		return strconv.Itoa(year)
	case 'C':
		return fmt.Sprintf("%02d", t.Year()/100)
	case 'g':
		year, _ := t.ISOWeek()
		return fmt.Sprintf("%02d", year%100)
	case 'P':
		return strings.ToLower(t.Format("PM"))
	case 'W':
		return fmt.Sprintf("%02d", (t.YearDay()+6-(int(t.Weekday())+6)%7)/7)
	case 'U':
		return fmt.Sprintf("%02d", (t.YearDay()+6-int(t.Weekday()))/7)
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case '%':
		return "%"
	}
	return "%" + string(c)
}
