package alert

import (
	"regexp"
	"strings"
)

// IndexPrefix is the prefix of Tocsin's alert indices and aliases.
const IndexPrefix = "tocsin-alerts-"

// KibanaPrefix is the prefix of the aliases of Kibana's detection alerts, before the id of the space.
const KibanaPrefix = ".alerts-security.alerts-"

// alertIndices matches the names of indices of alerts: of Tocsin, of Kibana, and of older versions
// of Kibana. Prefixes from index lifecycle management and upgrades are ignored.
var alertIndices = regexp.MustCompile(
	`^(?:(?:partial|restored)-|shrink-[a-z0-9_-]{1,4}-|\.?(?:reindexed-v\d+|migrated)-)*` +
		`(?:tocsin-alerts-|\.(?:ds-\.|internal\.)?(?:preview\.)?alerts-|\.?siem-signals-)`)

// OfAlerts reports whether the documents of an index are alerts. Only the index decides: the
// content of an event is controlled by its sender.
func OfAlerts(index string) bool {
	if _, remote, ok := strings.Cut(index, ":"); ok {
		index = remote
	}
	return alertIndices.MatchString(index)
}
