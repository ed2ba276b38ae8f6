package rule

import (
	"time"

	"tocsin/internal/diag"
)

// ExceptionList is a list of exceptions that rules refer to by id and namespace.
type ExceptionList struct {
	ListID        string
	NamespaceType NamespaceType
	Type          string // detection, endpoint, rule_default, …
	Name          string
	Items         []*ExceptionItem
}

// NamespaceType says where a list of exceptions applies: in one Kibana space or in all.
type NamespaceType string

// Kibana's namespaces. A list without one belongs to a single space.
const (
	Single   NamespaceType = "single"
	Agnostic NamespaceType = "agnostic"
)

// ExceptionItem describes events that are not findings: events that match all of its entries.
type ExceptionItem struct {
	ItemID, ListID string
	NamespaceType  NamespaceType
	Name           string
	// OSTypes restricts the item to hosts of these systems: windows, linux, macos.
	OSTypes []string
	// ExpireTime is when the item expires; zero means never.
	ExpireTime time.Time
	Entries    []Entry

	source  Source
	path    string
	at      string // the path of the item in its file, with a trailing dot
	hash    string
	faulty  string // why the item cannot be applied, "" when it can
	located located
}

// Entry is one test of an item.
type Entry struct {
	Field    string
	Type     EntryType
	Operator Operator
	Value    string     // for match and wildcard
	Values   []string   // for match_any
	List     *ValueList // for list
	Entries  []Entry    // for nested: tests of a single object at Field
}

// EntryType is the kind of test of an entry.
type EntryType string

// Kibana's types.
const (
	EntryMatch    EntryType = "match"
	EntryMatchAny EntryType = "match_any"
	EntryExists   EntryType = "exists"
	EntryWildcard EntryType = "wildcard"
	EntryList     EntryType = "list"
	EntryNested   EntryType = "nested"
)

// Operator says whether a test must hold or must fail.
type Operator string

// Kibana's operators.
const (
	Included Operator = "included"
	Excluded Operator = "excluded"
)

// ValueList is a file of values that an entry looks its field up in.
type ValueList struct {
	ID   string
	Type ValueType
	// Values are the values of the file that its type can parse, in order.
	Values []string
}

// InForce reports whether the item applies at a time. The zero time is before every expiry.
func (i *ExceptionItem) InForce(at time.Time) bool {
	return i.ExpireTime.IsZero() || at.Before(i.ExpireTime)
}

// Title returns the item's name for people.
func (i *ExceptionItem) Title() string {
	if i.Name != "" {
		return i.Name
	}
	return i.ItemID
}

// File returns the text of the item's file; it is empty for an item that was not read from a file.
func (i *ExceptionItem) File() diag.Text {
	if i.source == nil {
		return diag.Text{}
	}
	file, _, _ := i.source.Place(i.at)
	return file
}

// Report makes a diagnostic about a key of the item, such as "entries[1].value".
func (i *ExceptionItem) Report(sev diag.Severity, code, key, format string, args ...any) diag.Diagnostic {
	return report(i.source, i.path, sev, code, i.at+key, format, args...)
}
