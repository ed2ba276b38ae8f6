// Package catalog reads rules of every format and plans them: Elastic's files through package rule,
// Splunk's content through package escu. Behind it all of them are rules of one set.
//
// A path of Splunk's content brings the macros, lookups and data sources of its library along: those
// below it, or else the folders below the nearest parent folder that has any.
package catalog
