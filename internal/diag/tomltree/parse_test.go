package tomltree_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

// documents are valid and invalid documents; go-toml's decoder decides which is which.
var documents = []string{
	"",
	"# only a comment",
	"a = 1\nb.c = 2\nb.d = 3\n\"quoted key\" = 'x'\n'' = 0",
	"[a]\n[a.b]\n[a]\n",
	"[a.b.c]\nz = 9\n[a]\nx = 1",
	"[a.b.c]\nz = 9\n[a]\nb.c.t = 1",
	"[a.b.c.d]\nz = 9\n[a]\nb.c.d.k.t = 1",
	"[a]\nb.c = 1\n[a.b]\n",
	"[a]\nb.c = 1\n[a.b.d]\nx = 1",
	"a.b = 1\na.c = 2\na.b = 3",
	"a = {b = 1}\na.c = 2",
	"a = {b = 1}\n[a.c]\n",
	"a = {b.c = 1, b.d = 2}\n[a.b]\n",
	"a = [{b = 1}]\n[[a]]\nc = 1",
	"[[a]]\nx = 1\n[[a]]\nx = 2\n[a.b]\ny = 1\n[[a.c]]\n[[a.c]]\nz = 1",
	"[a]\n[[a]]\n",
	"[[a]]\n[a]\n",
	"[a.b]\n[[a]]\n",
	"[[a.b]]\n[a]\nc = 1",
	"[[a]]\n[a.b]\n[[a]]\n[a.b]\n",
	"a = 1\n[a]\n",
	"a = 1\n[a.b]\n",
	"a = 1\na = 2",
	"a = [1, [2, [3,],], # c, [\n {x = [ ] , y = { } }\n, ]",
	"a = [\n  # ] in a comment\n  '#', # ,\n]\nb = 1",
	"a = 0x_1",
	"a = 0xff\nb = 0o17\nc = 0b11\nd = 1_000\ne = -7\nf = +3",
	"a = 01",
	"a = -01",
	"a = 9223372036854775807",
	"a = 9223372036854775808",
	"a = 10e1000",
	"a = 1.5\nb = -2e10\nc = 6.626e-34\nd = 1_0.0_1\ne = inf\nf = -inf",
	"a = 01.5",
	"a = 1.",
	"a = .5",
	"a = 2025-06-23\nb = 07:32:00\nc = 2025-06-23T07:32:00\nd = 2025-06-23 07:32:00Z\ne = 2025-06-23t07:32:00.123+02:00",
	"a = 2025-13-01",
	"a = 2025-02-30",
	"a = 25:00:00",
	"a = ''\nb = \"\"\nc = ''''''\nd = \"\"\"\"\"\"",
	"a = '''\nline\r\n'x'''''\nb = \"\"\"\r\nline\"\"\"\"\"",
	`a = "\b\t\n\f\r\e\"\\\x41\u00e9\U0001F600"`,
	"a = \"\"\"x\\\n   \n  y \\\"\"\"\\\"\"\"\"",
	"a = \"\\q\"",
	"a = true\nb = false",
	"a = truE",
	"a",
	"a =",
	"= 1",
	"[a",
	"[[a]",
	"[]",
	"a = {b = 1",
	"a = [1",
	"a = \"\xff\"",
	"\uFEFFa = 1",
	"a = 1 b = 2",
}

func TestAgreesWithDecoder(t *testing.T) {
	for _, text := range documents {
		compare(t, text)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range documents {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { compare(t, text) })
}

// compare requires that the tree accepts what go-toml's decoder accepts and has the same values,
// that the span of every value contains it, and that every diagnostic is inside the document.
func compare(t *testing.T, text string) {
	t.Helper()
	var want map[string]any
	err := toml.Unmarshal([]byte(text), &want)
	file := diag.NewText("f", text)
	root, list := tomltree.Parse(file, "t")
	if (err != nil) != list.HasErrors() {
		t.Fatalf("%q: go-toml says %v, the tree %v", text, err, list)
	}
	inside(t, text, list)
	places(t, file, root)
	if err != nil {
		return
	}
	got, _ := root.Native().(map[string]any)
	same := cmp.FilterValues(func(x, y any) bool { return isTime(x) || isTime(y) }, cmp.Ignore())
	nan := cmp.Comparer(func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) })
	if diff := cmp.Diff(want, got, same, nan); diff != "" && len(want)+len(got) > 0 {
		t.Errorf("%q: -go-toml +tree:\n%s", text, diff)
	}
}

func isTime(v any) bool {
	return v != nil && (strings.HasPrefix(reflect.TypeOf(v).String(), "toml.Local") || reflect.TypeOf(v).String() == "time.Time")
}

func inside(t *testing.T, text string, list diag.List) {
	t.Helper()
	lines := strings.Split(text, "\n")
	for _, d := range list {
		if d.Line < 1 || d.Line > len(lines) || d.Column < 1 || d.Column > len([]rune(lines[d.Line-1]))+1 {
			t.Errorf("%q: outside of the text: %v", text, d)
		}
	}
}

// places requires that paths lead to their values and that spans contain the right text.
func places(t *testing.T, file diag.Text, v *tomltree.Value) {
	t.Helper()
	for _, item := range v.Items {
		raw := file.Value[item.Span.Start:item.Span.End]
		switch {
		case item.Kind == tomltree.String:
			if got := item.StringText(file); got.Value != item.Text {
				t.Errorf("%s: %q decodes to %q, want %q", item.Path(), raw, got.Value, item.Text)
			}
		case item.Kind == tomltree.Array && raw[0] == '[' && !strings.HasSuffix(raw, "]"),
			item.Kind == tomltree.Table && raw[0] == '{' && !strings.HasSuffix(raw, "}"):
			t.Errorf("%s: the span %q ends elsewhere", item.Path(), raw)
		}
		places(t, file, item)
	}
}
