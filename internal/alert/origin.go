package alert

import (
	"regexp"
	"strings"
)

// IndexPrefix is what the names of Tocsin's indices of alerts, and of their aliases, begin with.
const IndexPrefix = "tocsin-alerts-"

// alertIndices are the names of indices of alerts: Tocsin's, Kibana's, and those that older Kibanas made.
// What index lifecycle management and upgrades put before a name is part of none.
var alertIndices = regexp.MustCompile(
	`^(?:(?:partial|restored)-|shrink-[a-z0-9_-]{1,4}-|\.?(?:reindexed-v\d+|migrated)-)*` +
		`(?:tocsin-alerts-|\.(?:ds-\.|internal\.)?(?:preview\.)?alerts-|\.?siem-signals-)`)

// OfAlerts reports whether the documents of an index are alerts. The index alone says so: what an event
// says of itself is the word of whoever sent it.
func OfAlerts(index string) bool {
	if _, remote, ok := strings.Cut(index, ":"); ok {
		index = remote
	}
	return alertIndices.MatchString(index)
}
