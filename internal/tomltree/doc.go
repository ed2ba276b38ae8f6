// Package tomltree reads a TOML document into a tree that knows where each key and each value
// stands, and fills Go structs from that tree. JSON documents become the same tree, for files that
// say in JSON what others say in TOML.
//
// It is not a general TOML library: go-toml's parser does the lexing, this package adds what a
// diagnostic needs. Decoding goes through tables of fields instead of struct tags, so that a
// wrong type or an unknown key is reported at its place and the other fields are still read.
//
// The flow: [Parse], or [ParseJSON], builds the tree and reports syntax errors and duplicate keys; [Into]
// walks a table with a [Fields] value; [Value.Find] and [Value.StringText] give later stages the
// place of a value.
package tomltree
