// Package pushdown decides which part of a search in SPL Elasticsearch answers: the condition of the first command, and
// groups that the following commands count. The other commands run in memory, over rows that are made of hits.
//
// The flow: [Map.Select] chooses the sources of the field map that a search selects. [View.Lower] writes the search's
// condition for Elasticsearch so that it matches at least the same events. [Rows.Row] makes a row of an event, and
// [Events.Groups] counts groups by aggregations. [Events] combines all of this as a source of events for package splunk.
package pushdown
