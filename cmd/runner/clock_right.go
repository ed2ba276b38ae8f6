//go:build !testclock

package main

import "time"

// wrongClock returns the offset that is added to this machine's clock. It is 0 except in builds with the tag testclock.
func wrongClock() time.Duration { return 0 }
