package notify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Status is what becomes of an entry.
type Status string

// The statuses. Pending, Collecting and Settling entries are open: At is when a [Sender] takes them up next.
const (
	// Pending entries are to be delivered.
	Pending Status = "pending"
	// Collecting digests still take members.
	Collecting Status = "collecting"
	// Settling digests were delivered, and are looked at once more for members that came while they were closed.
	Settling Status = "settling"
	// Member entries are told by their digest. At is when they became members.
	Member Status = "member"
	// Delivered entries were accepted by the receiver, at At.
	Delivered Status = "delivered"
	// Dead entries were given up, at At. They stay until somebody replays or forgets them.
	Dead Status = "dead"
	// Leased is the status of entries that are not notices: the one that says which [Sender] works, until At, and one for each route that
	// says since when it is used.
	Leased Status = "leased"
)

// Statuses are those of notices.
var Statuses = []Status{Pending, Collecting, Settling, Member, Delivered, Dead}

// open are the statuses of entries that a sender takes up.
var open = []Status{Pending, Collecting, Settling}

// Entry is a notice for one route.
type Entry struct {
	// ID is made of the route and the notice's key; it is the idempotency key for the receiver.
	ID     string `json:"id"`
	Route  string `json:"route"`
	Status Status `json:"status"`
	// At is the time that belongs to the status, to the millisecond.
	At      time.Time `json:"at"`
	Created time.Time `json:"created"`
	// Digest is the id of the digest that tells a member.
	Digest string `json:"digest,omitempty"`
	// Group is the group of a digest; see [Digest].
	Group string `json:"group,omitempty"`
	// Notice is what to tell; it is reduced to key and title once it was told.
	Notice Notice `json:"notice"`

	Attempts int `json:"attempts,omitempty"`
	// Tried: it may have been sent, whatever became of that. From then on it is told under its own key only, in no digest.
	Tried bool   `json:"tried,omitempty"`
	Error string `json:"error,omitempty"` // of the last attempt

	// Calm and Until are until when a digest collects; see [Digest].
	Calm  time.Duration `json:"calm,omitempty"`
	Until time.Time     `json:"until,omitzero"`
	// Told is the number of members that a digest has told; nil before it was closed.
	Told *int `json:"told,omitempty"`
	// Owner is who holds a lease.
	Owner string `json:"owner,omitempty"`

	// Version is what a [Store] compares when the entry is written again; nil for a new one.
	Version any `json:"-"`
}

// idOf returns the id that is made of some texts.
func idOf(texts ...string) string {
	h := sha256.New()
	for _, text := range texts {
		_, _ = io.WriteString(h, text) // a hash takes everything
		_, _ = h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:20])
}

// EntryID returns the id of the entry of a notice's key for a route.
func EntryID(route, key string) string { return idOf("notice", route, key) }

// isDigest reports whether the entry stands for its members.
func (e *Entry) isDigest() bool { return e.Notice.Kind == KindDigest }

// stripped returns what is remembered of a notice that was told.
func (n Notice) stripped() Notice {
	return Notice{Key: n.Key, Kind: n.Kind, Subject: n.Subject, RuleID: n.RuleID, Severity: n.Severity, At: n.At, Title: n.Title}
}

// milliseconds cuts a time to what every store keeps.
func milliseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// EncodeEntry returns the text in which stores keep an entry.
func EncodeEntry(e *Entry) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, fmt.Errorf("encode notification %s: %w", e.ID, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// DecodeEntry is the reverse of [EncodeEntry].
func DecodeEntry(data []byte, version any) (Entry, error) {
	e := Entry{Version: version}
	if err := json.Unmarshal(data, &e); err != nil {
		return e, fmt.Errorf("read a notification: %w", err)
	}
	return e, nil
}
