package query

import "tocsin/internal/match/event"

// fetchSize is the number of documents that are read to make hits of at once, at most; firstFetch of the first ones, of
// which nobody knows how large they are.
const (
	fetchSize  = 500
	firstFetch = 20
)

// fetchBytes is how many bytes of documents are meant to be read at once.
const fetchBytes = 8 << 20

// fetches is how many things of which documents are read come next, after some with so many bytes.
func fetches(things, bytes int) int {
	if things == 0 {
		return firstFetch
	}
	return max(1, min(fetchSize, 4*things, fetchBytes/max(1, bytes/things)))
}

func sourceBytes(events []event.Event) int {
	sum := 0
	for i := range events {
		sum += len(events[i].Source)
	}
	return sum
}

// bytesOf is how many bytes of documents hits have.
func bytesOf(hits []Hit) int {
	sum := 0
	for i := range hits {
		sum += hits[i].Size()
	}
	return sum
}
