package query

import "tocsin/internal/match/event"

// FetchSize is the number of documents that are read to make hits of at once, at most; firstFetch of the first ones, of
// which nobody knows how large they are.
const (
	FetchSize  = 500
	firstFetch = 20
)

// fetchBytes is how many bytes of documents are meant to be read at once.
const fetchBytes = 8 << 20

// NextFetch is how many things of which documents are read come next, after some with so many bytes.
func NextFetch(things, bytes int) int {
	if things == 0 {
		return firstFetch
	}
	return max(1, min(FetchSize, 4*things, fetchBytes/max(1, bytes/things)))
}

// SourceBytes is how many bytes the documents of events have.
func SourceBytes(events []event.Event) int {
	sum := 0
	for i := range events {
		sum += len(events[i].Source)
	}
	return sum
}

// HitBytes is how many bytes of documents hits have.
func HitBytes(hits []Hit) int {
	sum := 0
	for i := range hits {
		sum += hits[i].Size()
	}
	return sum
}
