package mapping_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/match/mapping"
)

// The rows are the results of Elasticsearch 8.19 for a date under the format.
func TestParseDate(t *testing.T) {
	const (
		strict  = "strict_date_optional_time"
		nanos   = "strict_date_optional_time_nanos"
		lenient = "date_optional_time"
		slashes = "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"
	)
	for _, tt := range []struct{ format, text, want string }{
		{"", "2026", "2026-01-01T00:00:00Z"},
		{"", "2026-02", "2026-02-01T00:00:00Z"},
		{"", "2026-01-02T", "2026-01-02T00:00:00Z"},
		{"", "2026-01-02T03", "2026-01-02T03:00:00Z"},
		{"", "2026-01T03", "2026-01-01T03:00:00Z"},
		{"", "2026-01-02T03:04:05,123", "2026-01-02T03:04:05.123Z"},
		{"", "2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123456789Z"},
		{"", "2026-01-02T03:04:05.1234567891", none},
		{"", "2026-01-02T03:04:05.", none},
		{"", "2026-01-02T03:04:05z", none},
		{"", "2026-01-02t03:04:05Z", none},
		{"", "2026-01-02T03:04:05+02", "2026-01-02T01:04:05Z"},
		{"", "2026-01-02T03:04:05+0200", "2026-01-02T01:04:05Z"},
		{"", "2026-01-02T03:04:05-02:00", "2026-01-02T05:04:05Z"},
		{"", "2026-01-02T03:04:05+02:00:30", "2026-01-02T01:03:35Z"},
		{"", "2026-01-02T03:04:05+020030", "2026-01-02T01:03:35Z"},
		{"", "2026-01-02T03:04:05+18:00", "2026-01-01T09:04:05Z"},
		{"", "2026-01-02T03:04:05+18:01", none},
		{"", "2026-01-02T03:04:05+01:60", none},
		{"", "2026-01-02T03:04:05+2", none},
		{"", "2026-01-02T03:04:05+2:00", none},
		{"", "2026-01-02T03:04:05+0000:00", none},
		{"", "2026-01-02T03Z", "2026-01-02T03:00:00Z"},
		{"", "2026-01-02T03:04+02", "2026-01-02T01:04:00Z"},
		{"", "2026-01-02T03:04:05UTC", "2026-01-02T03:04:05Z"},
		{"", "2026-01-02T03:04:05GMT+2", "2026-01-02T01:04:05Z"},
		{"", "2026-01-02T03:04:05UTC+02:00", "2026-01-02T01:04:05Z"},
		{"", "2026-01-02T03:04:05Local", none},
		{"", "2026-01-02T03:04:05Nowhere/Land", none},
		{"", "2026-01-02T03:04:05 Z", none},
		{"", "2026-01-02Z", none},
		{"", "2026-01-02TZ", none},
		{"", "2026-01-02T+02", none},
		{"", "2026-01-02T03:Z", none},
		{"", "2026-01-02T24:00", none},
		{"", "2026-01-02T03:04:60", none},
		{"", "2026-01-02T03:04:05:06", none},
		{"", "2024-02-29", "2024-02-29T00:00:00Z"},
		{"", "2026-02-29", none},
		{"", "2026-00-01", none},
		{"", "2026-00", none},
		{"", "2026-13-01", none},
		{"", "2026-1-2", none},
		{"", "2026/01/02", none},
		{"", "-0001-01-01", "-0001-01-01T00:00:00Z"},
		{"", "+2026-01-01", none},
		{"", "12026-01-01", none},
		{"", "", none},
		{"", " 2026", none},
		{"", "2026-01-02||/d", none},
		{"", "now", none},
		{"", "20260102", "1970-01-01T05:37:40.102Z"},
		{"", "1735787045123", "2025-01-02T03:04:05.123Z"},
		{"", "1735787045123.7", "2025-01-02T03:04:05.1237Z"},
		{"", "5.", "1970-01-01T00:00:00.005Z"},
		{"", ".5", none},
		{"", "5.1234567", none},
		{"", "1e3", none},
		{"", "+1234567", none},
		{"", "--5", none},
		{"", "-", none},
		{"", "-1.5", "1969-12-31T23:59:59.9985Z"},
		{"", "99999999999999999999", none},
		{"", "9223372036854775808", none},
		{nanos, "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"},
		{nanos, "2026-01-02T03:04Z", none},
		{nanos, "2026-01-02T", none},
		{nanos, "2026-01", "2026-01-01T00:00:00Z"},
		{lenient, "2026-1-2T3:4:5", "2026-01-02T03:04:05Z"},
		{lenient, "12026-01-02", "12026-01-02T00:00:00Z"},
		{lenient, "2026-002", none},
		{strict, "1735787045123", none},
		{"epoch_second", "1735787045.5", "2025-01-02T03:04:05.5Z"},
		{"epoch_second", "-5.5", "1969-12-31T23:59:54.5Z"},
		{"epoch_second", "-5.", "1969-12-31T23:59:55Z"},
		{"epoch_second", "-5.0", none},
		{"epoch_second", "9223372036854775807", none},
		{slashes, "2026/01/02", "2026-01-02T00:00:00Z"},
		{slashes, "2026/01/02 03:04:05", "2026-01-02T03:04:05Z"},
		{slashes, "2026/01/02 03:04", none},
		{slashes, "2026/02/30", none},
		{slashes, "2026-01-02", none},
		{slashes, "5", "1970-01-01T00:00:00.005Z"},
		{"yyyy-MM-dd", "2026-01-02", "2026-01-02T00:00:00Z"},
		{"yyyy-MM-dd", "2026-1-2", none},
		{"yyyy-MM-dd", "0000-01-02", none},
		{"uuuu-M-d", "2026-1-12", "2026-01-12T00:00:00Z"},
		{"8yyyy-MM-dd", "2026-01-02", "2026-01-02T00:00:00Z"},
		{"yyyy-MM-dd HH:mm:ss.SSS", "2026-01-02 03:04:05.123", "2026-01-02T03:04:05.123Z"},
		{"yyyy-MM-dd HH:mm:ss.SSS", "2026-01-02 03:04:05.12", none},
		{"yyyy-MM-dd'T'HH:mm:ss[.SSS]X", "2026-01-02T03:04:05.123+0200", "2026-01-02T01:04:05.123Z"},
		{"yyyy-MM-dd'T'HH:mm:ss[.SSS]X", "2026-01-02T03:04:05+02", "2026-01-02T01:04:05Z"},
		{"yyyy-MM-dd'T'HH:mm:ssXXX", "2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z"},
		{"yyyy-MM-dd'T'HH:mm:ssXXX", "2026-01-02T03:04:05+0200", none},
		{"yyyy-MM-dd'T'HH:mm:ssZ", "2026-01-02T03:04:05+0200", "2026-01-02T01:04:05Z"},
		{"yyyy-MM-dd'T'HH:mm:ssZ", "2026-01-02T03:04:05Z", none},
		{"dd/MMM/yyyy:HH:mm:ss Z", "02/Jan/2026:03:04:05 +0100", "2026-01-02T02:04:05Z"},
		{"dd/MMM/yyyy:HH:mm:ss Z", "02/Foo/2026:03:04:05 +0100", none},
		{"HH 'o''clock'", "03 o'clock", "1970-01-01T03:00:00Z"},
		{"basic_date", "20260102", "2026-01-02T00:00:00Z"},
		{"basic_date_time_no_millis", "20260102T030405Z", "2026-01-02T03:04:05Z"},
	} {
		got := none
		if at, _, err := mapping.ParseDate(tt.text, tt.format); err == nil {
			got = at.Format("2006-01-02T15:04:05.999999999Z07:00")
		} else if !errors.Is(err, mapping.ErrDate) || errors.Is(err, mapping.ErrFormat) {
			t.Errorf("%q as %q: error %v", tt.text, tt.format, err)
		}
		if got != tt.want {
			t.Errorf("%q as %q: %s, want %s", tt.text, tt.format, got, tt.want)
		}
	}
}

