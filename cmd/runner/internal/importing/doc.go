// Package importing makes rule files of what others publish or export: Kibana exports become files in TOML, one for each rule
// and each list of exceptions; files in TOML get their normal form; files in YAML, which are rules as they are, are copied
// with the macros and lookups that they use.
//
// The flow: [Read] reads sources into [File]s and [Note]s, [Place] decides where they go, [File.Write] writes. Reading the same
// sources again gives the same files.
package importing
