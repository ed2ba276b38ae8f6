package fieldmap_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/fieldmap/winlog"
	"tocsin/internal/splunk/pushdown"
	"tocsin/internal/translate/membership"
)

// TestShippedMaps wants nothing to be said of them: neither an error nor a warning.
func TestShippedMaps(t *testing.T) {
	files, err := filepath.Glob("maps/*.toml")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, diags := fieldmap.Load(diag.NewText(file, string(text)), membership.Check, pushdown.Check); len(diags) > 0 {
			t.Errorf("%s: %v", file, diags)
		}
	}
}

func TestLoadRefusesLogSources(t *testing.T) {
	head := "[[logsource]]\nname = \"a\"\n"
	for content, want := range map[string]string{
		"[[logsource]]\nproduct = \"a\"":                                    "a log source has no name",
		head + "index = [\"a\"]":                                            "has neither product, category nor service",
		head + "product = \"p\"\nwhere = \"a:b\"":                           "has a where, and no index",
		head + "product = \"p\"\nonly = true":                               "names none",
		head + "product = \"p\"\nshape = \"cim\"":                           "neither ecs nor sigma",
		head + "product = \"p\"\nindex = [\"a\"]\nwhere = \"a:(\"":          "map.toml:5",
		head + "product = \"p\"\nfields = { A = 1 }":                        "fields.A",
		head + "product = \"p\"\nfields = { A = [] }":                       "names no field",
		head + "product = \"p\"\nfields = { A = \"\" }":                     "names no field",
		head + "product = \"p\"\nfields = { A = \"{b\" }":                   "neither a field nor a text",
		head + "product = \"p\"\nfields = { A = \"b}\" }":                   "neither a field nor a text",
		head + "product = \"p\"\nfields = { A = { in = \"b\", values = 1 }": "map.toml:4",
		head + "product = \"p\"\n" + head + "product = \"q\"":               "there are two log sources a",
	} {
		_, diags := fieldmap.Load(diag.NewText("map.toml", content), membership.Check, pushdown.Check)
		if err := diags.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", content, err, want)
		}
	}
}

func ownMap(t *testing.T, text string) fieldmap.Map {
	t.Helper()
	m, diags := fieldmap.Load(diag.NewText("own.toml", text), membership.Check, pushdown.Check)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return m
}

// TestEvents asks a map of its own for log sources.
func TestEvents(t *testing.T) {
	m := ownMap(t, `
[[logsource]]
name = "w"
product = "w"
also = ["beat-*"]
prefix = ["data."]
dropped = ["-"]
fields = { ID = "event.code" }
[[logsource]]
name = "w/proc"
product = "w"
category = "proc"
index = ["proc-*"]
where = "kind:proc"
fields = { Image = ["process.executable", "data.Image"] }
[[logsource]]
name = "w//chan"
product = "w"
service = ["chan", "channel"]
index = ["chan-*"]
where = "channel:c"
names = ["Known"]
[[logsource]]
name = "l/proc"
product = "l"
category = "proc"
index = ["l-*"]
`)
	type found struct {
		Name         string
		Index, Where []string
		Dropped      []string
	}
	chanEvents := found{"w//chan", []string{"chan-*", "beat-*"}, []string{"channel:c"}, []string{"-"}}
	proc := found{"w/proc", []string{"proc-*", "beat-*"}, []string{"kind:proc"}, []string{"-"}}
	linux := found{"l/proc", []string{"l-*"}, nil, nil}
	for _, tt := range []struct {
		log  fieldmap.Log
		want []found
	}{
		{fieldmap.Log{Product: "w", Category: "proc"}, []found{proc}},
		{fieldmap.Log{Product: "W", Category: "Proc"}, []found{proc}},
		{fieldmap.Log{Product: "w", Service: "channel"}, []found{chanEvents}},
		// A service beside a category is one condition more.
		{fieldmap.Log{Product: "w", Category: "proc", Service: "chan"}, []found{{"w/proc", []string{"proc-*", "beat-*"}, []string{"kind:proc", "channel:c"}, []string{"-"}}}},
		// A service that nobody knows does not hide the category.
		{fieldmap.Log{Product: "w", Category: "proc", Service: "other"}, []found{proc}},
		// What a rule leaves out is any.
		{fieldmap.Log{Category: "proc"}, []found{proc, linux}},
		{fieldmap.Log{Product: "w"}, []found{proc, chanEvents}},
		{fieldmap.Log{Product: "w", Service: "other"}, nil},
		{fieldmap.Log{Product: "x", Category: "proc"}, nil},
		{fieldmap.Log{Category: "file"}, nil},
	} {
		var got []found
		for _, e := range m.Events(tt.log) {
			f := found{Name: e.Name, Index: e.Index, Dropped: e.Dropped}
			for _, w := range e.Where {
				f.Where = append(f.Where, w.Value)
			}
			got = append(got, f)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%v (-want +got):\n%s", tt.log, d)
		}
	}
	e := m.Events(fieldmap.Log{Product: "w", Category: "proc", Service: "chan"})[0]
	for _, tt := range []struct {
		name  string
		want  []string
		known bool
	}{
		{"Image", []string{"process.executable", "data.Image", "Image"}, true},
		{"ID", []string{"event.code", "ID"}, true},
		{"Known", []string{"data.Known", "Known"}, true},
		{"image", []string{"data.image", "image"}, false},
		{"process.name", []string{"data.process.name", "process.name"}, false},
	} {
		_, known := e.Places(tt.name)
		if got := places(e, tt.name); known != tt.known || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v", tt.name, got, known)
		}
	}
}

