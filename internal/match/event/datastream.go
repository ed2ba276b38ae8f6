package event

import "regexp"

// backingIndex is a name that Elasticsearch gives to a backing index of a data stream, or to its failure store: with
// what an upgrade or lifecycle management puts before it. Before 7.11 it had no date.
var backingIndex = regexp.MustCompile(
	`^(?:(?:partial|restored)-|shrink-[a-z0-9_-]{1,4}-)*\.(?:(?:reindexed-v\d+|migrated)-)*(?:ds|fs)-(.+?)(?:-\d{4}\.\d{2}\.\d{2})?-\d{6,}$`)

// DataStream returns the data stream that an index is a backing index of, by its name; "" where the name tells of none. A
// cluster may know better: any index can be added to a data stream.
func DataStream(index string) string {
	if m := backingIndex.FindStringSubmatch(index); m != nil {
		return m[1]
	}
	return ""
}
