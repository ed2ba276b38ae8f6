// Package store is the embedded side of the pipeline: events from files, alerts in a local
// database, no server.
//
// It is no second engine. What matches is decided by package condition under the fields of package
// mapping, what a search means by package search; this package reads, orders and keeps. It has no
// index over events: every search reads the files again, so memory does not grow with them.
//
// The flow of events: [OpenEvents] makes one pass over the files, remarks on every line that is no
// event and learns fields and index names; [Events.Search] makes another, notes the order and the
// place of each hit, and reads the hits again, page by page.
//
//	files ─► lines ─► documents ─► Matcher ─► places, sorted ─► pages of events
//
// The flow of alerts: [DB] and [Memory] hold the same records, each under its identity and once
// more under its time; both create and list, and neither changes an alert.
//
// # Events
//
// A line is a document, or an object of metadata around one as a search returns it: _source is an
// object and every other name begins with an underscore. _index and _id of a plain document are
// metadata too and not part of its source.
//
// The index of an event is its _index; else the name that data_stream.type, .dataset and
// .namespace spell; else [EventsOptions.Index]. By default that is "", the index that every
// pattern matches: a file on a laptop is offered to every rule.
//
// The identity of an event is its _id, else a hash of its content that neither the order of names
// nor white space changes. So the same event in a second run, or in a second copy of the file, is
// the same event. Two lines with the same content are two hits of a search with one identity; they
// make one alert.
package store
