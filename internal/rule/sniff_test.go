package rule_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf16"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
)

// exportLine returns a rule as Kibana exports it, optionally with some keys before the one by which
// it is recognized.
func exportLine(id string, before bool) string {
	head := ""
	if before {
		head = `"id":"9b1f","updated_at":"2026-01-10T09:00:00.000Z","updated_by":"elastic","created_at":"2026-01-01T09:00:00.000Z","created_by":"elastic",`
	}
	return `{` + head + `"rule_id":"` + id + `","name":"N","description":"D: \"{[,]}\"","risk_score":1,"severity":"low","type":"query","language":"kuery","index":["a"],"query":"a:b"}`
}

// toUTF16 is a text as some shells write it.
func toUTF16(text string) string {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

// swapped has the two bytes of each unit the other way round.
func swapped(text string) string {
	out := []byte(text)
	for i := 0; i+1 < len(out); i += 2 {
		out[i], out[i+1] = out[i+1], out[i]
	}
	return string(out)
}

// TestBrokenExports damages exports in a folder in every way: either all of their rules are loaded,
// or an error names the file, or a warning the lines that are missing.
func TestBrokenExports(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "rules")
		before := rapid.Bool().Draw(t, "before")
		var lines []string
		for i := range n {
			lines = append(lines, exportLine(fmt.Sprintf("r%d", i), before))
		}
		summary := fmt.Sprintf(`{"exported_count":%d,"exported_rules_count":%d,"missing_rules":[],"missing_rules_count":0}`, n, n)
		text, name := strings.Join(lines, "\n")+"\n"+summary+"\n", "e.ndjson"
		known := strings.Index(text, `"rule_id":"`) + len(`"rule_id":"`)
		switch rapid.SampledFrom([]string{"none", "glued", "cut", "dropped", "line dropped", "put in", "utf16", "utf16 without mark", "gzip", "bom", "laid out", "list", "object", "long"}).Draw(t, "broken") {
		case "glued":
			text = strings.Replace(text, "}\n{", "}{", rapid.IntRange(1, n).Draw(t, "times"))
		case "cut":
			text = text[:rapid.IntRange(known, len(text)).Draw(t, "at")]
		case "dropped":
			at := rapid.IntRange(known, len(text)-1).Draw(t, "at")
			text = text[:at] + text[at+1:]
		case "line dropped":
			text = strings.Join(slices.Delete(strings.SplitAfter(text, "\n"), 0, rapid.IntRange(1, n).Draw(t, "lines")), "")
		case "put in":
			at := rapid.IntRange(known, len(text)-1).Draw(t, "at")
			text = text[:at] + rapid.SampledFrom([]string{"{", "}", `"`, ",", "\n", "\x00", "x"}).Draw(t, "what") + text[at:]
		case "utf16":
			text = toUTF16(text)
		case "utf16 without mark":
			text = toUTF16(text)[2:]
			if rapid.Bool().Draw(t, "big") {
				text = swapped(text)
			}
		case "gzip":
			text = "\x1f\x8b\x08" + text
		case "bom":
			text = "\ufeff" + text
		case "laid out":
			var v any
			_ = json.Unmarshal([]byte(lines[0]), &v)
			out, _ := json.MarshalIndent(v, "", "  ")
			text = string(out) + "\n"
			n = 1
		case "list":
			text, name = "["+strings.Join(lines, ",\n")+"]", rapid.SampledFrom([]string{"e.ndjson", "e.json"}).Draw(t, "name")
		case "object":
			text, name, n = lines[0], "e.json", 1
			text = text[:rapid.IntRange(strings.Index(text, `"rule_id":"`)+11, len(text)).Draw(t, "at")]
		case "long":
			text = strings.Replace(text, `"name":"N"`, `"name":"N","note":"`+strings.Repeat("x", 1<<20)+`"`, 1)
			text = text[:rapid.IntRange(1<<20, len(text)).Draw(t, "at")]
		}
		set, list := rule.LoadFS(fstest.MapFS{name: {Data: []byte(text)}}, ".")
		named := false
		for _, d := range list {
			named = named || filepath.Base(d.File) == name && (d.Severity == diag.Error || strings.Contains(d.Message, "lines are missing"))
		}
		if set.Len() < n && !named {
			t.Fatalf("%d of %d rules, %v:\n%.2000s", set.Len(), n, list, text)
		}
	})
}

