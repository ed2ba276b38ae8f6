package mapping

// Types of fields that Elasticsearch keeps of every document itself, and whose values are known of an
// event: its id, and the names by which its index can be asked for.
const (
	DocumentID Type = "_id"
	IndexName  Type = "_index"
)

// metadata are the fields that Elasticsearch keeps of every document itself.
var metadata = map[string]bool{
	"_id": true, "_index": true, "_ignored": true, "_routing": true, "_tier": true, "_type": true, "_field_names": true,
	"_seq_no": true, "_version": true, "_source": true, "_doc_count": true, "_nested_path": true,
}

// IsMetadata reports whether a name is a field that no mapping has and a search can test all the same.
func IsMetadata(name string) bool { return metadata[name] }

// Metadata are the fields of that kind whose values are known of every event.
func Metadata() Table {
	return Table{
		"_id":    {Name: "_id", Type: DocumentID},
		"_index": {Name: "_index", Type: IndexName},
	}
}

// AllMetadata are the fields of that kind of events that no index holds: of those whose values only an
// index knows, it is known that they are there.
func AllMetadata() Table {
	all := Metadata()
	for name := range metadata {
		if _, known := all[name]; !known {
			all[name] = Field{Name: name, Type: Keyword, Opaque: "only an index knows its values"}
		}
	}
	return all
}

// IsMetadata reports whether the field's values are not those of a source.
func (f *Field) IsMetadata() bool { return f.Type == DocumentID || f.Type == IndexName }

// Indexed are the fields of metadata in the indices of a cluster, where an index can also be asked for by
// the names of its aliases, and others by what only the index knows.
func indexedMetadata(name string) Field {
	f, known := Metadata()[name]
	switch {
	case !known:
		return Field{Name: name, Type: Keyword, Opaque: "only a search can test it"}
	case f.Type == IndexName:
		f.Unsourced = "an alias of the index means it too"
	}
	return f
}

// WithMetadata adds to a table of a cluster's index those of some names that are fields of metadata.
func (t Table) WithMetadata(names []string) {
	for _, name := range names {
		if IsMetadata(name) {
			t[name] = indexedMetadata(name)
		}
	}
}
