package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/google/uuid"

	"tocsin/internal/match/event"
)

// identityVersion is part of every hash: ids of different schemes must not collide.
const identityVersion = "tocsin-alert-2"

// Kinds of alerts in identities.
const (
	kindEvent = "event"
	kindGroup = "group"
	kindBlock = "block"
	// kindSuppressed is an alert that stands for the findings of a group: an event has a separate
	// alert in each of its groups.
	kindSuppressed = "suppressed"
	// kindContent is an alert whose events have the identity of another alert's events, but not
	// their content.
	kindContent = "content"
)

// EventID is the identity of a rule's alert about one event. It does not depend on anything that
// may differ when the event is found again: the backing index, the event's version, the window, the
// runner, or the rule's text. If another event has the same identity, see [Source].
func EventID(ruleID string, key event.Key) string {
	return hash(identityVersion, ruleID, kindEvent, key.Series, key.ID)
}

// FindingID is the identity of a rule's alert about something other than one event: its kind first,
// then what distinguishes it from others of the kind.
func FindingID(ruleID string, key []string) string {
	return hash(append([]string{identityVersion, ruleID}, key...)...)
}

// FieldID is the identity of a rule's alert where a field, such as event.id, identifies events.
func FieldID(ruleID, field, value string) string {
	return hash(identityVersion, ruleID, kindEvent, "field", field, value)
}

// GroupID is the identity of a rule's alert about a sequence or sample: it depends on the members,
// in order.
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

// MemberID is the identity of the building block of an event in a group whose identity does not depend on its events.
func MemberID(groupID string, member event.Key) string {
	return hash(identityVersion, groupID, kindBlock, member.Series, member.ID)
}

// hash returns the SHA-256 of the parts in hexadecimal. Each part is preceded by its length, so
// that different lists of parts never have the same encoding.
func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ruleNamespace is the namespace of the rules' own UUIDs.
var ruleNamespace = uuid.MustParse("5f9c1c1e-8f5e-5b53-9d0c-6a0b7c2a4e11")

// RuleUUID is kibana.alert.rule.uuid of a rule: stable, derived from its rule_id.
func RuleUUID(ruleID string) string { return uuid.NewSHA1(ruleNamespace, []byte(ruleID)).String() }
