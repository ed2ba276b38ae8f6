package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// roomyHeap is the size of heap, in bytes, up to which garbage may grow as large as what is in use. Beyond, it
// is collected earlier: with some thousands of rules the process stays within 250 MiB.
const roomyHeap = 144 << 20

const (
	// usualGarbage is how much garbage Go lets lie, in percent of what is in use; leastGarbage keeps the time
	// that collecting takes within bounds, however much is in use.
	usualGarbage = 100
	leastGarbage = 40
)

// garbagePercent is how much garbage may lie beside what is in use, in percent of that.
func garbagePercent(inUse uint64) int {
	switch {
	case inUse <= roomyHeap/2:
		return usualGarbage
	case inUse >= roomyHeap:
		return leastGarbage
	}
	return max(int((roomyHeap-inUse)*100/inUse), leastGarbage)
}

// boundGarbage sets how much garbage may lie, each time that some has been collected. Who has set GOGC or
// GOMEMLIMIT has decided already.
func boundGarbage() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	now := usualGarbage
	var await func()
	collected := func(struct{}) {
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(sample)
		if sample[0].Value.Kind() != metrics.KindUint64 {
			return
		}
		if percent := garbagePercent(sample[0].Value.Uint64()); percent != now {
			now = percent
			debug.SetGCPercent(percent)
		}
		await()
	}
	await = func() { runtime.AddCleanup(new([64]byte), collected, struct{}{}) }
	await()
}
