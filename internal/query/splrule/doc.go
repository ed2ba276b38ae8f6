// Package splrule plans the detections of Splunk's content. A search runs over the events that its first command selects,
// and its rows become findings and risk events.
package splrule
