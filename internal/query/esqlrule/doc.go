// Package esqlrule plans rules of type esql. Elasticsearch runs the query over the window, and its rows become hits.
package esqlrule
