// Package fieldmap says what names that Splunk's searches use mean in Elasticsearch: which events a
// sourcetype or a data model stands for, and which field holds what a search calls process.
//
// The map is data: TOML files ([Load]) over those that are shipped ([Default]). What it does not
// name is itself, so that events which were written to Elasticsearch as Splunk has them need none.
// The flow: [Map.Select] looks at what a search asks for and chooses sources, [View.Lower] writes
// its condition for Elasticsearch, never narrower than it is, and [View.Row] makes of an event the
// row that the search is run on.
package fieldmap
