// Package store is the embedded backend of the pipeline: events from files, alerts in a local
// database, no server.
//
// It is not a second engine. Package condition decides what matches, under the fields of package
// mapping, and package search defines the meaning of a search; this package reads, orders and
// stores. It has no index over events: every search reads the files again, so memory does not grow
// with them.
//
// The flow of events: [OpenEvents] makes one pass over the files, reports every line that is not an
// event and infers fields and index names; [Events.Search] makes another, collects the order and
// position of each hit, and reads the hits again, page by page.
//
//	files ─► lines ─► documents ─► Matcher ─► places, sorted ─► pages of events
//
// The flow of alerts: [DB] and [Memory] hold the same records, each under its identity and also
// under its time; both create and list, and neither changes an alert.
//
// # Events
//
// A line is a document, or metadata around a document as in a search response: _source is an object
// and every other name begins with an underscore. _index and _id of a plain document are metadata
// too and not part of its source.
//
// The index of an event is its _index; else the name that data_stream.type, .dataset and .namespace
// form; else [EventsOptions.Index]. By default that is "", the index that every pattern matches: a
// file on a laptop is read by every rule.
//
// The identity of an event is its _id, else a hash of its content that does not depend on the order
// of names or on white space. So the same event in a second run, or in a second copy of the file,
// is the same event. Two lines with the same content are two hits of a search with one identity;
// they make one alert.
package store
