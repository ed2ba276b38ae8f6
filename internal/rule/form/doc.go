// Package form gives rule files in TOML their normal form: the order of tables and keys, indentation and blank lines. It
// does not know what keys mean.
//
// Values stay as they are written, except that lists are laid out anew. Comments stay: a comment belongs to what follows it,
// or to what is before it on its line. The flow: parse reads a text as blocks (a table header and what is below it) of
// statements, sort orders both, and print writes them.
package form
