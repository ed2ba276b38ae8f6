// Package single plans queries whose hits are single events: one condition, one search of each window.
package single
