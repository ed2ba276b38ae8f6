// Package tables has the tables that searches write for other searches: lookups that a baseline search fills and that
// detections use. A table is read and written as a whole and has a maximum size, so that it is never incomplete. Backends
// store the tables.
package tables
