package event

import "regexp"

// backingIndex matches Elasticsearch's names of backing indices and failure stores of data streams, including
// the prefixes of upgrades and lifecycle management. Before 7.11 they had no date.
var backingIndex = regexp.MustCompile(
	`^(?:(?:partial|restored)-|shrink-[a-z0-9_-]{1,4}-)*\.(?:(?:reindexed-v\d+|migrated)-)*(?:ds|fs)-(.+?)(?:-\d{4}\.\d{2}\.\d{2})?-\d{6,}$`)

// DataStream returns the data stream of a backing index according to its name; "" if the name is another one.
// The cluster may differ: any index can be added to a data stream.
func DataStream(index string) string {
	if m := backingIndex.FindStringSubmatch(index); m != nil {
		return m[1]
	}
	return ""
}
