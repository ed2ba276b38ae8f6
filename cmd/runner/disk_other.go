//go:build !linux && !darwin

package main

// diskRoom is not known on this system.
func diskRoom(string) (free, total uint64, ok bool) { return 0, 0, false }
