// Package indexgen generates test data for differential tests: two to four indices of one pattern whose mappings
// differ in one way (a [Kind]), documents in them, and rules of every type on the fields that differ.
//
// A world is a function of its kind and seed. The package sends no requests: the tests find out what Elasticsearch
// makes of a world. It generates more candidate rules than needed, as only a search shows which of them match
// neither all nor no documents.
package indexgen
