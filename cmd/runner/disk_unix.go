//go:build linux || darwin

package main

import "syscall"

// diskRoom returns the room of the file system that a directory is on; ok is false if it is not known.
func diskRoom(dir string) (free, total uint64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, false
	}
	block := uint64(s.Bsize) //nolint:gosec // the type differs between systems
	return s.Bavail * block, s.Blocks * block, true
}
