package tomltree_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

const sample = "top = 1\n[rule]\nname = 'n'\n[[rule.threat]]\nframework = \"F\"\n[[rule.threat]]\n[rule.threat.tactic]\nid = \"TA\"\nlist = [[1, 2], [3]]\n"

func TestFind(t *testing.T) {
	root, list := tomltree.Parse(diag.NewText("f", sample), "t")
	if len(list) > 0 {
		t.Fatal(list)
	}
	tests := []struct {
		name, in string
		want     string // the text there, in brackets when the path leads no further
	}{
		{"scalar", "rule.name", "'n'"},
		{"element", "rule.threat[0].framework", `"F"`},
		{"table of an element", "rule.threat[1].tactic.id", `"TA"`},
		{"list of lists", "rule.threat[1].tactic.list[0][1]", "2"},
		{"inner list", "rule.threat[1].tactic.list[1]", "[3]"},
		{"first header of a list", "rule.threat", "[[rule.threat]]"},
		{"missing key", "rule.query", "([rule])"},
		{"missing below missing", "rule.threshold.value", "([rule])"},
		{"missing in an element", "rule.threat[0].tactic.id", "([[rule.threat]])"},
		{"index out of range", "rule.threat[2].tactic", "([[rule.threat]])"},
		{"index of a scalar", "rule.name[0]", "('n')"},
		{"no number", "rule.threat[x]", "([[rule.threat]])"},
		{"unclosed index", "rule.threat[0", "[[rule.threat]]"},
		{"no table", "metadata.x", "()"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, found := root.Find(tt.in)
			got := sample[v.Span.Start:v.Span.End]
			if !found {
				got = "(" + got + ")"
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if found && tt.name != "unclosed index" && v.Path() != tt.in {
				t.Errorf("path = %s, want %s", v.Path(), tt.in)
			}
		})
	}
}

// TestStringText marks one character of a string's value and checks its position in the file.
func TestStringText(t *testing.T) {
	tests := []struct {
		name, in string
		want     string // line:column of "!"
	}{
		{"literal", "q = 'ab!'", "1:8"},
		{"basic", `q = "ab!"`, "1:8"},
		{"escapes", `q = "a\n\u00e9\\!"`, "1:17"},
		{"long escape", `q = "\U0001F600!"`, "1:16"},
		{"literal lines", "q = '''\na\n b!'''", "3:3"},
		{"literal lines, first line used", "q = '''a!'''", "1:9"},
		{"literal lines, CRLF", "q = '''\r\na\r\n b!'''", "3:3"},
		{"basic lines", "q = \"\"\"\na \\\"x\\\"!\"\"\"", "2:8"},
		{"basic lines, CRLF", "q = \"\"\"\r\n\\ta\r\n b!\"\"\"", "3:3"},
		{"line folded away", "q = \"\"\"a\\\n    \n  b!\"\"\"", "3:4"},
		{"quotes before the closing ones", "q = '''a!'''''", "1:9"},
		{"umlauts before", "q = 'äöü!'", "1:9"},
		{"inside a list", "q = [\n 'a',\n 'b!']", "3:4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := diag.NewText("f", tt.in)
			root, list := tomltree.Parse(file, "t")
			if len(list) > 0 {
				t.Fatal(list)
			}
			v := root.Get("q")
			if len(v.Items) > 0 {
				v = v.Items[len(v.Items)-1]
			}
			text := v.StringText(file)
			at := 0
			for text.Value[at] != '!' {
				at++
			}
			d := text.Report(diag.Error, "", diag.Span{Start: at, End: at + 1}, "")
			if diff := cmp.Diff(tt.want, fmt.Sprintf("%d:%d", d.Line, d.Column)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