// TestOwnLogSources puts a user's map over another.
func TestOwnLogSources(t *testing.T) {
	shipped := ownMap(t, "[[logsource]]\nname = \"w/proc\"\nproduct = \"w\"\ncategory = \"proc\"\nindex = [\"proc-*\"]\nwhere = \"kind:proc\"\nfields = { Image = \"process.executable\" }\n")
	log := fieldmap.Log{Product: "w", Category: "proc"}
	for name, tt := range map[string]struct {
		own           string
		index, places []string
	}{
		"a field":          {"[[logsource]]\nname = \"mine\"\nproduct = \"w\"\ncategory = \"proc\"\nfields = { User = \"who\" }", []string{"proc-*"}, []string{"process.executable", "Image"}},
		"another place":    {"[[logsource]]\nname = \"mine\"\nproduct = \"w\"\ncategory = \"proc\"\nfields = { Image = \"exe\" }", []string{"proc-*"}, []string{"exe", "Image"}},
		"more indices":     {"[[logsource]]\nname = \"mine\"\nproduct = \"w\"\nalso = [\"mine-*\"]", []string{"proc-*", "mine-*"}, []string{"process.executable", "Image"}},
		"other indices":    {"[[logsource]]\nname = \"mine\"\nproduct = \"w\"\nalso = [\"mine-*\"]\nonly = true", []string{"mine-*"}, []string{"process.executable", "Image"}},
		"in its place":     {"[[logsource]]\nname = \"w/proc\"\nproduct = \"w\"\ncategory = \"proc\"\nindex = [\"mine-*\"]\nfields = { Image = \"exe\" }", []string{"mine-*"}, []string{"exe", "Image"}},
		"beside it":        {"[[logsource]]\nname = \"mine\"\nproduct = \"w\"\ncategory = \"proc\"\nindex = [\"mine-*\"]", []string{"mine-*"}, []string{"process.executable", "Image"}},
		"names as rules":   {"[[logsource]]\nname = \"mine\"\nproduct = \"w\"\ncategory = \"proc\"\nindex = [\"mine-*\"]\nshape = \"sigma\"", []string{"mine-*"}, []string{"Image"}},
		"more particular":  {"[[logsource]]\nname = \"mine\"\nproduct = \"w\"\ncategory = \"proc\"\nservice = \"s\"\nindex = [\"mine-*\"]", []string{"proc-*"}, []string{"process.executable", "Image"}},
		"something else":   {"[[logsource]]\nname = \"mine\"\nproduct = \"w\"\ncategory = \"file\"\nindex = [\"mine-*\"]", []string{"proc-*"}, []string{"process.executable", "Image"}},
		"without an index": {"[[logsource]]\nname = \"w/proc\"\nproduct = \"w\"\ncategory = \"proc\"", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			events := shipped.Over(ownMap(t, tt.own)).Events(log)
			if len(events) == 0 {
				if tt.index != nil {
					t.Fatal("no events")
				}
				return
			}
			if got := events[0].Index; !slices.Equal(got, tt.index) {
				t.Errorf("in %v, want %v", got, tt.index)
			}
			if got := places(events[0], "Image"); !slices.Equal(got, tt.places) {
				t.Errorf("Image is at %v, want %v", got, tt.places)
			}
		})
	}
}

