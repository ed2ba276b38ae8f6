// Package geoip looks addresses up in a database in MaxMind's format, of the kind that has cities or
// countries.
package geoip
