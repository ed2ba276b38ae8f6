// Package splrule plans the detections of Splunk's content: the search is run over the events that its first command asks
// for, and its rows become findings and risk events.
package splrule