// TestWindowsEvents has events of our own, with what converters get wrong.
func TestWindowsEvents(t *testing.T) {
	sysmon := func(code int, data map[string]any) map[string]any {
		return map[string]any{"Event": map[string]any{"System": map[string]any{
			"Provider": map[string]any{"#attributes": map[string]any{"Name": "Microsoft-Windows-Sysmon"}}, "EventID": float64(code), "Level": float64(4), "Channel": "Microsoft-Windows-Sysmon/Operational",
		}, "EventData": data}}
	}
	for name, tt := range map[string]struct {
		category string
		event    map[string]any
		// values are what rules may ask for; "" and "-" are asked of events that had them.
		values map[string]string
	}{
		"a process": {"process_creation", sysmon(1, map[string]any{
			"Image": `C:\a\x.exe`, "CommandLine": "x -y", "ParentImage": "-", "ParentCommandLine": "", "User": `CORP\jo`, "OriginalFileName": "x.exe",
			"Hashes": "MD5=AB,SHA256=CD,IMPHASH=EF", "ProcessId": float64(7), "IntegrityLevel": "High", "Company": "C", "ProcessGuid": "{1}",
		}), map[string]string{
			"Image": `c:\A\x.exe`, "CommandLine": "x -y", "ParentImage": "-", "ParentCommandLine": "", "User": `corp\jo`, "Hashes": "MD5=ab,SHA256=cd,IMPHASH=ef",
			"ProcessId": "7", "IntegrityLevel": "High", "Company": "C", "EventID": "1", "Level": "4", "OriginalFileName": "x.exe", "ProcessGuid": "{1}",
		}},
		"a connection": {"network_connection", sysmon(3, map[string]any{
			"Image": `C:\x.exe`, "Initiated": "true", "Protocol": "tcp", "SourceIsIpv6": "false", "DestinationIp": "10.0.0.1", "DestinationPort": "443", "DestinationHostname": "-",
		}), map[string]string{"Initiated": "true", "SourceIsIpv6": "false", "DestinationIp": "10.0.0.1", "DestinationPort": "443", "DestinationHostname": "-", "Protocol": "TCP"}},
		"a connection from outside": {"network_connection", sysmon(3, map[string]any{"Initiated": "false", "SourceIsIpv6": "true"}), map[string]string{"Initiated": "false", "SourceIsIpv6": "true", "Image": ""}},
		"a library": {"image_load", sysmon(7, map[string]any{
			"Image": `C:\x.exe`, "ImageLoaded": `C:\y.dll`, "Signed": "false", "Signature": "-", "SignatureStatus": "Unavailable", "Hashes": "IMPHASH=EF", "OriginalFileName": "y.dll",
		}), map[string]string{"ImageLoaded": `C:\y.dll`, "Signed": "false", "Signature": "-", "SignatureStatus": "Unavailable", "Hashes": "IMPHASH=EF", "OriginalFileName": "y.dll"}},
		"a value of the registry": {"registry_set", sysmon(13, map[string]any{
			"TargetObject": `HKLM\a\b`, "Details": "DWORD (0x00000001)", "EventType": "SetValue",
		}), map[string]string{"TargetObject": `HKLM\a\b`, "Details": "DWORD (0x00000001)", "EventType": "SetValue"}},
		"a key that is gone": {"registry_delete", sysmon(12, map[string]any{"TargetObject": `HKLM\a`, "EventType": "DeleteKey"}), map[string]string{"TargetObject": `HKLM\a`, "EventType": "DeleteKey"}},
		"a pipe":             {"pipe_created", sysmon(17, map[string]any{"PipeName": `\p`, "Image": "System"}), map[string]string{"PipeName": `\p`, "Image": "System"}},
		"access":             {"process_access", sysmon(10, map[string]any{"SourceImage": `C:\x.exe`, "TargetImage": `C:\l.exe`, "GrantedAccess": "0x1010"}), map[string]string{"SourceImage": `C:\x.exe`, "TargetImage": `C:\l.exe`, "GrantedAccess": "0x1010"}},
		"a stream":           {"create_stream_hash", sysmon(15, map[string]any{"TargetFilename": `C:\f:s`, "Hash": "SHA1=AB", "Contents": "z"}), map[string]string{"TargetFilename": `C:\f:s`, "Hash": "SHA1=AB", "Contents": "z"}},
	} {
		t.Run(name, func(t *testing.T) {
			doc, _, err := winlog.Document(tt.event)
			if err != nil {
				t.Fatal(err)
			}
			for _, category := range []string{"process_creation", "network_connection", "image_load", "registry_set", "registry_delete", "registry_add", "pipe_created", "process_access", "create_stream_hash"} {
				events := fieldmap.Default().Events(fieldmap.Log{Product: "windows", Category: category})
				if got, want := isOf(t, events, doc), category == tt.category; got != want {
					t.Errorf("the event is one of %s: %v", category, got)
				}
			}
			e := fieldmap.Default().Events(fieldmap.Log{Product: "windows", Category: tt.category})[0]
			for name, value := range tt.values {
				if part, gone := lost(e, name, value, doc); gone {
					t.Errorf("%s is %q, and not at %v", name, part, places(e, name))
				}
				if _, known := e.Places(name); !known {
					t.Errorf("%s is not known", name)
				}
			}
		})
	}
}

