package escu

// DataSource describes one kind of events: their source and their fields.
type DataSource struct {
	Path, Name         string
	Source, SourceType string
	// Separator is the field that distinguishes the kinds of events of a source, such as EventID.
	Separator string
	Fields    []string
	// Mappings maps raw field names to names of Splunk's Common Information Model.
	Mappings map[string]string
	// Example is one event as logged.
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
