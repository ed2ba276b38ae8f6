// Package tables keeps tables that searches write for other searches: lookups that a baseline fills and
// detections look up in. A table is read and written as a whole, and bounded, so that it is never
// half of what somebody wrote. Where tables are kept is for the packages of places.
package tables
