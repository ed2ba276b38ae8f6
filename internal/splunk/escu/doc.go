// Package escu reads Splunk's security content: detections in the three generations of its YAML,
// macros, lookups and data sources.
//
// It runs nothing. The flow: load.go walks files and recognises each by its keys; detection.go and risk.go convert
// the three generations to one [Detection]; schedule.go and attack.go add defaults and tables; [Library.Parse]
// parses the search of a detection with the macros of its library. Texts keep their positions in the file,
// whatever YAML style they have (yamltext.go), so that errors in a search point to the right character.
//
// An unknown key in a file is a warning: the format grows with every release.
package escu
