package search

import (
	"strconv"
	"strings"
	"time"

	"tocsin/internal/condition"
	"tocsin/internal/mapping"
)

// KeyName makes one text of a key, different for different keys.
func KeyName(key []string) string {
	var b strings.Builder
	for _, k := range key {
		b.WriteString(strconv.Itoa(len(k)))
		b.WriteByte(':')
		b.WriteString(k)
	}
	return b.String()
}

// Milliseconds cuts a time, downwards, to what aggregations tell apart.
func Milliseconds(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

// KeyEquals is the condition that a field has the value that a key stands for.
func KeyEquals(f mapping.Field, key string) condition.Expr {
	switch f.Type.Family() {
	case mapping.FamilyInteger:
		if n, err := strconv.ParseInt(key, 10, 64); err == nil {
			return condition.Term{Field: f.Name, Value: n}
		}
	case mapping.FamilyFloat:
		if x, err := strconv.ParseFloat(key, 64); err == nil {
			return condition.Term{Field: f.Name, Value: x}
		}
	case mapping.FamilyBoolean:
		return condition.Term{Field: f.Name, Value: key == "true"}
	case mapping.FamilyDate:
		if t, err := time.Parse(time.RFC3339Nano, key); err == nil {
			return condition.Range{
				Field: f.Name, Gte: key, Lt: FormatTime(t.Add(time.Millisecond)), Format: "strict_date_optional_time",
			}
		}
	default:
	}
	return condition.Term{Field: f.Name, Value: key}
}

// Condition is what tells the events of the selected group from others.
func (s Selection) Condition(by []mapping.Field, t TimeRange) condition.Expr {
	var all condition.And
	for i, key := range s.Key {
		all = append(all, KeyEquals(by[i], key))
	}
	for _, w := range s.Except {
		t.Window = w
		all = append(all, condition.Not{X: t.Condition()})
	}
	return condition.Simplify(all)
}
