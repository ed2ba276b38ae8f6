package splunk

import (
	"fmt"
	"strconv"
	"strings"
)

// printf formats values as in C. A directive for a number is empty if its argument is not a number.
func printf(_ *scope, a []Value) Value {
	if a[0].IsNull() {
		return Null
	}
	format, args := a[0].String(), a[1:]
	next := func() Value {
		if len(args) == 0 {
			return Null
		}
		v := args[0]
		args = args[1:]
		return v
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		var d directive
		n := d.read(format[i+1:], next)
		if n == 0 {
			b.WriteByte('%')
			continue
		}
		i += n
		b.WriteString(d.write(next))
	}
	return Text(b.String())
}

// directive is one conversion of a format, such as %-05.2f.
type directive struct {
	flags            string
	width, precision int // -1 when there is none
	commas           bool
	verb             byte
}

// maxWidth is the maximum width of one directive.
const maxWidth = 10000

// read parses a directive after its % and returns its length: 0 if it is invalid.
func (d *directive) read(s string, next func() Value) int {
	i := 0
	for ; i < len(s) && strings.IndexByte("-+ #0'", s[i]) >= 0; i++ {
		if s[i] == '\'' {
			d.commas = true
		} else {
			d.flags += s[i : i+1]
		}
	}
	count := func() int {
		if i < len(s) && s[i] == '*' {
			i++
			x, _ := next().Float()
			return int(min(max(x, -maxWidth), maxWidth))
		}
		start := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		if start == i {
			return -1
		}
		n, err := strconv.Atoi(s[start:i])
		if err != nil {
			n = maxWidth
		}
		return min(n, maxWidth)
	}
	if d.width = count(); d.width < -1 {
		d.flags, d.width = d.flags+"-", -d.width
	}
	d.precision = -1
	if i < len(s) && s[i] == '.' {
		i++
		d.precision = max(0, count())
	}
	if i == len(s) || strings.IndexByte("%cdioupxXeEfFgGsaA", s[i]) < 0 {
		return 0
	}
	d.verb = s[i]
	return i + 1
}

func (d *directive) write(next func() Value) string {
	if d.verb == '%' {
		return "%"
	}
	v := next()
	x, isNumber := v.Float()
	switch d.verb {
	case 's':
		return d.apply('s', v.String())
	case 'c':
		runes := []rune(v.String())
		return d.apply('s', string(runes[:min(1, len(runes))]))
	}
	if !isNumber {
		return d.padded("")
	}
	switch d.verb {
	case 'd', 'i', 'u':
		return d.grouped(d.apply('d', int64(x)))
	case 'o', 'x', 'X':
		return d.apply(d.verb, int64(x))
	case 'p':
		return d.apply('X', int64(x))
	case 'a':
		return d.apply('x', x)
	case 'A':
		return d.apply('X', x)
	case 'F':
		return d.grouped(d.apply('f', x))
	case 'f':
		return d.grouped(d.apply('f', x))
	}
	return d.apply(d.verb, x)
}

// apply formats a value with the equivalent verb of Go.
func (d *directive) apply(verb byte, v any) string {
	format := "%" + d.flags
	if d.width >= 0 && !d.commas {
		format += strconv.Itoa(d.width)
	}
	if d.precision >= 0 {
		format += "." + strconv.Itoa(d.precision)
	}
	return fmt.Sprintf(format+string(verb), v)
}

func (d *directive) padded(s string) string {
	if strings.Contains(d.flags, "-") {
		return fmt.Sprintf("%-*s", max(d.width, 0), s)
	}
	return fmt.Sprintf("%*s", max(d.width, 0), s)
}

// grouped inserts commas between thousands, if the flag is set.
func (d *directive) grouped(s string) string {
	if !d.commas {
		return s
	}
	start := len(s) - len(strings.TrimLeft(s, " +-"))
	end := start
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	var b strings.Builder
	b.WriteString(s[:start])
	for i := start; i < end; i++ {
		if i > start && (end-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(s[i])
	}
	return d.padded(b.String() + s[end:])
}