// TestEventsNeverDoubt asks maps of any log sources: a log source that has an index finds itself, and what is found names
// where events are.
func TestEventsNeverDoubt(t *testing.T) {
	word := rapid.SampledFrom([]string{"", "a", "b", "c"})
	list := func(t *rapid.T, label string) []string {
		if w := word.Draw(t, label); w != "" {
			return []string{w}
		}
		return nil
	}
	rapid.Check(t, func(t *rapid.T) {
		var m fieldmap.Map
		for range rapid.IntRange(1, 6).Draw(t, "log sources") {
			s := fieldmap.LogSource{Name: rapid.StringN(3, 8, -1).Draw(t, "name"), Product: list(t, "product"), Category: list(t, "category"), Service: list(t, "service")}
			if rapid.Bool().Draw(t, "indexed") {
				s.Index = []string{s.Name}
			}
			m.LogSources = append(m.LogSources, s)
		}
		log := fieldmap.Log{Product: word.Draw(t, "p"), Category: word.Draw(t, "c"), Service: word.Draw(t, "s")}
		got := m.Events(log)
		for _, e := range got {
			if len(e.Index) == 0 {
				t.Fatalf("%v: %s is nowhere", log, e.Name)
			}
		}
		// Every log source with an index that covers the one of the rule, key by key, is a reason to find something.
		covered := slices.ContainsFunc(m.LogSources, func(s fieldmap.LogSource) bool {
			fits := func(names []string, name string) bool { return len(names) == 0 || names[0] == name }
			return len(s.Index) > 0 && fits(s.Product, log.Product) && fits(s.Category, log.Category) && fits(s.Service, log.Service)
		})
		if covered && len(got) == 0 {
			t.Fatalf("%v is covered, and nothing is found", log)
		}
		for _, e := range got {
			if i := slices.IndexFunc(m.LogSources, func(s fieldmap.LogSource) bool { return s.Name == e.Name }); m.LogSources[i].Product != nil && log.Product != "" && m.LogSources[i].Product[0] != log.Product {
				t.Fatalf("%v: %s is of another product", log, e.Name)
			}
		}
	})
}
