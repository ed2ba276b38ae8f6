package mapping

// Types of metadata fields whose values are known for an event: its id, and the names of its index.
const (
	DocumentID Type = "_id"
	IndexName  Type = "_index"
)

// metadata are the fields that Elasticsearch adds to every document.
var metadata = map[string]bool{
	"_id": true, "_index": true, "_ignored": true, "_routing": true, "_tier": true, "_type": true, "_field_names": true,
	"_seq_no": true, "_version": true, "_source": true, "_doc_count": true, "_nested_path": true,
}

// IsMetadata reports whether a name is a metadata field, which no mapping has but a search can
// test.
func IsMetadata(name string) bool { return metadata[name] }

// Metadata returns the metadata fields whose values are known for every event.
func Metadata() Table {
	return Table{
		"_id":    {Name: "_id", Type: DocumentID},
		"_index": {Name: "_index", Type: IndexName},
	}
}

// AllMetadata returns the metadata fields of events outside an index. Fields whose values only an
// index knows are Opaque.
func AllMetadata() Table {
	all := Metadata()
	for name := range metadata {
		if _, known := all[name]; !known {
			all[name] = Field{Name: name, Type: Keyword, Opaque: "only an index knows its values"}
		}
	}
	return all
}

// IsMetadata reports whether the field's values are metadata and not in the source.
func (f *Field) IsMetadata() bool { return f.Type == DocumentID || f.Type == IndexName }

// indexedMetadata returns a metadata field in an index of a cluster, where an index also matches
// the names of its aliases, and where some values are known only to the index.
func indexedMetadata(name string) Field {
	f, known := Metadata()[name]
	switch {
	case !known:
		return Field{Name: name, Type: Keyword, Opaque: "only a search can test it"}
	case f.Type == IndexName:
		f.Unsourced = "it also stands for aliases of the index"
	}
	return f
}

// WithMetadata adds the metadata fields among names to the table of a cluster's index.
func (t Table) WithMetadata(names []string) {
	for _, name := range names {
		if IsMetadata(name) {
			t[name] = indexedMetadata(name)
		}
	}
}
