package rule

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
	"tocsin/internal/rule/folder"
)

// sniffDocuments is how many documents at the beginning of a file are examined.
const sniffDocuments = 10

// isKibana decides by its beginning whether a file of a directory is a Kibana export: event files
// have the same extensions. A damaged file counts by its readable part, so that the damage to its
// rules is reported; a valid file of something else does not count.
func isKibana(beginning string, wholeFile, lines bool) bool {
	text := folder.FromUTF16(beginning) // which is recognized, not supported
	if text == beginning && folder.NotText(beginning) != "" {
		return true // neither events nor rules: it is damaged
	}
	beginning = strings.TrimPrefix(text, byteOrderMark)
	if isObject(beginning) || isList(beginning) {
		return true
	}
	if !lines {
		return !json.Valid([]byte(beginning)) && resembles(beginning)
	}
	if !json.Valid([]byte(firstLine(beginning))) && resembles(beginning) {
		return true
	}
	n := 0
	for line := range strings.Lines(beginning) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if n++; n > sniffDocuments || !wholeFile && !strings.HasSuffix(line, "\n") {
			return false
		}
		if isObject(line) || !json.Valid([]byte(line)) && resembles(line) {
			return true
		}
	}
	return false
}

func firstLine(text string) string {
	text = strings.TrimLeft(text, " \t\r\n")
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// isList reports whether a text is a list that begins with a document of Kibana.
func isList(text string) bool {
	if !strings.HasPrefix(strings.TrimSpace(text), "[") {
		return false
	}
	v, _ := tomltree.ParseJSON(diag.NewText("", text), diag.Span{End: len(text)}, area)
	return v != nil && v.Kind == tomltree.Array && len(v.Items) > 0 && kindOf(v.Items[0]) != unknownObject
}

// resembles reports whether a text that is not valid JSON begins with an object that has keys of a document
// of Kibana, as far as it can be parsed.
func resembles(text string) bool {
	keys := beginningKeys(text)
	for _, sure := range []string{"rule_id", "list_id", "item_id", "rule_source", "exported_count", "exported_rules_count"} {
		if keys[sure] {
			return true
		}
	}
	return keys["risk_score"] && keys["severity"] || keys["attributes"] && keys["type"] || keys["created_by"] && (keys["updated_by"] || keys["updated_at"])
}

// beginningKeys returns the keys of the first object of a text, or of the first object in its list,
// up to the first error.
func beginningKeys(text string) map[string]bool {
	keys := map[string]bool{}
	text = strings.TrimLeft(text, " \t\r\n,[")
	if !strings.HasPrefix(text, "{") {
		return keys
	}
	depth, wantKey := 0, false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
			wantKey = true
		case '[':
			depth++
			wantKey = false
		case '}', ']':
			if depth--; depth == 0 {
				return keys
			}
		case ',':
			wantKey = true
		case '"':
			end := endOfText(text, i)
			key := ""
			if depth == 1 && wantKey && end > 0 && json.Unmarshal([]byte(text[i:end]), &key) == nil && utf8.ValidString(key) {
				keys[key] = true
			}
			if end < 0 {
				return keys
			}
			i, wantKey = end-1, false
		}
	}
	return keys
}

// endOfText returns the end of the JSON string that begins at an offset, negative when it is
// unterminated.
func endOfText(text string, at int) int {
	for i := at + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		case '\n':
			return -1
		}
	}
	return -1
}
