// Package fieldmap says what the field names of other products mean in Elasticsearch: which events a sourcetype, a data
// model or a log source stands for, where they are, and which field holds what a search calls process, or a rule Image.
// A [Source] is for searches of Splunk, a [LogSource] for rules of Sigma.
//
// The map is data: TOML files ([Load]) over those that are shipped ([Default]). What it does not name is itself, so that
// events which were written to Elasticsearch under their own names need no map. The texts in it are read by others: the
// conditions in KQL by package membership, those in SPL by package pushdown.
package fieldmap
