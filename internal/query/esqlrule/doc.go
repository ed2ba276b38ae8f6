// Package esqlrule plans rules of type esql: the query is sent as it is, less the window, and its rows become hits.
package esqlrule
