package event

import "regexp"

// The names that Elasticsearch and Kibana give to indices that they make of others.
var (
	// copyPrefix is put before the name of an index that was mounted from a snapshot, shrunk to
	// fewer shards or reindexed for an upgrade. The documents keep their ids. The prefix of a hidden
	// index stands behind its dot.
	copyPrefix = regexp.MustCompile(`^(?:(?:partial|restored)-|shrink-[a-z0-9_-]{1,4}-|(\.?)(?:reindexed-v\d+|migrated)-)`)
	// dataStream is a backing index of a data stream. Before 7.11 it had no date.
	dataStream = regexp.MustCompile(`^\.(?:ds|fs)-(.+?)(?:-\d{4}\.\d{2}\.\d{2})?-\d{6,}$`)
	// rollover is an index of an alias that rolls over: a counter of six digits. It begins with a zero
	// for longer than anybody rolls over, and a year with a month (202601) does not.
	rollover = regexp.MustCompile(`^(.+)-0\d{5}$`)
)

// Series returns the name of the data stream or rollover series that an index belongs to, the
// index's own name when it belongs to none. A copy that index lifecycle management mounts from a
// snapshot or shrinks, and one reindexed for an upgrade, holds the same documents under the same
// ids and belongs where the original did.
//
// Names are all there is to go by. Indices named by a pattern of somebody's own that looks the
// same, such as app-010126 and app-020126, count as one series: two events of theirs are taken for
// one if they also share an _id, which only ids that an application chooses can.
func Series(index string) string {
	for {
		m := copyPrefix.FindStringSubmatchIndex(index)
		if len(m) == 0 || m[1] == len(index) {
			break
		}
		dot := ""
		if m[2] >= 0 {
			dot = index[m[2]:m[3]]
		}
		index = dot + index[m[1]:]
	}
	if m := dataStream.FindStringSubmatch(index); m != nil {
		return m[1]
	}
	if m := rollover.FindStringSubmatch(index); m != nil {
		return m[1]
	}
	return index
}
