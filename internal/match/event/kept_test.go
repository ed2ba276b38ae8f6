package event_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"tocsin/internal/match/event"
)

// TestValuesKeepNoDocument: who keeps a value of a long document does not keep the document.
func TestValuesKeepNoDocument(t *testing.T) {
	const documents, size = 64, 1 << 20
	var kept []any
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range documents {
		object, err := event.DecodeObject(fmt.Appendf(nil, `{"name":"user-%d","number":%d,"payload":%q}`, i, i, strings.Repeat("x", size)))
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, object["name"], object["number"])
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > documents*size/4 {
		t.Errorf("%d values keep %d bytes", len(kept), grown)
	}
	runtime.KeepAlive(kept)
}