// An unknown format must not parse anything, and must be distinguishable from an invalid date.
func TestUnknownDateFormat(t *testing.T) {
	for _, format := range []string{
		"yy-MM-dd", "strict_basic_week_date", "EEE, d MMM yyyy", "yyyy-MM-dd'T", "yyyy[", "yyyy]", "{yyyy}", "''", "", "dd/MMMM/yyyy", "yyyy-MM-dd HH:mm z",
	} {
		if format == "" {
			format = "epoch_millis||"
		}
		_, _, err := mapping.ParseDate("2026-01-02", format)
		if !errors.Is(err, mapping.ErrFormat) || !errors.Is(err, mapping.ErrDate) {
			t.Errorf("%q: error %v", format, err)
		}
		if f := (mapping.Field{Type: mapping.Date, Format: format}); f.InMemory() == nil {
			t.Errorf("%q: the field counts as one that memory can read", format)
		}
	}
}

func TestPrecisionEnd(t *testing.T) {
	for text, want := range map[string]string{
		"2026":                    "2026-01-01T23:59:59.999999999Z",
		"2026-02":                 "2026-02-01T23:59:59.999999999Z",
		"2026-02-03":              "2026-02-03T23:59:59.999999999Z",
		"2026-02-03T04":           "2026-02-03T04:59:59.999999999Z",
		"2026-02-03T04:05":        "2026-02-03T04:05:59.999999999Z",
		"2026-02-03T04:05:06":     "2026-02-03T04:05:06.999999999Z",
		"2026-02-03T04:05:06.1":   "2026-02-03T04:05:06.1Z",
		"1767236645123":           "2026-01-01T03:04:05.123999999Z",
		"1767236645123.4":         "2026-01-01T03:04:05.1234Z",
		"2026-02-03T04:05+01:00":  "2026-02-03T03:05:59.999999999Z",
		"2026-02-03T04:05:06,12Z": "2026-02-03T04:05:06.12Z",
	} {
		at, precision, err := mapping.ParseDate(text, "")
		if err != nil {
			t.Error(err)
			continue
		}
		if got := precision.End(at).Format(time.RFC3339Nano); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestIndexDate(t *testing.T) {
	for _, tt := range []struct {
		f         mapping.Field
		raw, want string
	}{
		{mapping.Field{Type: mapping.Date}, `"1969-12-31T23:59:59.9995Z"`, "1969-12-31T23:59:59.999Z"},
		{mapping.Field{Type: mapping.Date}, `-1.5`, "1969-12-31T23:59:59.998Z"},
		{mapping.Field{Type: mapping.Date}, `1e3`, none},
		{mapping.Field{Type: mapping.Date}, `1234`, "1234-01-01T00:00:00Z"},
		{mapping.Field{Type: mapping.Date}, `true`, none},
		{mapping.Field{Type: mapping.Date}, `null`, none},
		{mapping.Field{Type: mapping.Date, NullValue: "2026"}, `null`, "2026-01-01T00:00:00Z"},
		{mapping.Field{Type: mapping.Date}, `"2026-01-02T03"`, "2026-01-02T03:00:00Z"},
		{mapping.Field{Type: mapping.DateNanos}, `"2026-01-02T03"`, none},
		{mapping.Field{Type: mapping.DateNanos, Format: "strict_date_optional_time"}, `"2026-01-02T03"`, "2026-01-02T03:00:00Z"},
		{mapping.Field{Type: mapping.DateNanos}, `1735787045123.7`, "2025-01-02T03:04:05.1237Z"},
		{mapping.Field{Type: mapping.DateNanos}, `"1969-12-31T23:59:59.999999999Z"`, none},
		{mapping.Field{Type: mapping.DateNanos}, `"2262-04-11T23:47:16.854775807Z"`, "2262-04-11T23:47:16.854775807Z"},
		{mapping.Field{Type: mapping.DateNanos}, `"2262-04-12"`, none},
		{mapping.Field{Type: mapping.Date, Format: "epoch_second"}, `1735787045`, "2025-01-02T03:04:05Z"},
	} {
		got := none
		if v, ok := tt.f.Index(decode(t, tt.raw)); ok {
			got = v.Time.Format(time.RFC3339Nano)
		}
		if got != tt.want {
			t.Errorf("%s %s of %s: %s, want %s", tt.f.Type, tt.f.Format, tt.raw, got, tt.want)
		}
	}
}

// Every time that Go formats is parsed as the same time.
func TestParseDateReadsRFC3339(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		second := rapid.Int64Range(-62135596800, 253402300799-86400).Draw(t, "second")
		zone := time.FixedZone("", rapid.IntRange(-18*60, 18*60).Draw(t, "offset")*60)
		at := time.Unix(second, rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).In(zone)
		if at.Year() < 0 || at.Year() > 9999 {
			t.Skip("Go writes such years otherwise")
		}
		got, _, err := mapping.ParseDate(at.Format(time.RFC3339Nano), "")
		if err != nil || !got.Equal(at) {
			t.Errorf("%s: %s, error %v", at.Format(time.RFC3339Nano), got, err)
		}
	})
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"2026-01-02T03:04:05.123+02:00", "1735787045123.7", "-0001-01", "2026-01-02TEurope/Berlin", "02/Jan/2026"} {
		for _, format := range []string{"", "date_optional_time", "epoch_second", "yyyy-MM-dd'T'HH:mm:ss[.SSS]X", "dd/MMM/yyyy", "'"} {
			f.Add(s, format)
		}
	}
	f.Fuzz(func(t *testing.T, s, formats string) {
		at, precision, err := mapping.ParseDate(s, formats)
		if err != nil {
			return
		}
		if at.Location() != time.UTC {
			t.Errorf("%q as %q is in %s", s, formats, at.Location())
		}
		if end := precision.End(at); end.Before(at) {
			t.Errorf("%q as %q: %s ends at %s", s, formats, at, end)
		}
	})
}
