package plans_test

import "testing"

// BenchmarkSetBuild is what it takes to compile all rules and to arrange them by a sample of 300 events.
func BenchmarkSetBuild(b *testing.B) {
	all := members(eventRules(b), 1)
	b.ReportAllocs()
	for b.Loop() {
		newSetRun(b, all)
	}
}
