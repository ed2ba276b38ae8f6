package query

import "tocsin/internal/match/event"

// FetchSize is the maximum number of documents that are read at once to make hits of, firstFetch the number of the first
// ones, whose sizes are not known yet.
const (
	FetchSize  = 500
	firstFetch = 20
)

// fetchBytes is the intended number of bytes of documents that are read at once.
const fetchBytes = 8 << 20

// NextFetch returns how many items to read next, given the number of items of the previous read and their bytes; 0 items
// for the first read.
func NextFetch(things, bytes int) int {
	if things == 0 {
		return firstFetch
	}
	return max(1, min(FetchSize, 4*things, fetchBytes/max(1, bytes/things)))
}

// SourceBytes returns the total size of the sources of events.
func SourceBytes(events []event.Event) int {
	sum := 0
	for i := range events {
		sum += len(events[i].Source)
	}
	return sum
}

// HitBytes returns the total size of the events of hits.
func HitBytes(hits []Hit) int {
	sum := 0
	for i := range hits {
		sum += hits[i].Size()
	}
	return sum
}
