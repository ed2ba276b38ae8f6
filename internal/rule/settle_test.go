package rule_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
)

// TestSettle: of the usable rules with one id the first has it, whatever is wrong with others and
// whenever that is found; every other rule is broken, with a diagnostic.
func TestSettle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fsys := fstest.MapFS{}
		want := map[string]string{} // id to the path of the rule that has it
		usable := map[string]bool{}
		n := rapid.IntRange(1, 8).Draw(t, "rules")
		for i := range n {
			id := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "id")
			state := rapid.SampledFrom([]string{"good", "syntax", "plan", "exceptions"}).Draw(t, "state")
			path := fmt.Sprintf("%d.toml", i)
			text := ruleText(id, state)
			switch state {
			case "syntax":
				text = strings.Replace(text, "severity", "severity = 7\n#", 1)
			case "exceptions":
				text += "[[rule.exceptions_list]]\nlist_id = 'l'\nid = 'l'\ntype = 'detection'\nnamespace_type = 'single'\n"
			}
			fsys[path] = &fstest.MapFile{Data: []byte(text)}
			if usable[path] = state == "good"; usable[path] && want[id] == "" {
				want[id] = path
			}
		}
		fsys["x.exceptions.toml"] = &fstest.MapFile{Data: []byte("[[exception_list]]\nlist_id = 'l'\nname = 'L'\ntype = 'detection'\nnamespace_type = 'single'\n" +
			"[[exception_item]]\nlist_id = 'l'\nitem_id = 'i'\nname = 'I'\ntype = 'simple'\nnamespace_type = 'single'\nentries = 7\n")}
		set, list := rule.ReadFS(fsys, ".")
		planned := func(r *rule.Rule) diag.List {
			if r.Name != "plan" {
				return nil
			}
			return diag.List{r.Report(diag.Error, "test/plan", "rule.query", "it cannot be planned")}
		}
		list = append(list, set.Settle(planned)...)
		if set.Len()+len(set.Broken()) != n {
			t.Errorf("%d usable and %d broken of %d rules", set.Len(), len(set.Broken()), n)
		}
		for id, path := range want {
			if r := set.ByID(id); r == nil || r.Path != path || !slices.Contains(set.Rules(), r) {
				t.Errorf("%s is %+v, want the rule of %s", id, r, path)
			}
		}
		for _, r := range set.Broken() {
			if !slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.Severity == diag.Error && r.Owns(d) }) {
				t.Errorf("nobody is told why %s (%s) is broken: %v", r.Path, r.Name, list)
			}
		}
		for _, r := range set.Rules() {
			if set.ByID(r.ID) != r {
				t.Errorf("%s has not its id", r.Path)
			}
		}
	})
}

// TestIDsThatNobodyCanKeep: ids that no store accepts are rejected, and no rule with another id.
func TestIDsThatNobodyCanKeep(t *testing.T) {
	for id, good := range map[string]bool{
		"a": true, strings.Repeat("x", 512): true, strings.Repeat("x", 513): false, strings.Repeat("ä", 257): false, strings.Repeat("x", 40000): false,
		`a\u0000b`: false, `a\u001fb`: false, `a\nb`: false, `a\tb`: false, "Größe 5 µm": true,
	} {
		set, list := rule.LoadFS(fstest.MapFS{"a.toml": {Data: []byte(ruleText(id, "A"))}, "b.toml": {Data: []byte(ruleText("b", "B"))}}, ".")
		if got := set.Len() == 2; got != good || list.HasErrors() == good || set.ByID("b") == nil {
			t.Errorf("%.40q: %d rules, %v", id, set.Len(), list)
		}
	}
}

// TestItemsOfOneID: the first usable item has the id, wherever an unusable one is.
func TestItemsOfOneID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fsys := fstest.MapFS{}
		want := ""
		for i := range rapid.IntRange(1, 4).Draw(t, "items") {
			entries := fmt.Sprintf("[{field = 'f%d', operator = 'included', type = 'exists'}]", i)
			if rapid.Bool().Draw(t, "broken") {
				entries = "7"
			} else if want == "" {
				want = fmt.Sprintf("f%d", i)
			}
			fsys[fmt.Sprintf("%d.exceptions.toml", i)] = &fstest.MapFile{Data: []byte("[[exception_list]]\nlist_id = 'l'\nname = 'L'\ntype = 'detection'\nnamespace_type = 'single'\n" +
				"[[exception_item]]\nlist_id = 'l'\nitem_id = 'i'\nname = 'I'\ntype = 'simple'\nnamespace_type = 'single'\nentries = " + entries + "\n")}
		}
		fsys["r.toml"] = &fstest.MapFile{Data: []byte(ruleText("r", "R") + "[[rule.exceptions_list]]\nlist_id = 'l'\nid = 'l'\ntype = 'detection'\nnamespace_type = 'single'\n")}
		set, list := rule.LoadFS(fsys, ".")
		r := set.ByID("r")
		switch {
		case want == "":
			if r != nil {
				t.Errorf("the rule runs without its exception: %v", list)
			}
		case r == nil || len(r.Exceptions) != 1 || r.Exceptions[0].Entries[0].Field != want:
			t.Errorf("want the exception of %s: %+v, %v", want, r, list)
		}
	})
}
