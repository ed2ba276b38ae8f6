package query

import (
	"testing"

	"pgregory.net/rapid"
)

// TestFetches: however long documents are, all are read, no more at once than their bytes allow once those are known,
// and of short ones soon many.
func TestFetches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.IntRange(0, 32<<20).Draw(t, "bytes")
		size, reads := NextFetch(0, 0), 0
		for left := rapid.IntRange(1, 5000).Draw(t, "documents"); left > 0; reads++ {
			n := min(size, left)
			if n < 1 || n > FetchSize || reads > 0 && n > 1 && n*bytes > fetchBytes {
				t.Fatalf("read %d has %d documents of %d bytes", reads, n, bytes)
			}
			left -= n
			size = NextFetch(n, n*bytes)
		}
		if bytes < 1000 && reads > 14 {
			t.Fatalf("%d reads", reads)
		}
	})
}
