package rule

import (
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

// ignored adds keys that only Kibana uses: no run depends on them.
func ignored[T any](fields tomltree.Fields[T], keys ...string) tomltree.Fields[T] {
	for _, key := range keys {
		fields[key] = func(*tomltree.Decoder, *tomltree.Value, *T) {}
	}
	return fields
}

var listFields = ignored(tomltree.Fields[ExceptionList]{
	"list_id":        tomltree.Scalar(func(l *ExceptionList) *string { return &l.ListID }),
	"namespace_type": tomltree.Scalar(func(l *ExceptionList) *NamespaceType { return &l.NamespaceType }),
	"type":           tomltree.Scalar(func(l *ExceptionList) *string { return &l.Type }),
	"name":           tomltree.Scalar(func(l *ExceptionList) *string { return &l.Name }),
}, "_version", "created_at", "created_by", "description", "id", "immutable", "meta", "os_types", "tags", "tie_breaker_id",
	"updated_at", "updated_by", "version")

var itemFields = ignored(tomltree.Fields[ExceptionItem]{
	"item_id":        tomltree.Scalar(func(i *ExceptionItem) *string { return &i.ItemID }),
	"list_id":        tomltree.Scalar(func(i *ExceptionItem) *string { return &i.ListID }),
	"namespace_type": tomltree.Scalar(func(i *ExceptionItem) *NamespaceType { return &i.NamespaceType }),
	"name":           tomltree.Scalar(func(i *ExceptionItem) *string { return &i.Name }),
	"os_types":       tomltree.List(func(i *ExceptionItem) *[]string { return &i.OSTypes }),
	"expire_time":    expiry,
	"entries":        tomltree.Each(entryFields(true), func(i *ExceptionItem) *[]Entry { return &i.Entries }),
	"type":           constant[ExceptionItem]("simple"),
}, "_version", "comments", "created_at", "created_by", "description", "id", "meta", "tags", "tie_breaker_id", "updated_at", "updated_by")

// entryFields returns the keys of an entry; a nested entry's entries have no entries themselves.
func entryFields(outer bool) tomltree.Fields[Entry] {
	fields := tomltree.Fields[Entry]{
		"field":    tomltree.Scalar(func(e *Entry) *string { return &e.Field }),
		"type":     tomltree.Scalar(func(e *Entry) *EntryType { return &e.Type }),
		"operator": tomltree.Scalar(func(e *Entry) *Operator { return &e.Operator }),
		"value":    entryValue,
		"list":     tomltree.Sub(valueListFields, func(e *Entry) *ValueList { return made(&e.List) }),
	}
	if outer {
		fields["entries"] = tomltree.Each(entryFields(false), func(e *Entry) *[]Entry { return &e.Entries })
	}
	return ignored(fields, "id") // Kibana's editor leaves it behind
}

var valueListFields = tomltree.Fields[ValueList]{
	"id":   tomltree.Scalar(func(l *ValueList) *string { return &l.ID }),
	"type": tomltree.Scalar(func(l *ValueList) *ValueType { return &l.Type }),
}

// entryValue reads one text or a list.
func entryValue(d *tomltree.Decoder, v *tomltree.Value, e *Entry) {
	if v.Kind == tomltree.Array {
		tomltree.List(func(e *Entry) *[]string { return &e.Values })(d, v, e)
		return
	}
	tomltree.Scalar(func(e *Entry) *string { return &e.Value })(d, v, e)
}

// expiry reads a time, which TOML may write without quotes.
func expiry(d *tomltree.Decoder, v *tomltree.Value, i *ExceptionItem) {
	if v.Kind != tomltree.DateTime && v.Kind != tomltree.String {
		tomltree.Scalar(func(*ExceptionItem) *string { return new(string) })(d, v, i)
		return
	}
	var err error
	if i.ExpireTime, err = time.Parse(time.RFC3339, v.Text); err != nil {
		d.Report(diag.Error, "bad-time", v.Span, "%s: %q is not a time, want 2026-01-15T12:00:00Z", v.Path(), v.Text)
	}
}
