package form

import "strings"

// widest is the length of a line up to which a list is on one line.
const widest = 120

// indent is that of the elements of a list, by level.
const indent = "  "

// layout lays out a value at a level: lists with their elements on one line, if that is short enough and none has a comment or
// several lines, else each on its own. Other values are as they are written. room is the rest of the first line.
func layout(value string, level, room int) string {
	if !strings.HasPrefix(value, "[") {
		return value
	}
	elements, tail := elementsOf(value)
	texts := make([]string, len(elements))
	single := len(tail) == 0
	for i, e := range elements {
		texts[i] = layout(e.value, level+1, widest)
		single = single && len(e.above) == 0 && e.beside == "" && !strings.Contains(texts[i], "\n")
	}
	if line := "[" + strings.Join(texts, ", ") + "]"; single && len([]rune(line)) <= room {
		return line
	}
	var b strings.Builder
	b.WriteString("[\n")
	pad := strings.Repeat(indent, level+1)
	for _, e := range elements {
		for _, c := range e.above {
			b.WriteString(pad + c + "\n")
		}
		b.WriteString(pad + layout(e.value, level+1, widest-len(pad)-1) + ",")
		if e.beside != "" {
			b.WriteString(" " + e.beside)
		}
		b.WriteByte('\n')
	}
	for _, c := range tail {
		b.WriteString(pad + c + "\n")
	}
	b.WriteString(strings.Repeat(indent, level) + "]")
	return b.String()
}

// elementsOf splits a list; tail are the comments after the last element.
func elementsOf(list string) (elements []statement, tail []string) {
	s := scanner{text: list[1:]}
	var above []string
	sameLine := false // the last element is on this line
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '\n':
			sameLine = false
			s.at++
		case ' ', '\t', '\r', ',':
			s.at++
		case ']':
			return elements, above
		case '#':
			text := s.comment()
			if last := len(elements) - 1; sameLine && elements[last].beside == "" && len(above) == 0 {
				elements[last].beside = text
			} else {
				above = append(above, text)
			}
		default:
			value := strings.TrimRight(s.element(), " \t\r\n")
			elements = append(elements, statement{above: above, value: value})
			above, sameLine = nil, true
		}
	}
	return elements, above
}

// element reads an element up to its end: a comma, a comment, a line end or the end of the list.
func (s *scanner) element() string { return s.until(",#]\r\n") }
