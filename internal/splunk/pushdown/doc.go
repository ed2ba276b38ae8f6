// Package pushdown has Elasticsearch answer what it can of a search in SPL: the condition of its first command, and the
// groups that the commands behind it count. What Elasticsearch cannot answer is done over rows that are made of its hits.
//
// The flow: [Map.Select] chooses the sources of the field map that a search asks for, [View.Lower] writes its condition
// for Elasticsearch, never narrower than it is, [Rows.Row] makes of an event the row that the search is run on, and
// [Events.Groups] counts by aggregations. [Events] does all of it for the machine of package splunk.
package pushdown
