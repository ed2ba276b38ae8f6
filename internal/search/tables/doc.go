// Package tables defines lookup tables that searches write for other searches: a baseline fills a table, and
// detections look values up in it. A table is read and written as a whole, and its size is limited, so that
// readers never see a part of a write. The backends store the tables.
package tables
