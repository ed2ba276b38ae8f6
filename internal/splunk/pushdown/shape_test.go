package pushdown_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/pushdown"
	"tocsin/internal/translate/spl"
)

// shaped is one event in the shapes that it may be written in, and a search with the row that it makes.
var shaped = map[string]struct {
	search string
	events map[string]string
	row    map[string]any
}{
	"processes": {
		`| tstats count from datamodel=Endpoint.Processes where Processes.process_name=cmd.exe by Processes.process_name Processes.process Processes.dest Processes.user Processes.parent_process_name`,
		map[string]string{
			"ecs":    `"event":{"category":["process"],"type":["start"]},"process":{"name":"cmd.exe","command_line":"cmd /c x","parent":{"name":"a.exe"}},"host":{"name":"w1"},"user":{"name":"bob"}`,
			"tagged": `"tag":["process","report"],"process_name":"cmd.exe","process":"cmd /c x","dest":"w1","user":"bob","parent_process_name":"a.exe"`,
			"bare":   `"process_name":"cmd.exe","process":"cmd /c x","dest":"w1","user":"bob","parent_process_name":"a.exe"`,
			"prefix": `"Processes.process_name":"cmd.exe","Processes.process":"cmd /c x","Processes.dest":"w1","Processes.user":"bob","Processes.parent_process_name":"a.exe"`,
			"sysmon": `"source":"XmlWinEventLog:Microsoft-Windows-Sysmon/Operational","sourcetype":"XmlWinEventLog","EventCode":"1","Image":"C:\\Windows\\cmd.exe","CommandLine":"cmd /c x","Computer":"w1","User":"bob","ParentImage":"C:\\a.exe"`,
			"4688":   `"source":"XmlWinEventLog:Security","EventCode":4688,"NewProcessName":"C:\\Windows\\cmd.exe","CommandLine":"cmd /c x","Computer":"w1","SubjectUserName":"bob","ParentProcessName":"C:\\a.exe"`,
		},
		map[string]any{"Processes.process_name": "cmd.exe", "Processes.process": "cmd /c x", "Processes.dest": "w1", "Processes.user": "bob", "Processes.parent_process_name": "a.exe"},
	},
	"registry": {
		`| tstats count from datamodel=Endpoint.Registry where Registry.registry_path="*\\Run\\*" by Registry.registry_path Registry.dest`,
		map[string]string{
			"ecs":    `"event":{"category":["registry"]},"registry":{"path":"HKLM\\Run\\x"},"host":{"name":"w1"}`,
			"tagged": `"tag":["endpoint","registry"],"registry_path":"HKLM\\Run\\x","dest":"w1"`,
			"bare":   `"registry_path":"HKLM\\Run\\x","dest":"w1"`,
			"prefix": `"Registry":{"registry_path":"HKLM\\Run\\x","dest":"w1"}`,
			"sysmon": `"source":"XmlWinEventLog:Microsoft-Windows-Sysmon/Operational","EventCode":"13","TargetObject":"HKLM\\Run\\x","Computer":"w1"`,
		},
		map[string]any{"Registry.registry_path": `HKLM\Run\x`, "Registry.dest": "w1"},
	},
	"files": {
		`| tstats count from datamodel=Endpoint.Filesystem where Filesystem.file_name=*.exe by Filesystem.file_name Filesystem.dest`,
		map[string]string{
			"ecs":    `"event":{"category":["file"]},"file":{"name":"x.exe"},"host":{"name":"w1"}`,
			"tagged": `"tag":["endpoint","filesystem"],"file_name":"x.exe","dest":"w1"`,
			"bare":   `"file_name":"x.exe","dest":"w1"`,
			"sysmon": `"source":"XmlWinEventLog:Microsoft-Windows-Sysmon/Operational","EventCode":"11","TargetFilename":"C:\\x.exe","Computer":"w1"`,
		},
		map[string]any{"Filesystem.file_name": "x.exe", "Filesystem.dest": "w1"},
	},
	"traffic": {
		`| tstats count from datamodel=Network_Traffic.All_Traffic where All_Traffic.dest_port=22 by All_Traffic.dest_port All_Traffic.src`,
		map[string]string{
			"ecs":    `"event":{"category":["network"]},"destination":{"port":22},"source":{"address":"10.0.0.1"}`,
			"tagged": `"tag":["network","communicate"],"dest_port":22,"src":"10.0.0.1"`,
			"bare":   `"dest_port":"22","src":"10.0.0.1"`,
		},
		map[string]any{"All_Traffic.dest_port": "22", "All_Traffic.src": "10.0.0.1"},
	},
	"words of registry": {
		`| tstats count from datamodel=Endpoint.Registry where Registry.action=Modified NOT Registry.action=cre* by Registry.action`,
		map[string]string{
			"ecs":    `"event":{"category":["registry"],"action":"modification"}`,
			"sysmon": `"event":{"category":["registry"],"action":"Registry value set (rule: RegistryEvent)"}`,
			"own":    `"event":{"category":["registry"],"action":"modified"}`,
			"tagged": `"tag":["endpoint","registry"],"action":"modified"`,
		},
		map[string]any{"Registry.action": "modified"},
	},
	"words of files": {
		`| tstats count from datamodel=Endpoint.Filesystem where Filesystem.action!=created Filesystem.action IN (deleted, x) by Filesystem.action`,
		map[string]string{
			"ecs":    `"event":{"category":["file"],"action":"deletion"}`,
			"tagged": `"tag":["endpoint","filesystem"],"action":"deleted"`,
		},
		map[string]any{"Filesystem.action": "deleted"},
	},
	"names": {
		`| tstats count from datamodel=Network_Resolution.DNS by DNS.query`,
		map[string]string{
			"ecs":    `"dns":{"question":{"name":"a.b"}}`,
			"tagged": `"tag":["network","resolution","dns"],"query":"a.b"`,
			"bare":   `"query":"a.b","record_type":"A"`,
			"sysmon": `"source":"XmlWinEventLog:Microsoft-Windows-Sysmon/Operational","EventCode":"22","QueryName":"a.b"`,
		},
		map[string]any{"DNS.query": "a.b"},
	},
	"mail": {
		`| tstats count from datamodel=Email.All_Email by All_Email.recipient`,
		map[string]string{
			"tagged": `"tag":["email","delivery"],"recipient":"a@b"`,
			"bare":   `"recipient":"a@b","subject":"s"`,
			"prefix": `"All_Email.recipient":"a@b"`,
		},
		map[string]any{"All_Email.recipient": "a@b"},
	},
	"logons": {
		`| tstats count from datamodel=Authentication where Authentication.action=failure by Authentication.user`,
		map[string]string{
			"ecs":    `"event":{"category":["authentication"],"outcome":"failure"},"user":{"name":"bob"}`,
			"tagged": `"tag":["authentication"],"action":"failure","user":"bob"`,
		},
		map[string]any{"Authentication.user": "bob"},
	},
	"sysmon as it is": {
		`source="XmlWinEventLog:Microsoft-Windows-Sysmon/Operational" EventCode=1 process_name=cmd.exe | stats count by process_name dest user`,
		map[string]string{
			"raw":    `"source":"XmlWinEventLog:Microsoft-Windows-Sysmon/Operational","EventCode":"1","Image":"C:\\Windows\\cmd.exe","Computer":"w1","User":"bob"`,
			"filled": `"source":"XmlWinEventLog:Microsoft-Windows-Sysmon/Operational","EventCode":"1","process_name":"cmd.exe","dest":"w1","user":"bob"`,
			"ecs":    `"event":{"provider":"Microsoft-Windows-Sysmon","code":"1"},"process":{"name":"cmd.exe"},"host":{"name":"w1"},"user":{"name":"bob"}`,
		},
		map[string]any{"process_name": "cmd.exe", "dest": "w1", "user": "bob"},
	},
}

