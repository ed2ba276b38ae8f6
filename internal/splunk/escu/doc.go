// Package escu reads Splunk's security content: detections in the three generations of its YAML,
// macros, lookups and data sources.
//
// It runs nothing. The flow: load.go walks files and tells what each is by its keys, detection.go
// and risk.go bring the generations to one [Detection], schedule.go and attack.go fill in what the
// files leave to defaults and tables, and [Library.Parse] makes a search of a detection with the
// macros of its library. Texts keep their places in the file, however YAML writes them (yamltext.go),
// so that a fault in a search is shown under the character that it is about.
//
// What a file says and is not known is a warning: the format grows with every release.
package escu
