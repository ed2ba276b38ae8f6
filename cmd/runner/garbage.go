package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// roomyHeap is the heap size in bytes up to which garbage may grow as large as the live heap. Above it, garbage
// is collected earlier, so that the process stays below 250 MiB with some thousands of rules.
const roomyHeap = 112 << 20

const (
	// usualGarbage is Go's default of GOGC, in percent of the live heap; leastGarbage is the lower limit, which
	// bounds the cost of collection for any live heap.
	usualGarbage = 100
	leastGarbage = 30
)

// garbagePercent returns the value of GOGC for a live heap of inUse bytes.
func garbagePercent(inUse uint64) int {
	switch {
	case inUse <= roomyHeap/2:
		return usualGarbage
	case inUse >= roomyHeap:
		return leastGarbage
	}
	return max(int((roomyHeap-inUse)*100/inUse), leastGarbage)
}

// boundGarbage adjusts GOGC after each collection. It does nothing when the user has set GOGC or
// GOMEMLIMIT.
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