// foreign are events of other kinds, in both shapes: none of them is of a dataset above.
var foreign = []string{
	`"tag":["web"],"url":"http://x/","http_method":"GET","user":"eve","dest":"w9"`,
	`"event":{"category":["iam"]},"user":{"name":"eve"}`,
	`"sourcetype":"other","message":"cmd.exe 22 a.b"`,
	`"tag":["change","audit"],"object":"o","action":"created"`,
	`"event":{"category":["registry"],"action":"creation"}`,
	`"event":{"category":["file"],"action":"creation"}`,
}

// lookAt runs a search over events in a file.
func lookAt(t *testing.T, query string, events ...string) []map[string]any {
	t.Helper()
	var text strings.Builder
	for i, e := range events {
		index := "splunk-x"
		if strings.Contains(e, `"event":{`) {
			index = "logs-windows.sysmon_operational-x"
		}
		fmt.Fprintf(&text, `{"_index":%q,"_id":"%d","_source":{"@timestamp":"2026-01-01T10:00:00Z",%s}}`+"\n", index, i, e)
	}
	read, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(text.String())})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	defer func() { _ = read.Close() }()
	s, diags := spl.ParseText(diag.NewText("search", query), none{})
	if s == nil {
		t.Fatal(diags)
	}
	source := &pushdown.Events{Search: read, Map: pushdown.Default(), Index: []string{"splunk-*", "logs-*"}}
	at := func(hour int) time.Time { return time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC) }
	var got []map[string]any
	err = splunk.Run(t.Context(), s, splunk.Env{}, source, splunk.Window{Earliest: at(9), Latest: at(12), Now: at(12)}, func(row splunk.Row) error {
		native := row.Native()
		for name, v := range native {
			if name != "count" {
				native[name] = fmt.Sprint(v)
			}
		}
		got = append(got, native)
		return nil
	})
	if err != nil {
		t.Fatal(query, err)
	}
	return got
}

