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

// originalTimeField is the time of an alert's event, which orders the alerts of one run.
const originalTimeField = "kibana.alert.original_time"

// instanceField is the field that alerts of one instance share.
const instanceField = "kibana.alert.instance.id"

// maxID is the maximum length of an alert's id in bytes, as in Elasticsearch.
const maxID = 512

// record is a stored alert.
type record struct {
	id string
	// order sorts by time, then the time of the event, then id; it is unique.
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

// orderOf encodes the time of an alert, the time of its event and its id so that bytes compare as they do. A missing
// time comes last.
func orderOf(source map[string]any, id string) []byte {
	b := make([]byte, 0, orderHead+len(id))
	b = appendTime(b, event.First(source, search.DefaultTimestamp))
	b = appendTime(b, event.First(source, originalTimeField))
	return append(b, id...)
}

// appendTime encodes a date; a text that is none comes after all dates.
func appendTime(b []byte, text string) []byte {
	at, _, err := mapping.ParseDate(text, "")
	kind := byte(withTime)
	if err != nil {
		kind, at = withoutTime, time.Time{}
	}
	b = append(b, kind)
	b = binary.BigEndian.AppendUint64(b, uint64(at.Unix())^1<<63) // negative seconds come first
	return binary.BigEndian.AppendUint32(b, uint32(at.Nanosecond()))
}

// The first byte of an encoded time, its length, and the length of the part of an order before the id.
const (
	withTime    = 0
	withoutTime = 1
	timeLength  = 1 + 8 + 4
	orderHead   = 2 * timeLength
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
