package sequence_test

import (
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"tocsin/internal/match/sequence"
)

// BenchmarkSequence runs streams of several lengths with 10,000 keys through a sequence of three
// steps within a minute, a thousand events a second. Memory must not grow with the stream.
func BenchmarkSequence(b *testing.B) {
	keys := make([][]sequence.Key, 10_000)
	for i := range keys {
		keys[i] = []sequence.Key{{sequence.Text(fmt.Sprintf("host-%05d", i)), sequence.Whole(int64(i))}}
	}
	for _, n := range []int{100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("events=%d", n), func(b *testing.B) {
			peak := uint64(0)
			for b.Loop() {
				found := 0
				m := sequence.New(sequence.Spec{Missing: []bool{false, false, false}, MaxSpan: time.Minute}, func(sequence.Match[int]) bool {
					found++
					return true
				})
				random := uint64(1)
				for i := range n {
					random = random*6364136223846793005 + 1442695040888963407
					fit := sequence.Fit{Step: int(random >> 40 % 3), Keys: keys[random>>20%10_000]}
					e := sequence.Event[int]{Ordinal: sequence.Ordinal{Time: int64(i) * int64(time.Millisecond)}, Ref: i}
					if _, err := m.Add(e, []sequence.Fit{fit}); err != nil {
						b.Fatal(err)
					}
					if i%(n/8) == n/16 {
						peak = max(peak, heap())
					}
				}
				m.Finish(math.MaxInt64)
				if found == 0 {
					b.Fatal("no sequence")
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
		})
	}
}

// heap is the memory in use after a collection.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
