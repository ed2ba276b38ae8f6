package store

import (
	"regexp"
	"sync"

	"tocsin/internal/match/mapping"
)

// streamTemplate is what Elasticsearch's own index templates for data streams make of fields that no other template names:
// texts are keywords, addresses IP addresses, and messages text. The sub-field is that of other indices, for rules that name it.
const streamTemplate = `{"dynamic_templates": [
	{"addresses": {"path_match": ["ip", "*.ip", "*_ip"], "match_mapping_type": "string", "mapping": {"type": "ip"}}},
	{"messages": {"path_match": ["message", "*.message"], "match_mapping_type": "string", "mapping": {"type": "match_only_text"}}},
	{"texts": {"match_mapping_type": "string", "mapping": {
		"type": "keyword", "ignore_above": 1024, "fields": {"keyword": {"type": "keyword", "ignore_above": 1024}}
	}}}
]}`

// streamName is the form of the names of data streams, TYPE-DATASET-NAMESPACE, which those templates are for.
var streamName = regexp.MustCompile(`^(logs|metrics|traces|synthetics)-[^-]+-[^-]+$`)

// streams are the templates by the names of their indices.
var streams = sync.OnceValues(func() (*mapping.Indices, error) { return mapping.ParseIndices([]byte(streamTemplate)) })

// streamMapping returns what a data stream of that name has before its first event; nil if there is no template for it.
func streamMapping(name string) *mapping.Mapping {
	if !streamName.MatchString(name) {
		return nil
	}
	x, err := streams()
	if err != nil { // a test reads it
		return nil
	}
	return x.Merged()
}
