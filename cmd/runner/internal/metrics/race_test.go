//go:build race

package metrics_test

// slower is how much longer everything may take under the race detector.
const slower = 15
