package rule

import (
	"time"

	"tocsin/internal/diag"
)

// ExceptionList is a list of exceptions that rules refer to by id and name space.
type ExceptionList struct {
	ListID        string
	NamespaceType NamespaceType
	Type          string // detection, endpoint, rule_default, …
	Name          string
	Items         []*ExceptionItem
}

// NamespaceType says where a list of exceptions counts: in one Kibana space or in all.
type NamespaceType string

// The name spaces of Kibana. A list that names none is of a single space.
const (
	Single   NamespaceType = "single"
	Agnostic NamespaceType = "agnostic"
)

// ExceptionItem describes events that are no finding: those that meet all of its entries.
type ExceptionItem struct {
	ItemID, ListID string
	NamespaceType  NamespaceType
	Name           string
	// OSTypes narrow the item to hosts of these systems: windows, linux, macos.
	OSTypes []string
	// ExpireTime is when the item stops to count; zero means never.
	ExpireTime time.Time
	Entries    []Entry

	source  Source
	path    string
	at      string // the way to the item in its file, with the dot behind it
	hash    string
	faulty  string // why the item cannot count, "" when it can
	located located
}

// Entry is one test of an item.
type Entry struct {
	Field    string
	Type     EntryType
	Operator Operator
	Value    string     // of match and wildcard
	Values   []string   // of match_any
	List     *ValueList // of list
	Entries  []Entry    // of nested: tests of one and the same object at Field
}

// EntryType is what an entry asks of its field.
type EntryType string

// The types of Kibana.
const (
	EntryMatch    EntryType = "match"
	EntryMatchAny EntryType = "match_any"
	EntryExists   EntryType = "exists"
	EntryWildcard EntryType = "wildcard"
	EntryList     EntryType = "list"
	EntryNested   EntryType = "nested"
)

// Operator says whether a test has to hold or has to fail.
type Operator string

// The operators of Kibana.
const (
	Included Operator = "included"
	Excluded Operator = "excluded"
)

// ValueList is a file of values that an entry looks its field up in.
type ValueList struct {
	ID   string
	Type ValueType
	// Values are those of the file, in order, each one that its type can read.
	Values []string
}

// InForce reports whether the item counts at a moment. The zero moment is before every expiry.
func (i *ExceptionItem) InForce(at time.Time) bool {
	return i.ExpireTime.IsZero() || at.Before(i.ExpireTime)
}

// Title names the item for people.
func (i *ExceptionItem) Title() string {
	if i.Name != "" {
		return i.Name
	}
	return i.ItemID
}

// Report makes a diagnostic about a key of the item, such as "entries[1].value".
func (i *ExceptionItem) Report(sev diag.Severity, code, key, format string, args ...any) diag.Diagnostic {
	return report(i.source, i.path, sev, code, i.at+key, format, args...)
}
