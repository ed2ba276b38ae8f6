package mapping

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// Value is one indexed value of a field; the field's family says which member is used.
type Value struct {
	// String holds strings, versions, and the text of values that have no better form.
	String string
	// Number holds numbers. Whole holds the exact integer of integer fields.
	Number float64
	Whole  int64
	Bool   bool
	Time   time.Time
	IP     netip.Addr
}

// Index turns one JSON scalar (decoded with json.Number) into what Elasticsearch indexes for the
// field. It returns false for a value that is not indexed: null, too long, malformed. A malformed
// value makes Elasticsearch reject the document, or ignore the value if the mapping says so.
func (f Field) Index(raw any) (Value, bool) {
	s, ok := ScalarOf(raw)
	if !ok {
		return Value{}, false
	}
	return f.IndexScalar(s)
}

// ScalarText returns the text of a JSON scalar as in the source; false for null, arrays, objects.
func ScalarText(raw any) (string, bool) {
	switch v := raw.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return formatFloat(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	}
	return "", false
}

// formatFloat formats a number whose text was lost in decoding; whole numbers as integers.
func formatFloat(x float64) string {
	if -1e18 < x && x < 1e18 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// Keeps reports whether a keyword field indexes a text, according to ignore_above.
func (f *Field) Keeps(text string) bool {
	// A text has no more UTF-16 units than bytes.
	return f.IgnoreAbove <= 0 || len(text) <= f.IgnoreAbove || UTF16Len(text) <= f.IgnoreAbove
}

func (f *Field) indexKeyword(text string) (Value, bool) {
	if !f.Keeps(text) {
		return Value{}, false
	}
	if f.Normalizer != "" {
		text = f.Normalize(text)
	}
	return Value{String: text}, true
}

// lowercase is Elasticsearch's only built-in normalizer.
const lowercase = "lowercase"

// Normalize applies the field's normalizer, as Elasticsearch does to values and to query terms.
func (f Field) Normalize(text string) string {
	if f.Normalizer == lowercase {
		return strings.ToLower(text)
	}
	return text
}

// UTF16Len returns the length of a string as Java counts it.
func UTF16Len(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

func indexBoolean(text string) (Value, bool) {
	switch text {
	case "true":
		return Value{Bool: true, String: "true"}, true
	case "false", "":
		return Value{String: "false"}, true
	}
	return Value{}, false
}

// ParseIP parses an address as an ip field does. IPv4 written as IPv6 is the IPv4 address, a zone
// is dropped, and groups may have more leading zeros than Go accepts.
func ParseIP(text string) (netip.Addr, bool) {
	body, _, zoned := strings.Cut(text, "%")
	addr, err := netip.ParseAddr(body)
	if err != nil && strings.Contains(body, ":") {
		addr, err = netip.ParseAddr(trimGroups(body))
	}
	if err != nil || zoned && (strings.Contains(body, ".") || !strings.Contains(body, ":") || strings.HasSuffix(text, "%")) {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

// trimGroups removes surplus leading zeros from hexadecimal groups.
func trimGroups(s string) string {
	groups := strings.Split(s, ":")
	for i, g := range groups {
		if len(g) > 4 && !strings.Contains(g, ".") {
			groups[i] = strings.TrimLeft(g[:len(g)-1], "0") + g[len(g)-1:]
		}
	}
	return strings.Join(groups, ":")
}

// Text formats the value for people.
func (v Value) Text() string {
	switch {
	case v.String != "":
		return v.String
	case v.IP.IsValid():
		return v.IP.String()
	case !v.Time.IsZero():
		return v.Time.UTC().Format(time.RFC3339Nano)
	}
	return ""
}

// Address returns the address of a value, or of a text that is one, in IPv6 form.
func (v Value) Address() (netip.Addr, bool) {
	ip := v.IP
	if !ip.IsValid() {
		var ok bool
		if ip, ok = ParseIP(v.String); !ok {
			return ip, false
		}
	}
	return netip.AddrFrom16(ip.As16()), true
}
