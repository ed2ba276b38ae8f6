package splunk

import (
	"regexp"
	"strings"

	"tocsin/internal/translate/spl"
)

var xmlPair = regexp.MustCompile(`<([^/\s>]+)[^>]*>([^<]+)</`)

// xmlkv makes fields from XML elements that contain only text.
func xmlkv(c *spl.Xmlkv) func(Row) {
	return func(row Row) {
		for _, x := range fieldOrRaw(row, c.Field).Each() {
			for _, m := range xmlPair.FindAllStringSubmatch(x.String(), -1) {
				row.set(m[1], Text(m[2]))
			}
		}
	}
}

// autoPair matches name=value as Splunk's automatic extraction does.
var autoPair = regexp.MustCompile(`([A-Za-z_][\w.\-:{}]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s,;|&"]+))`)

// autoExtractor makes fields from name=value pairs.
func autoExtractor(row Row) {
	for _, x := range fieldOrRaw(row, "_raw").Each() {
		for _, m := range autoPair.FindAllStringSubmatch(x.String(), -1) {
			value := m[3]
			if value == "" {
				value = strings.ReplaceAll(m[2], `\"`, `"`)
			}
			if key := cleanKey(m[1]); key != "" && value != "" && row[key].IsNull() {
				row.set(key, Text(value))
			}
		}
	}
}

// extractor makes fields from key=value pairs.
func extractor(c *spl.Extract) func(Row) {
	if c.Auto {
		return autoExtractor
	}
	return func(row Row) {
		for _, x := range fieldOrRaw(row, "_raw").Each() {
			pairs := strings.FieldsFunc(x.String(), func(r rune) bool { return strings.ContainsRune(c.PairDelim, r) })
			for _, pair := range pairs {
				i := strings.IndexAny(pair, c.KVDelim)
				if i <= 0 {
					continue
				}
				key := cleanKey(strings.TrimSpace(pair[:i]))
				value := strings.Trim(strings.TrimSpace(pair[i+1:]), `"`)
				if key != "" && value != "" && row[key].IsNull() {
					row.set(key, Text(value))
				}
			}
		}
	}
}

// cleanKey replaces characters that a field name cannot have.
func cleanKey(s string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' || r == '.' || r == '{' || r == '}' {
			return r
		}
		return '_'
	}, s), "_")
}
