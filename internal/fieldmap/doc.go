// Package fieldmap maps the names of other products to Elasticsearch: which events a sourcetype, a data model or a log
// source stands for, which indices they are in, and which field has the value that a search calls process, or a rule Image.
// A [Source] is for searches of Splunk, a [LogSource] for rules of Sigma.
//
// The map is data: TOML files ([Load]) that extend the shipped ones ([Default]). Names that are not in the map are not
// changed, so events that are stored under their own names need no map. Conditions in the map are parsed elsewhere: in KQL
// by package membership, in SPL by package pushdown.
package fieldmap
