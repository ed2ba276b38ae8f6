// Package winlog brings events of Windows that are their XML as JSON to the forms in which the field map finds them: to
// documents as Elastic's packages write them ([Document]: what the agent reads of the XML, and what the ingest pipelines of
// the data stream then move, split and remove), and under the names of Sigma's rules ([Names]). It has what tests of rules
// need of it, in our words; it is no replacement for the packages.
package winlog

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Object is a JSON object.
type Object = map[string]any

// Document makes the document of an event that is its XML as JSON (an object Event with System and EventData or UserData,
// attributes below #attributes), and says to which data stream it belongs.
func Document(event Object) (doc Object, stream string, err error) {
	root, ok := event["Event"].(Object)
	if !ok {
		return nil, "", fmt.Errorf("the event has no Event")
	}
	system, ok := root["System"].(Object)
	if !ok {
		return nil, "", fmt.Errorf("the event has no System")
	}
	d := document{}
	d.agent(joined(system))
	if data, ok := root["EventData"].(Object); ok {
		d.set("winlog.event_data", eventData(data))
	}
	if data, ok := root["UserData"].(Object); ok {
		for name, fields := range data {
			if fields, ok := fields.(Object); ok {
				said := eventData(fields)
				said["xml_name"] = name
				d.set("winlog.user_data", said)
			}
		}
	}
	return d.data, d.pipeline(), nil
}

// agent says what the agent knows of an event before any pipeline.
func (d *document) agent(system Object) {
	code := text(system["EventID"])
	provider := attributes(system["Provider"])
	d.set("winlog.channel", text(system["Channel"]))
	d.set("winlog.computer_name", text(system["Computer"]))
	d.set("winlog.event_id", code)
	d.set("winlog.provider_name", provider["Name"])
	d.set("winlog.provider_guid", provider["Guid"])
	d.set("winlog.record_id", text(system["EventRecordID"]))
	d.set("winlog.user.identifier", attributes(system["Security"])["UserID"])
	execution := attributes(system["Execution"])
	d.set("winlog.process.pid", execution["ProcessID"])
	d.set("winlog.process.thread.id", execution["ThreadID"])
	d.set("winlog.keywords", keywords(text(system["Keywords"])))
	d.set("event.code", code)
	d.set("event.kind", "event")
	d.set("event.provider", provider["Name"])
	d.set("host.name", text(system["Computer"]))
	d.set("host.os.type", "windows")
	d.set("log.level", map[string]string{"0": "information", "1": "critical", "2": "error", "3": "warning", "4": "information", "5": "verbose"}[text(system["Level"])])
	d.set("@timestamp", attributes(system["TimeCreated"])["SystemTime"])
}

func keywords(mask string) any {
	switch mask {
	case "0x8020000000000000":
		return []any{"Audit Success"}
	case "0x8010000000000000":
		return []any{"Audit Failure"}
	}
	return nil
}

// eventData are the fields of an event as texts; those without a name are param1, param2 and so on.
func eventData(data Object) Object {
	out := Object{}
	for name, value := range data {
		switch name {
		case "#attributes":
		case "Data":
			if o, ok := value.(Object); ok {
				value = o["#text"]
			}
			list, ok := value.([]any)
			if !ok {
				list = []any{value}
			}
			for i, v := range list {
				out["param"+strconv.Itoa(i+1)] = text(v)
			}
		default:
			out[name] = text(value)
		}
	}
	return out
}

// attributesOf ends the names of elements that hold the attributes of another, as some converters write them.
const attributesOf = "_attributes"

// joined puts attributes that stand beside their element below it.
func joined(part Object) Object {
	out := maps.Clone(part)
	for name, value := range part {
		if of, ok := strings.CutSuffix(name, attributesOf); ok && attributes(part[of]) == nil {
			element := Object{"#attributes": value}
			if own := part[of]; own != nil {
				element["#text"] = own
			}
			delete(out, name)
			out[of] = element
		}
	}
	return out
}

func attributes(v any) Object {
	o, _ := v.(Object)
	a, _ := o["#attributes"].(Object)
	return a
}

// text is a value as the agent has it: a text.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		return v.String()
	case Object:
		return text(v["#text"])
	}
	return fmt.Sprint(v)
}

// document is a document that is being made.
type document struct{ data Object }

// set puts a value at a path; nothing is put for nothing.
func (d *document) set(path string, value any) {
	if value == nil || value == "" {
		return
	}
	if d.data == nil {
		d.data = Object{}
	}
	at := d.data
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		next, ok := at[key].(Object)
		if !ok {
			next = Object{}
			at[key] = next
		}
		at = next
	}
	at[keys[len(keys)-1]] = value
}

func (d *document) get(path string) any {
	var at any = d.data
	for key := range strings.SplitSeq(path, ".") {
		o, ok := at.(Object)
		if !ok {
			return nil
		}
		at = o[key]
	}
	return at
}

// said is a field of the event's data.
func (d *document) said(name string) string {
	o, _ := d.get("winlog.event_data").(Object)
	s, _ := o[name].(string)
	return s
}

// drop removes fields of the event's data.
func (d *document) drop(names ...string) {
	o, _ := d.get("winlog.event_data").(Object)
	for _, name := range names {
		delete(o, name)
	}
}

// move renames a field of the event's data where the event has it.
func (d *document) move(name, path string) {
	if s := d.said(name); s != "" {
		d.set(path, s)
		d.drop(name)
	}
}

func (d *document) copy(name, path string) { d.set(path, d.said(name)) }

// number puts a field of the event's data that is a number, decimal or with 0x.
func (d *document) number(name, path string) {
	if n, err := strconv.ParseInt(d.said(name), 0, 64); err == nil {
		d.set(path, n)
	}
}

// empty removes what says nothing from the event's data.
func (d *document) empty(nothing ...string) {
	o, _ := d.get("winlog.event_data").(Object)
	maps.DeleteFunc(o, func(_ string, v any) bool { return slices.Contains(nothing, text(v)) })
}

// base is the last part of a path.
func base(path string) string { return path[strings.LastIndexByte(path, '\\')+1:] }
