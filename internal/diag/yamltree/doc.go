// Package yamltree reads YAML into a tree in which every node knows its place, so that what is wrong
// with a value can be shown where it stands.
//
// Scalars keep the text that their value stands for: a whole number its decimal form, however it is
// written. Only true and false are booleans.
package yamltree
