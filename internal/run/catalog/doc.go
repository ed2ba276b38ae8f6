// Package catalog reads rules of every format and plans them: Elastic's files through package rule, Splunk's
// content through package escu, Sigma rules through package sigma. The result is one set of rules.
//
// A path of Splunk's content includes the macros, lookups and data sources of its library: those below the
// path, or else below the nearest parent folder that has such folders.
package catalog
