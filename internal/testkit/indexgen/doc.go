// Package indexgen makes up whole places of events for differential tests: two to four indices of one
// pattern whose mappings differ in one way (a [Kind]), documents under them, and rules of every type
// that look at what differs.
//
// A world is a function of its kind and seed. It talks to nobody: what Elasticsearch makes of a world
// is for the tests to find out. Of candidates of rules there are more than are wanted, as only a search
// tells which of them match neither everything nor nothing.
package indexgen
