package escu

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/splunk"
)

// RiskDataset is the value of event.dataset in risk events.
const RiskDataset = "risk.event"

// Document returns the event as it is indexed, with ECS fields and further fields in risk.* and splunk.*.
//
// Its @timestamp is the end of the window. So a search over the risk of an hour finds the results of the slot at
// its start, in whichever order the detections of a slot run.
func (e RiskEvent) Document() map[string]any {
	d := e.Detection
	at := stamp(e.Latest)
	start, end := e.span()
	doc := map[string]any{
		"@timestamp": at,
		"event": map[string]any{
			"kind": "signal", "category": []string{"threat"}, "type": []string{"indicator"}, "dataset": RiskDataset, "module": "tocsin",
			"id": e.ID, "risk_score": e.Score, "start": start, "end": end,
		},
		"message": e.Message,
		"rule": map[string]any{
			"uuid": d.ID, "id": d.ID, "name": d.Name, "version": strconv.Itoa(d.Version), "ruleset": "ESCU", "category": string(d.Type),
			"description": d.Description, "author": list(d.Author), "reference": d.References,
		},
		"risk":   e.risk(),
		"splunk": e.splunk(),
	}
	if len(e.MITRE) > 0 {
		doc["threat"] = threatFields(e.MITRE)
	}
	switch e.ObjectType {
	case "system":
		doc["host"] = map[string]any{"name": e.Object}
		doc["related"] = map[string]any{"hosts": []string{e.Object}}
	case "user":
		doc["user"] = map[string]any{"name": e.Object}
		doc["related"] = map[string]any{"user": []string{e.Object}}
	}
	row := maps.Clone(e.Row)
	delete(row, "_raw")
	doc["result"] = row.Native()
	return doc
}

// risk returns the score fields, under the names of Splunk's data model.
func (e RiskEvent) risk() map[string]any {
	var threats []map[string]any
	for _, t := range e.Threats {
		threats = append(threats, map[string]any{"field": t.Field, "value": t.Value, "type": t.Type})
	}
	out := map[string]any{
		"object": e.Object, "object_type": e.ObjectType, "object_field": e.ObjectField, "normalized_object": e.Object,
		"score": e.Score, "factor_add": 0, "factor_mult": 1, "calculated_score": e.Score, "message": e.Message,
	}
	if len(threats) > 0 {
		out["threat_objects"] = threats
	}
	if len(e.Missing) > 0 {
		out["missing_fields"] = e.Missing
	}
	return out
}

func (e RiskEvent) splunk() map[string]any {
	d := e.Detection
	out := map[string]any{
		"search_name": d.SearchName(), "source": d.SearchName(),
		"info_min_time": splunk.Epoch(e.Earliest), "info_max_time": splunk.Epoch(e.Latest), "info_search_time": splunk.Epoch(e.Scheduled),
	}
	if len(d.Stories) > 0 {
		out["analyticstories"] = d.Stories
	}
	if len(e.MITRE) > 0 {
		_, tactics, _ := names(e.MITRE)
		out["annotations"] = map[string]any{"mitre_attack": techniqueIDs(e.MITRE), "mitre_tactic": tactics}
	}
	return out
}

// threatFields returns the ECS fields of the techniques. Ids and names are lists, since an event may have several
// techniques.
func threatFields(list []Technique) map[string]any {
	var ids, titles, subIDs, subTitles, tacticIDs, tactics []string
	add := func(to *[]string, value string) {
		if value != "" && !slices.Contains(*to, value) {
			*to = append(*to, value)
		}
	}
	for _, t := range list {
		if t.Parent != nil {
			add(&subIDs, t.ID)
			add(&subTitles, t.Name)
		}
		add(&ids, t.ID)
		add(&titles, t.Name)
		for _, tactic := range t.Tactics {
			add(&tacticIDs, tactic.ID)
			add(&tactics, tactic.Name)
		}
	}
	technique := map[string]any{"id": ids, "name": titles}
	if len(subIDs) > 0 {
		technique["subtechnique"] = map[string]any{"id": subIDs, "name": subTitles}
	}
	return map[string]any{
		"framework": "MITRE ATT&CK", "technique": technique, "tactic": map[string]any{"id": tacticIDs, "name": tactics},
	}
}

// span returns the time range of the events behind the row if the row has it, otherwise the window.
func (e RiskEvent) span() (start, end string) {
	first, last := e.moment("firstTime"), e.moment("lastTime")
	if at := e.moment("_time"); first.IsZero() && last.IsZero() {
		first, last = at, at
	}
	if first.IsZero() || last.Before(first) {
		first, last = e.Earliest, e.Latest
	}
	return stamp(first), stamp(last)
}

// moment parses a time field: seconds, or the text that convert makes.
func (e RiskEvent) moment(field string) time.Time {
	v := e.Row.Get(field)
	if seconds, ok := v.Float(); ok {
		return time.UnixMilli(int64(seconds * 1000)).UTC()
	}
	t, err := time.Parse("2006-01-02T15:04:05", v.String())
	if err != nil {
		return time.Time{}
	}
	return t
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func list(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}
