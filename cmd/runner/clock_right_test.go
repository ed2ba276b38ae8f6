//go:build !testclock

package main

import "testing"

// TestClockIsTheMachines: what the tests of the service set means nothing to what is shipped.
func TestClockIsTheMachines(t *testing.T) {
	t.Setenv("TOCSIN_CLOCK_OFFSET", "72h")
	if wrong := wrongClock(); wrong != 0 {
		t.Errorf("the clock is off by %s", wrong)
	}
}
