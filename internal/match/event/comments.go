package event

import "bytes"

// WithoutComments returns JSON with comments replaced by blanks. Elasticsearch accepts documents with
// comments and returns them unchanged; other JSON decoders reject them.
func WithoutComments(text []byte) []byte {
	if !bytes.Contains(text, []byte("/*")) && !bytes.Contains(text, []byte("//")) {
		return text
	}
	out := bytes.Clone(text)
	inText := false
	for i := 0; i < len(out); i++ {
		switch {
		case inText && out[i] == '\\':
			i++
		case out[i] == '"':
			inText = !inText
		case !inText && out[i] == '/' && i+1 < len(out):
			end := commentLen(out[i:])
			for j := i; j < i+end; j++ {
				out[j] = ' '
			}
			i += max(end-1, 0)
		}
	}
	return out
}

// commentLen returns the length of the comment that a text begins with; 0 if there is none.
func commentLen(text []byte) int {
	mark, from := "\n", 2
	switch text[1] {
	case '*':
		mark = "*/"
	case '/':
	default:
		return 0
	}
	if n := bytes.Index(text[from:], []byte(mark)); n >= 0 {
		return from + n + len(mark)
	}
	return len(text)
}
