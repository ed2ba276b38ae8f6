package search

import (
	"strconv"
	"strings"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// KeyName joins a key into one text; different keys have different texts.
func KeyName(key []string) string {
	var b strings.Builder
	for _, k := range key {
		b.WriteString(strconv.Itoa(len(k)))
		b.WriteByte(':')
		b.WriteString(k)
	}
	return b.String()
}

// Milliseconds truncates a time to the precision of aggregations.
func Milliseconds(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

// KeyEquals returns the condition that a field has the value of a key.
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

// Selects returns the condition for the events of a selected group.
func (r GroupRequest) Selects(s Selection) condition.Expr {
	var all condition.And
	for i, key := range s.Key {
		all = append(all, KeyEquals(r.By[i], key))
		if others := misreading(r.FieldTypes, r.By[i].Name, key); len(others) > 0 {
			all = append(all, condition.Not{X: condition.Terms{Field: "_index", Values: others}})
		}
	}
	t := r.Time
	for _, w := range s.Except {
		t.Window = w
		all = append(all, condition.Not{X: t.Condition()})
	}
	return condition.Simplify(all)
}

// misreading returns the indices in which a search for a key would find another value, because of a
// normalizer or a narrower type. No value there has that key.
func misreading(fields mapping.Fields, name, key string) []any {
	if fields == nil {
		return nil
	}
	ways := mapping.Ways(fields, []string{name})
	if len(ways) == 1 {
		return nil
	}
	var out []any
	for _, w := range ways {
		own, mapped := w.Fields.Field(name)
		if !mapped || own.Type.Family() == mapping.FamilyDate {
			continue
		}
		if v, ok := own.Index(own.KeyValue(key)); ok && own.Key(v) != key {
			for _, index := range w.Indices() {
				out = append(out, index)
			}
		}
	}
	return out
}
