// Package threatmatch plans rules of type threat_match: the indicators of one search are kept in memory, and the events of
// another are looked up among them.
package threatmatch
