package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// ruleField is the field of an alert by which a listing can be filtered.
const ruleField = "kibana.alert.rule.rule_id"

// instanceField is the field that alerts of one instance share.
const instanceField = "kibana.alert.instance.id"

// maxID is the maximum length of an alert's id in bytes, as in Elasticsearch.
const maxID = 512

// record is a stored alert.
type record struct {
	id string
	// order sorts by time, then id; it is unique.
	order []byte
	// rule is stored with the order, so that a listing need not read the alerts that it filters
	// out.
	rule string
	// instance is the alert's instance, "" when it is its own instance.
	instance string
	// source is the document as JSON.
	source []byte
}

// newRecord encodes an alert. Where time, rule or instance are not the texts that they are mostly, the document is
// decoded again, so that they are found whatever their Go types.
func newRecord(doc alert.Document) (record, error) {
	switch {
	case doc.ID == "":
		return record{}, errors.New("alert has no id")
	case len(doc.ID) > maxID:
		return record{}, fmt.Errorf("alert id of %d bytes is longer than %d", len(doc.ID), maxID)
	}
	source := doc.Source
	if source == nil {
		source = map[string]any{}
	}
	text, err := encode(source)
	if err != nil {
		return record{}, fmt.Errorf("alert %s: %w", doc.ID, err)
	}
	for _, field := range []string{search.DefaultTimestamp, ruleField, instanceField} {
		if event.First(source, field) != "" {
			continue
		}
		kept, err := decode(text)
		if err != nil {
			return record{}, fmt.Errorf("alert %s: %w", doc.ID, err)
		}
		return newKept(doc.ID, kept, text), nil
	}
	return newKept(doc.ID, source, text), nil
}

func newKept(id string, source map[string]any, text []byte) record {
	// A text of the source keeps all of it.
	r := record{id: id, order: orderOf(source, id), rule: strings.Clone(event.First(source, ruleField)), source: text}
	if instance := event.First(source, instanceField); instance != id {
		r.instance = strings.Clone(instance)
	}
	return r
}

// orderOf encodes the time of an alert and its id so that bytes compare as they do. An alert
// without a time comes last.
func orderOf(source map[string]any, id string) []byte {
	at, _, err := mapping.ParseDate(event.First(source, search.DefaultTimestamp), "")
	kind := byte(withTime)
	if err != nil {
		kind, at = withoutTime, time.Time{}
	}
	b := make([]byte, 0, orderHead+len(id))
	b = append(b, kind)
	b = binary.BigEndian.AppendUint64(b, uint64(at.Unix())^1<<63) // negative seconds come first
	b = binary.BigEndian.AppendUint32(b, uint32(at.Nanosecond()))
	return append(b, id...)
}

// The first byte of an order, and the length of the part before the id.
const (
	withTime    = 0
	withoutTime = 1
	orderHead   = 1 + 8 + 4
)

// idOf returns the id in an order.
func idOf(order []byte) []byte { return order[min(orderHead, len(order)):] }

// document decodes a stored alert. Numbers become json.Number, with their original text.
func document(id string, source []byte) (alert.Document, error) {
	dec := json.NewDecoder(bytes.NewReader(source))
	dec.UseNumber()
	doc := alert.Document{ID: id}
	if err := dec.Decode(&doc.Source); err != nil {
		return doc, fmt.Errorf("read alert %s: %w", id, err)
	}
	return doc, nil
}

// entry is one alert of a listing, before it is decoded.
type entry struct {
	id     string
	order  []byte
	source []byte
}

// listBatch is how many alerts a listing reads at once.
const listBatch = 256

// list runs a listing over any store that can read the next entries after an order. The store is
// not locked while visit runs, so visit may create alerts; alerts with a later time are then listed
// too. An alert that cannot be decoded is skipped, and reported in the final error.
func list(f alert.Filter, next func(after []byte, n int) ([]entry, error), visit func(alert.Document) (bool, error)) error {
	var after []byte
	var unread unreadAlerts
	for left := f.Limit; f.Limit <= 0 || left > 0; {
		want := listBatch
		if f.Limit > 0 {
			want = min(want, left)
		}
		entries, err := next(after, want)
		if err != nil {
			return err
		}
		for _, e := range entries {
			after = e.order
			doc, err := document(e.id, e.source)
			if err != nil {
				unread.add(err)
				continue
			}
			if more, err := visit(doc); err != nil || !more {
				return errors.Join(err, unread.err())
			}
			left--
		}
		if len(entries) < want {
			break
		}
	}
	return unread.err()
}

// unreadAlerts are the alerts that a listing has skipped.
type unreadAlerts struct {
	n     int
	first error
}

func (u *unreadAlerts) add(err error) {
	if u.n++; u.n == 1 {
		u.first = err
	}
}

func (u *unreadAlerts) err() error {
	switch u.n {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("1 alert cannot be read and was skipped: %w", u.first)
	}
	return fmt.Errorf("%d alerts cannot be read and were skipped, first: %w", u.n, u.first)
}

// encode encodes JSON without HTML escaping.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return nil, fmt.Errorf("encode JSON: %w", err)
	}
	return bytes.Clone(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil // The buffer is up to twice as large.
}
