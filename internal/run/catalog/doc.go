// Package catalog reads rules of every format and plans them: Elastic's files through package rule,
// Splunk's content through package escu, rules of Sigma through package sigma. Behind it all of them are rules of one set.
//
// A path of Splunk's content brings the macros, lookups and data sources of its library along: those
// below it, else those of the nearest folder above it that has such folders.
package catalog
