package diag_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/diag"
)

func TestReport(t *testing.T) {
	file := diag.NewText("a.toml", "x = 1\r\n\tquery = \"où\\tbad\"\nlast")
	query := file.Part(diag.Span{Start: 17, End: 26})
	decoded := file.Decoded("où\tbad", []int{17, 18, 20, 20, 22, 23, 24, 25})
	tests := []struct {
		name string
		text diag.Text
		span diag.Span
		want string
	}{
		{"whole file", file, diag.Span{Start: 0, End: 1}, "a.toml:1:1: error: no [t/c]\n    1 | x = 1\n      | ^\n"},
		{"tab and multi-byte before", query, diag.Span{Start: 3, End: 5}, "a.toml:2:13: error: no [t/c]\n    2 | \tquery = \"où\\tbad\"\n      | \t           ^^\n"},
		{"decoded value", decoded, diag.Span{Start: 4, End: 7}, "a.toml:2:15: error: no [t/c]\n    2 | \tquery = \"où\\tbad\"\n      | \t             ^^^\n"},
		{"at the end", file, diag.Span{Start: 99, End: 99}, "a.toml:3:5: error: no [t/c]\n    3 | last\n      |     ^\n"},
		{"span over lines is cut at the line", file, diag.Span{Start: 4, End: 20}, "a.toml:1:5: error: no [t/c]\n    1 | x = 1\n      |     ^\n"},
		{"reversed span", file, diag.Span{Start: 4, End: 2}, "a.toml:1:5: error: no [t/c]\n    1 | x = 1\n      |     ^\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := diag.Render(&b, diag.List{tt.text.Report(diag.Error, "t/c", tt.span, "no")}); err != nil {
				t.Fatal(err)
			}
			if b.String() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", b.String(), tt.want)
			}
		})
	}
}

// TestDecoded: a fault in a decoded value is reported at its byte in the file.
func TestDecoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 0, 30, -1).Draw(t, "value")
		offsets, at := make([]int, len(value)+1), 0
		for i := range offsets {
			offsets[i] = at
			at += rapid.SampledFrom([]int{0, 1, 1, 1, 2, 6}).Draw(t, "further")
		}
		text := diag.NewText("f", strings.Repeat("x", at+1)).Decoded(value, offsets)
		for i, at := range offsets {
			if got := text.Report(diag.Error, "t/c", diag.Span{Start: i, End: i}, "no").Column; got != at+1 {
				t.Fatalf("byte %d: column %d, want %d", i, got, at+1)
			}
		}
	})
}

func TestRenderLongLine(t *testing.T) {
	text := diag.NewText("q", strings.Repeat("a", 500)+"!"+strings.Repeat("b", 500))
	var b strings.Builder
	if err := diag.Render(&b, diag.List{text.Report(diag.Warning, "", diag.Span{Start: 500, End: 501}, "here")}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if len(lines[1]) > 180 || lines[1][strings.IndexByte(lines[2], '^')] != '!' {
		t.Errorf("the caret does not stand under the fault:\n%s", b.String())
	}
}

func TestListErr(t *testing.T) {
	text := diag.NewText("f", "ab\ncd")
	l := diag.List{text.Report(diag.Error, "x/y", diag.Span{Start: 3, End: 4}, "second"), text.Report(diag.Warning, "x/z", diag.Span{}, "first")}
	l.Sort()
	if l[0].Message != "first" || !l.HasErrors() || l.Err() == nil || strings.Contains(l.Err().Error(), "first") {
		t.Errorf("list = %v, err = %v", l, l.Err())
	}
	if (diag.List{l[0]}).Err() != nil {
		t.Error("a warning is no error")
	}
	b, err := json.Marshal(l[0])
	if want := `{"severity":"warning","code":"x/z","message":"first","file":"f","line":1,"column":1}`; err != nil || string(b) != want {
		t.Errorf("json = %s, %v", b, err)
	}
}

// A text with a known line start reports the same places, on that line and elsewhere.
func TestTextLine(t *testing.T) {
	const content = "one\ntwo\nthree\nfour"
	plain := diag.NewText("f", content)
	known := plain.Line(3, strings.Index(content, "three"))
	for i := range content {
		s := diag.Span{Start: i, End: i + 1}
		if diff := cmp.Diff(plain.Report(diag.Error, "c", s, "m"), known.Report(diag.Error, "c", s, "m")); diff != "" {
			t.Errorf("at %d (-want +got):\n%s", i, diff)
		}
		part := diag.Span{Start: i, End: len(content)}
		if diff := cmp.Diff(plain.Part(part).Report(diag.Error, "c", s, "m"), known.Part(part).Report(diag.Error, "c", s, "m")); diff != "" {
			t.Errorf("part at %d (-want +got):\n%s", i, diff)
		}
	}
}
