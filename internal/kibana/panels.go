package kibana

// panel is one part of the dashboard.
type panel struct {
	title string
	// kind is the type of its visualization.
	kind string
	// filter is a condition in KQL.
	filter string
	// by are its buckets, the first on the axis; a metric has none.
	by []column
	// x, y, w and h are its place on a grid of 48 columns.
	x, y, w, h int
}

// column is a bucket: the values of a field, or time.
type column struct {
	field, label string
	size         int
}

// The kinds of visualizations.
const (
	number = "lnsMetric"
	chart  = "lnsXY"
	table  = "lnsDatatable"
)

const timeField = "@timestamp"

// panels are the dashboard.
var panels = []panel{
	{title: "Alerts", kind: number, w: 12, h: 8},
	{title: "Open alerts", kind: number, filter: "kibana.alert.workflow_status: open", y: 8, w: 12, h: 8},
	{title: "Alerts by severity", kind: chart, by: []column{{timeField, "Time", 0}, {"kibana.alert.severity", "Severity", 4}}, x: 12, w: 36, h: 16},
	{title: "Rules", kind: table, by: []column{{"kibana.alert.rule.name", "Rule", 20}, {"kibana.alert.severity", "Severity", 4}}, y: 16, w: 24, h: 16},
	{title: "Status", kind: chart, by: []column{{"kibana.alert.workflow_status", "Status", 3}}, x: 24, y: 16, w: 12, h: 16},
	{title: "Techniques of ATT&CK", kind: table, by: []column{{"kibana.alert.rule.threat.technique.id", "Technique", 20}}, x: 36, y: 16, w: 12, h: 16},
	{title: "Hosts", kind: table, by: []column{{"host.name", "Host", 20}}, y: 32, w: 16, h: 16},
	{title: "Users", kind: table, by: []column{{"user.name", "User", 20}}, x: 16, y: 32, w: 16, h: 16},
	{title: "Tags", kind: table, by: []column{{"kibana.alert.workflow_tags", "Tag", 20}}, x: 32, y: 32, w: 16, h: 16},
}

const (
	layer          = "alerts"
	layerReference = "indexpattern-datasource-layer-" + layer
	counted        = "count"
)

// Fields are the fields that the dashboard counts alerts by, and filters by.
func Fields() []string {
	out := []string{"kibana.alert.building_block_type", "kibana.alert.workflow_status"}
	for _, p := range panels {
		for _, c := range p.by {
			out = append(out, c.field)
		}
	}
	return out
}

// embedded returns the panel as a part of a dashboard.
func (p panel) embedded(id, view string) object {
	columns := object{counted: object{
		"label": "Alerts", "customLabel": true, "dataType": "number", "operationType": "count", "isBucketed": false, "scale": "ratio", "sourceField": "___records___",
		"params": object{"emptyAsNull": false},
	}}
	order := []string{}
	for i, c := range p.by {
		name := columnName(i)
		columns[name] = c.definition()
		order = append(order, name)
	}
	order = append(order, counted)
	return object{
		"type": "lens", "panelIndex": id, "title": p.title, "gridData": object{"x": p.x, "y": p.y, "w": p.w, "h": p.h, "i": id},
		"embeddableConfig": object{"enhancements": object{}, "attributes": object{
			"title": p.title, "type": "lens", "visualizationType": p.kind,
			"references": []object{{"type": "index-pattern", "id": view, "name": layerReference}},
			"state": object{
				"visualization": p.visualization(), "query": object{"language": "kuery", "query": p.filter}, "filters": []any{},
				"datasourceStates":   object{"formBased": object{"layers": object{layer: object{"columns": columns, "columnOrder": order, "incompleteColumns": object{}}}}},
				"internalReferences": []any{}, "adHocDataViews": object{},
			},
		}},
	}
}

func columnName(i int) string { return []string{"first", "second"}[i] }

func (c column) definition() object {
	if c.field == timeField {
		return object{
			"label": c.label, "customLabel": true, "dataType": "date", "operationType": "date_histogram", "isBucketed": true, "scale": "interval", "sourceField": c.field,
			"params": object{"interval": "auto", "includeEmptyRows": true, "dropPartials": false},
		}
	}
	return object{
		"label": c.label, "customLabel": true, "dataType": "string", "operationType": "terms", "isBucketed": true, "scale": "ordinal", "sourceField": c.field,
		"params": object{
			"size": c.size, "orderBy": object{"type": "column", "columnId": counted}, "orderDirection": "desc", "otherBucket": false, "missingBucket": false,
			"parentFormat": object{"id": "terms"},
		},
	}
}

func (p panel) visualization() object {
	switch p.kind {
	case number:
		return object{"layerId": layer, "layerType": "data", "metricAccessor": counted}
	case table:
		columns := []object{}
		for i := range p.by {
			columns = append(columns, object{"columnId": columnName(i)})
		}
		return object{"layerId": layer, "layerType": "data", "columns": append(columns, object{"columnId": counted})}
	}
	series := object{"layerId": layer, "layerType": "data", "seriesType": "bar_stacked", "xAccessor": columnName(0), "accessors": []string{counted}}
	if len(p.by) > 1 {
		series["splitAccessor"] = columnName(1)
	}
	return object{
		"preferredSeriesType": "bar_stacked", "legend": object{"isVisible": true, "position": "right"}, "valueLabels": "hide", "layers": []object{series},
	}
}
