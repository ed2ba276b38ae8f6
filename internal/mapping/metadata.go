package mapping

// metadata are the fields that Elasticsearch keeps of every document itself.
var metadata = map[string]bool{
	"_id": true, "_index": true, "_ignored": true, "_routing": true, "_tier": true, "_type": true, "_field_names": true,
	"_seq_no": true, "_version": true, "_source": true, "_doc_count": true, "_nested_path": true,
}

// IsMetadata reports whether a name is a field that no mapping has and a search can test all the same.
func IsMetadata(name string) bool { return metadata[name] }
