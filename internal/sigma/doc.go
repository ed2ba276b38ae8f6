// Package sigma loads files of Sigma: detections, filters and correlations.
//
// The flow: whoever reads the folders, once for all formats in YAML, hands to [Load] the files that [Is]
// tells from others; it reads their documents (library.go), merges those of the old form with action (legacy.go), and reads each for what it is (document.go,
// filter.go, correlation.go); filters are told to the rules that they apply to. [Rule.Rule] is a
// detection as a rule of the model (model.go), and [Rule.Condition] what it asks of an event, for
// package query.
package sigma
