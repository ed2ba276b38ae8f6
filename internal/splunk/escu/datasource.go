package escu

// DataSource describes the events of one kind: where they come from and which fields they have.
type DataSource struct {
	Path, Name         string
	Source, SourceType string
	// Separator is the field that tells the kinds of one source apart, such as EventID.
	Separator string
	Fields    []string
	// Mappings name the fields of Splunk's common information model by the raw ones.
	Mappings map[string]string
	// Example is one event as it is logged.
	Example string
}

func readDataSource(o *object, path string) *DataSource {
	o.want("name")
	s := &DataSource{Path: path, Name: o.text("name"), Source: o.text("source"), SourceType: o.text("sourcetype"), Separator: o.text("separator")}
	s.Fields, s.Example = o.texts("fields"), o.text("example_log")
	s.Mappings = map[string]string{}
	for _, m := range o.objects("field_mappings") {
		fields := m.object("mapping")
		if fields.node != nil {
			for i := 0; i+1 < len(fields.node.Content); i += 2 {
				s.Mappings[fields.node.Content[i].Value] = fields.node.Content[i+1].Value
			}
		}
	}
	o.ignore("id", "version", "author", "date", "description", "supported_TA", "configuration", "convert_to_log_source", "creation_date",
		"modification_date", "separator_value", "output_fields", "mitre_components", "status", "type", "references")
	o.rest()
	return s
}