// TestShapes wants one event to make the same row in whatever shape it is, alone and among others.
func TestShapes(t *testing.T) {
	for name, tt := range shaped {
		all := slices.Clone(foreign)
		for shape, e := range tt.events {
			want := map[string]any{"count": int64(1)}
			maps.Copy(want, tt.row)
			if diff := cmp.Diff([]map[string]any{want}, lookAt(t, tt.search, e)); diff != "" {
				t.Errorf("%s, %s alone (-want +got):\n%s", name, shape, diff)
			}
			if diff := cmp.Diff([]map[string]any{want}, lookAt(t, tt.search, append(slices.Clone(foreign), e)...)); diff != "" {
				t.Errorf("%s, %s among others (-want +got):\n%s", name, shape, diff)
			}
			all = append(all, e)
		}
		want := map[string]any{"count": int64(len(tt.events))}
		maps.Copy(want, tt.row)
		if diff := cmp.Diff([]map[string]any{want}, lookAt(t, tt.search, all...)); diff != "" {
			t.Errorf("%s, all shapes (-want +got):\n%s", name, diff)
		}
		if got := lookAt(t, tt.search, foreign...); len(got) > 0 {
			t.Errorf("%s: others make %v", name, got)
		}
	}
}

// TestUnmappedModel wants a dataset that no source is for to be refused, and not to be all events or none.
func TestUnmappedModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := rapid.SampledFrom([]string{"Own_Model", "Endpoint.Nowhere", "Splunk_Audit.Searches"}).Draw(t, "model")
		name, dataset, _ := strings.Cut(model, ".")
		if pushdown.Default().Knows(name, dataset) {
			t.Fatalf("%s is known", model)
		}
		e := &pushdown.Events{Map: pushdown.Default(), Index: []string{"*"}}
		plan, diags := e.Bind(splunk.Scan{Model: name, Dataset: dataset}, targetOf(rapid.Bool().Draw(t, "assumed")))
		if plan != nil || !diags.HasErrors() || !strings.Contains(diags.Err().Error(), model) {
			t.Fatalf("%s: %v, %v", model, plan, diags)
		}
	})
	data, err := json.Marshal(pushdown.Unmapped("A", ""))
	if err != nil || !strings.Contains(string(data), "which events are A:") {
		t.Errorf("%s, %v", data, err)
	}
}

func targetOf(assumed bool) search.Target {
	if assumed {
		return search.Target{Indices: []string{"a"}, Fields: mapping.Assumed()}
	}
	return search.Target{Indices: []string{"a"}, Fields: narrow}
}
