// Package threatmatch plans rules of type threat_match. One search reads the indicators into memory, and each event of
// another search is compared with them.
package threatmatch
