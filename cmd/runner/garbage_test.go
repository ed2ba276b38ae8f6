package main

import "testing"

func TestGarbagePercent(t *testing.T) {
	for inUse := uint64(0); inUse < 4*roomyHeap; inUse += 1 << 20 {
		percent := uint64(garbagePercent(inUse))
		heap := inUse + inUse*percent/100
		switch {
		case percent < leastGarbage || percent > usualGarbage:
			t.Errorf("%d MiB in use: %d percent", inUse>>20, percent)
		case inUse < roomyHeap/2 && percent != usualGarbage:
			t.Errorf("%d MiB in use, a small heap: %d percent", inUse>>20, percent)
		case percent > leastGarbage && heap > roomyHeap:
			t.Errorf("%d MiB in use: %d with garbage", inUse>>20, heap>>20)
		}
	}
}
