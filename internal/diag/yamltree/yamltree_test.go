package yamltree_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
)

func TestScalars(t *testing.T) {
	for text, want := range map[string]yamltree.Node{
		"a": {Kind: yamltree.Text, Value: "a"}, "'1'": {Kind: yamltree.Text, Value: "1"}, "0x17": {Kind: yamltree.Int, Value: "23"},
		"9007199254740993": {Kind: yamltree.Int, Value: "9007199254740993"}, "18446744073709551615": {Kind: yamltree.Int, Value: "18446744073709551615"},
		"-1": {Kind: yamltree.Int, Value: "-1"}, "1.50": {Kind: yamltree.Float, Value: "1.50"}, "yes": {Kind: yamltree.Text, Value: "yes"},
		"TRUE": {Kind: yamltree.Bool, Value: "true"}, "~": {}, "null": {}, "''": {Kind: yamltree.Text}, `"a\nb"`: {Kind: yamltree.Text, Value: "a\nb"},
		"2024-01-02": {Kind: yamltree.Text, Value: "2024-01-02"},
	} {
		docs, diags := yamltree.Parse(diag.NewText("f", "k: "+text), "c")
		if len(diags) > 0 || len(docs) != 1 {
			t.Errorf("%s: %v", text, diags)
			continue
		}
		got := docs[0].Get("k")
		if got.Kind != want.Kind || got.Value != want.Value {
			t.Errorf("%s: %d %q, want %d %q", text, got.Kind, got.Value, want.Kind, want.Value)
		}
	}
}

func TestDocuments(t *testing.T) {
	docs, diags := yamltree.Parse(diag.NewText("f", "a: 1\n---\n---\nb: &x {c: 2}\nd: {<<: *x, e: *x}\n"), "c")
	if len(diags) > 0 || len(docs) != 3 || docs[1] != nil {
		t.Fatalf("%v, %v", docs, diags)
	}
	d := docs[2].Get("d")
	if d.Get("c").Value != "2" || d.Get("e").Get("c").Value != "2" {
		t.Errorf("aliases: %+v", d)
	}
}

func TestFaults(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	bomb := b.String()
	for text, want := range map[string]string{
		"a: 1\n b: [": "f:2:2: error: ", "a: 'x": "f:1:", bomb: "repeat too much", strings.Repeat("[", 300) + strings.Repeat("]", 300): "too deep",
	} {
		_, diags := yamltree.Parse(diag.NewText("f", text), "c")
		if err := diags.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %s", text, err, want)
		}
	}
}

// TestPlaces wants every scalar found where it was written.
func TestPlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-zäö]{1,6}`), 1, 5).Draw(t, "words")
		var b strings.Builder
		for i, w := range words {
			fmt.Fprintf(&b, "%sk%d:\n    - %s\n", strings.Repeat("# ü\n", rapid.IntRange(0, 2).Draw(t, "lines")), i, w)
		}
		file := diag.NewText("f", b.String())
		docs, diags := yamltree.Parse(file, "c")
		if len(diags) > 0 {
			t.Fatal(diags)
		}
		var got []string
		for _, m := range docs[0].Members {
			s := m.Value.Items[0].Span(file)
			got = append(got, file.Value[s.Start:s.End])
		}
		if diff := cmp.Diff(words, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
