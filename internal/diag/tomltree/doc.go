// Package tomltree parses a TOML document into a tree with the position of each key and each value,
// and fills Go structs from that tree. JSON documents become the same tree, for files that use JSON
// for what others write in TOML.
//
// It is not a general TOML library: go-toml's parser does the lexing, and this package adds what a
// diagnostic needs. Decoding goes through tables of fields instead of struct tags, so that a wrong
// type or an unknown key is reported at its place and the other fields are still read.
//
// The flow: [Parse], or [ParseJSON], builds the tree and reports syntax errors and duplicate keys;
// [Into] walks a table with a [Fields] value; [Value.Find] and [Value.StringText] give later stages
// the position of a value.
package tomltree