// TestEventsAmongRules puts event files beside rules, valid and damaged: there are no diagnostics
// about them.
func TestEventsAmongRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lines []string
		for range rapid.IntRange(0, 15).Draw(t, "events") {
			lines = append(lines, rapid.SampledFrom([]string{
				`{"_index":"logs","_id":"1","_source":{"rule_id":"x","type":"y","rule":{"rule_id":"z","type":"query"}}}`,
				`{"@timestamp":"2026-01-01T00:00:00Z","rule.rule_id":"a","kibana.alert.rule.rule_id":"b","severity":"low","type":"q"}`,
				`{"@timestamp":"2026-01-01T00:00:00Z","message":"{\"rule_id\":\"a\",\"type\":\"query\"}"}`,
				`[1,2]`, `7`, `{}`, "",
			}).Draw(t, "event"))
		}
		text := strings.Join(lines, "\n")
		text = text[:rapid.IntRange(0, len(text)).Draw(t, "cut")]
		name := rapid.SampledFrom([]string{"e.ndjson", "e.json"}).Draw(t, "name")
		if set, list := rule.LoadFS(fstest.MapFS{name: {Data: []byte(text)}}, "."); len(list) > 0 || set.Len() > 0 {
			t.Fatalf("%d rules, %v:\n%s", set.Len(), list, text)
		}
	})
}

// TestValueListOutside requires that value lists are read only below the folder that names them,
// and that anything but a file is rejected.
func TestValueListOutside(t *testing.T) {
	item := func(id, lists string) string {
		return "[[exception_list]]\nlist_id = 'l'\nname = 'L'\ntype = 'detection'\nnamespace_type = 'single'\n" +
			"[[exception_item]]\nlist_id = 'l'\nitem_id = 'i'\nname = 'I'\ntype = 'simple'\nnamespace_type = 'single'\n" +
			"entries = [{field = 'a', operator = 'included', type = 'list', list = {id = '" + id + "', type = 'keyword'}}]\n" + lists
	}
	const theRule = "\n[[rule.exceptions_list]]\nlist_id = 'l'\nid = 'l'\ntype = 'detection'\nnamespace_type = 'single'\n"
	for name, tt := range map[string]struct {
		files, links map[string]string
		item, want   string
	}{
		"beside":              {map[string]string{"value_lists/v": "x\n"}, nil, item("v", ""), ""},
		"a folder that links": {map[string]string{"../other/v": "x\n"}, map[string]string{"value_lists": "../other"}, item("v", ""), ""},
		"a link out":          {map[string]string{"../secret": "x\n", "value_lists/w": ""}, map[string]string{"value_lists/v": "../../secret"}, item("v", ""), "outside"},
		"a path by a link out": {
			map[string]string{"../other/v": "x\n"}, map[string]string{"lists": "../other"}, item("v", "[lists]\nv = 'lists/v'\n"), "outside",
		},
		"a path":        {map[string]string{"lists/v": "x\n"}, nil, item("v", "[lists]\nv = 'lists/v'\n"), ""},
		"a path out":    {map[string]string{"../other/v": "x\n"}, nil, item("v", "[lists]\nv = '../other/v'\n"), "must be the path of a file"},
		"a device":      {nil, map[string]string{"value_lists/v": "/dev/zero"}, item("v", ""), "outside"},
		"a folder":      {map[string]string{"value_lists/v/w": "x\n"}, nil, item("v", ""), "it is a directory, not a regular file"},
		"exceptions by": {map[string]string{"value_lists/v": "x\n"}, map[string]string{"more.exceptions.toml": "../secret"}, item("v", ""), "outside"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "rules")
			write(t, filepath.Join(dir, "../secret"), "x\n")
			write(t, filepath.Join(dir, "r.toml"), ruleText("r", "R")+theRule)
			write(t, filepath.Join(dir, "r.exceptions.toml"), tt.item)
			for file, text := range tt.files {
				write(t, filepath.Join(dir, file), text)
			}
			for from, to := range tt.links {
				symlink(t, to, filepath.Join(dir, from))
			}
			_, list := rule.Load(dir)
			if text := fmt.Sprint(list); tt.want == "" && len(list) > 0 || !strings.Contains(text, tt.want) {
				t.Errorf("%v, want %q", text, tt.want)
			}
		})
	}
}
