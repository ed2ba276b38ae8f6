package mapping

import (
	"encoding/json"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// Value is one indexed value of a field; which member counts is said by the field's family.
type Value struct {
	// String holds strings, versions, and the text of what has no better form.
	String string
	// Number holds numbers. Whole holds the exact integer of integer fields.
	Number float64
	Whole  int64
	Bool   bool
	Time   time.Time
	IP     netip.Addr
}

// Index turns one JSON scalar (decoded with json.Number) into what Elasticsearch indexes for the
// field. It returns false for what is not indexed: null, too long, malformed.
func (f Field) Index(raw any) (Value, bool) {
	if raw == nil {
		if f.NullValue == nil {
			return Value{}, false
		}
		raw = f.NullValue
	}
	text, isScalar := ScalarText(raw)
	if !isScalar {
		return Value{}, false
	}
	switch f.Type.Family() {
	case FamilyString:
		return f.indexKeyword(text)
	case FamilyInteger:
		return indexInteger(text)
	case FamilyFloat:
		return f.indexFloat(text)
	case FamilyBoolean:
		return indexBoolean(text)
	case FamilyDate:
		return f.indexDate(text)
	case FamilyIP:
		addr, err := netip.ParseAddr(text)
		return Value{IP: addr.Unmap(), String: text}, err == nil
	case FamilyUnknown:
		return f.indexUnknown(raw, text), true
	case FamilyText, FamilyVersion, FamilyOther:
		return Value{String: text}, true
	case FamilyObject:
		return Value{}, false
	}
	return Value{}, false
}

// ScalarText returns the text of a JSON scalar as the source wrote it; false for null, arrays, objects.
func ScalarText(raw any) (string, bool) {
	switch v := raw.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case int64:
		return strconv.FormatInt(v, 10), true
	}
	return "", false
}

func (f Field) indexKeyword(text string) (Value, bool) {
	if f.IgnoreAbove > 0 && UTF16Len(text) > f.IgnoreAbove {
		return Value{}, false
	}
	return Value{String: f.Normalize(text)}, true
}

// Normalize applies the field's normalizer, as Elasticsearch does to values and to query terms.
func (f Field) Normalize(text string) string {
	if f.Normalizer == "lowercase" {
		return strings.ToLower(text)
	}
	return text
}

// UTF16Len is the length of a string as Java counts it.
func UTF16Len(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

func indexInteger(text string) (Value, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil {
		return Value{Whole: n, Number: float64(n), String: text}, true
	}
	// coerce: "5.7" is indexed as 5.
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(x) || math.Abs(x) >= 1<<63 {
		return Value{}, false
	}
	n = int64(x)
	return Value{Whole: n, Number: float64(n), String: text}, true
}

func (f Field) indexFloat(text string) (Value, bool) {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return Value{}, false
	}
	return Value{Number: f.Number(x), String: text}, true
}

// Number returns the number that the field's type makes of x, in documents and in queries alike.
func (f Field) Number(x float64) float64 {
	if f.Type == Float || f.Type == HalfFloat {
		return float64(float32(x))
	}
	return x
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

func (f Field) indexDate(text string) (Value, bool) {
	t, _, err := ParseDate(text, f.Format)
	if err != nil {
		return Value{}, false
	}
	if f.Type == Date {
		t = t.Truncate(time.Millisecond)
	}
	return Value{Time: t, String: text}, true
}

// indexUnknown fills every member that the value can be read as.
func (f Field) indexUnknown(raw any, text string) Value {
	v := Value{String: text}
	v.Number, _ = strconv.ParseFloat(text, 64)
	v.Whole, _ = strconv.ParseInt(text, 10, 64)
	v.Bool, _ = raw.(bool)
	v.IP, _ = netip.ParseAddr(text)
	v.IP = v.IP.Unmap()
	return v
}

// Text shows the value to a person.
func (v Value) Text() string {
	switch {
	case v.String != "":
		return v.String
	case v.IP.IsValid():
		return v.IP.String()
	case !v.Time.IsZero():
		return v.Time.UTC().Format(time.RFC3339Nano)
	}
	return v.String
}
