package series

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/match/event"
)

// Facts are the properties of an index that show its series.
type Facts struct {
	// UUID identifies the index; for an index of a remote cluster, whose UUID is not visible, it is the name.
	UUID string
	// DataStream is the data stream of a backing index.
	DataStream string
	// RolloverAlias is the index's setting index.lifecycle.rollover_alias.
	RolloverAlias string
	// RolledOver are the aliases whose rollover created the index, or left it behind.
	RolledOver []string
	// Chain are the UUIDs of the indices that took part in rollovers of the alias, oldest first: the first
	// one may have been decided before the series was known.
	Chain []string
	// Aliases are all of its aliases.
	Aliases []string
	// SourceUUID and SourceName are the index of which it is a copy, according to its settings: the source of
	// a resize, or the index in the mounted snapshot, of which only the name is known.
	SourceUUID, SourceName string
}

// Record is a stored decision.
type Record struct {
	UUID, Index, Series string
}

// copyPrefix matches the prefixes of index names after a mount from a snapshot, a shrink, or a reindex for an
// upgrade; the copy then has the original's name as an alias. For a hidden index, the prefix comes after its
// dot.
var copyPrefix = regexp.MustCompile(`^(?:(?:partial|restored)-|shrink-[a-z0-9_-]{1,4}-|(\.?)(?:reindexed-v\d+|migrated)-)`)

// OfName returns the series according to the name alone: the data stream if the name is of a backing index;
// any other index is its own series. The name of an index of a remote cluster begins with the cluster's name.
func OfName(index string) string {
	cluster, name := "", index
	if i := strings.IndexByte(index, ':'); i >= 0 {
		cluster, name = index[:i+1], index[i+1:]
	}
	return cluster + cmp.Or(event.DataStream(name), name)
}

// decide returns the series of an index. known returns an earlier decision about another index, by its UUID
// or, if that is "", by its name.
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

// withoutPrefix returns the name of an index before it was copied, from the name of the copy, which may have
// several prefixes; "" if the name is not of a copy.
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
