package splunk

import "strings"

// Tokens replaces each $field$ in a message with the value of the field; several values are joined with commas.
// The token of a missing field is not changed, and missing is called with its name; missing may be nil. $$ is a
// literal dollar.
func Tokens(message string, row Row, missing func(field string)) string {
	var b strings.Builder
	for {
		start := strings.IndexByte(message, '$')
		if start < 0 {
			break
		}
		length := strings.IndexByte(message[start+1:], '$')
		if length < 0 {
			break
		}
		b.WriteString(message[:start])
		name := message[start+1 : start+1+length]
		switch v := row.Get(name); {
		case name == "":
			b.WriteByte('$')
		case !isToken(name):
			// The first dollar is literal; the second may start a token.
			b.WriteByte('$')
			message = message[start+1:]
			continue
		case v.IsNull():
			b.WriteString("$" + name + "$")
			if missing != nil {
				missing(name)
			}
		default:
			b.WriteString(strings.ReplaceAll(v.String(), "\n", ", "))
		}
		message = message[start+length+2:]
	}
	return b.String() + message
}

// isToken reports whether the text between two dollars can be a field name.
func isToken(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("_.{}-:@", c) >= 0 {
			continue
		}
		return false
	}
	return name != ""
}
