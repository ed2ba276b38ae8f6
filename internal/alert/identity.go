package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/google/uuid"

	"tocsin/internal/event"
)

// identityVersion is part of every hash: a change of the scheme must not meet old ids by chance.
const identityVersion = "tocsin-alert-2"

// Kinds of alerts, as they enter identities.
const (
	kindEvent = "event"
	kindGroup = "group"
	kindBlock = "block"
	// kindSuppressed is an alert that stands for the findings of a group: one about the same event is
	// another in each of its groups.
	kindSuppressed = "suppressed"
	// kindContent is an alert whose events have the identity, but not the content, of those of another.
	kindContent = "content"
)

// EventID is the identity of a rule's alert about one event. It depends on nothing that may differ
// when the same event is found again: not on the backing index, the event's version, the window,
// the runner, or the rule's text. Where it is that of another event, see [Source].
func EventID(ruleID string, key event.Key) string {
	return hash(identityVersion, ruleID, kindEvent, key.Series, key.ID)
}

// FindingID is the identity of a rule's alert that stands for something else than one event: its
// kind first, then what tells it from others of the kind.
func FindingID(ruleID string, key []string) string {
	return hash(append([]string{identityVersion, ruleID}, key...)...)
}

// FieldID is the identity of a rule's alert where a field, such as event.id, identifies events.
func FieldID(ruleID, field, value string) string {
	return hash(identityVersion, ruleID, kindEvent, "field", field, value)
}

// GroupID is the identity of a rule's alert about a sequence or sample: that of its members, in
// order.
func GroupID(ruleID string, members []event.Key) string {
	parts := []string{identityVersion, ruleID, kindGroup}
	for _, m := range members {
		parts = append(parts, m.Series, m.ID)
	}
	return hash(parts...)
}

// BlockID is the identity of the building block of a group's n-th member.
func BlockID(groupID string, n int) string {
	return hash(identityVersion, groupID, kindBlock, strconv.Itoa(n))
}

// hash is the SHA-256 of the parts in hexadecimal. Each part is preceded by its length, so that no
// two lists of parts run together into the same text.
func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ruleNamespace is the name space of the rules' own UUIDs.
var ruleNamespace = uuid.MustParse("5f9c1c1e-8f5e-5b53-9d0c-6a0b7c2a4e11")

// RuleUUID is kibana.alert.rule.uuid of a rule: stable, derived from its rule_id.
func RuleUUID(ruleID string) string { return uuid.NewSHA1(ruleNamespace, []byte(ruleID)).String() }
