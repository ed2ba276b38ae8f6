package series

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/match/event"
)

// Facts are what a cluster says of an index.
type Facts struct {
	// UUID is the index's for as long as it lives; of an index of a remote cluster, which does not tell, its name.
	UUID string
	// DataStream is the data stream of a backing index.
	DataStream string
	// RolloverAlias is what the index's settings name as index.lifecycle.rollover_alias.
	RolloverAlias string
	// RolledOver are the aliases by whose rollover the index was made, or left behind.
	RolledOver []string
	// Chain are the UUIDs of the indices that took part in rollovers of the alias, oldest first: the first may have
	// been decided about when nothing was known of a series yet.
	Chain []string
	// Aliases are all of its aliases.
	Aliases []string
	// SourceUUID and SourceName are the index that it is a copy of by its settings: a resize's source, or the index
	// in the snapshot that it was mounted from, of which only the name is known.
	SourceUUID, SourceName string
}

// Record is a decision.
type Record struct {
	UUID, Index, Series string
}

// copyPrefix is put before the name of an index that lifecycle management mounted from a snapshot or shrank, and
// that was reindexed for an upgrade; the copy then has the original's name as an alias. The prefix of a hidden
// index stands behind its dot.
var copyPrefix = regexp.MustCompile(`^(?:(?:partial|restored)-|shrink-[a-z0-9_-]{1,4}-|(\.?)(?:reindexed-v\d+|migrated)-)`)

// OfName is what a name alone tells: the data stream of a name that Elasticsearch gives to backing indices; any
// other index is a series of its own. The name of an index of a remote cluster begins with the cluster's.
func OfName(index string) string {
	cluster, name := "", index
	if i := strings.IndexByte(index, ':'); i >= 0 {
		cluster, name = index[:i+1], index[i+1:]
	}
	return cluster + cmp.Or(event.DataStream(name), name)
}

// decide says what an index belongs to. Known returns an earlier decision about another index, by its UUID or, where
// that is "", by its name.
func decide(index string, f Facts, known func(uuid, name string) (Record, bool)) string {
	if f.DataStream != "" {
		return f.DataStream
	}
	isCopy := f.SourceUUID != "" || f.SourceName != ""
	if isCopy {
		if r, ok := known(f.SourceUUID, f.SourceName); ok {
			return r.Series
		}
	}
	for _, uuid := range f.Chain {
		if r, ok := known(uuid, ""); ok {
			return r.Series
		}
	}
	switch {
	case f.RolloverAlias != "":
		return f.RolloverAlias
	case len(f.RolledOver) > 0:
		return slices.Min(f.RolledOver)
	case isCopy && f.SourceName != "":
		return OfName(f.SourceName)
	}
	if original := withoutPrefix(index); slices.Contains(f.Aliases, original) {
		if r, ok := known("", original); ok {
			return r.Series
		}
		return OfName(original)
	}
	return index
}

// withoutPrefix is the name that an index had before it was copied, by the name that the copy has: the prefixes
// pile up. It is "" where the name tells of no copy.
func withoutPrefix(index string) string {
	original := index
	for {
		m := copyPrefix.FindStringSubmatchIndex(original)
		if len(m) == 0 || m[1] == len(original) {
			break
		}
		dot := ""
		if m[2] >= 0 {
			dot = original[m[2]:m[3]]
		}
		original = dot + original[m[1]:]
	}
	if original == index {
		return ""
	}
	return original
}
