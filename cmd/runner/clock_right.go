//go:build !testclock

package main

import "time"

// wrongClock is by how much this machine's clock is to be off: only builds for tests can be told.
func wrongClock() time.Duration { return 0 }
