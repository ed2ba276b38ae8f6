package rule_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
)

// TestEscapedWildcardNote: there is a note about each wildcard entry with an escaped wildcard, and about
// no other entry; the item is applied even so.
func TestEscapedWildcardNote(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pattern := "x" + string(rapid.SliceOf(rapid.SampledFrom([]rune(`\*?aC:`))).Draw(rt, "pattern"))
		typ := rapid.SampledFrom([]string{"wildcard", "match"}).Draw(rt, "type")
		file := filepath.Join(t.TempDir(), "x.exceptions.toml")
		text := fmt.Sprintf("[[exception_list]]\nlist_id = 'l'\nname = 'L'\ntype = 'detection'\n[[exception_item]]\nitem_id = 'i'\nlist_id = 'l'\nname = 'I'\n"+
			"entries = [{ field = 'f', type = %q, operator = 'included', value = '%s' }]\n", typ, pattern)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			rt.Fatal(err)
		}
		_, diags := rule.Load(file)
		// Two backslashes are one character; a single one before a wildcard escapes it.
		left := strings.ReplaceAll(pattern, `\\`, "")
		want := typ == "wildcard" && (strings.Contains(left, `\*`) || strings.Contains(left, `\?`))
		if got := slices.ContainsFunc(diags, func(d diag.Diagnostic) bool { return d.Code == "rule/escaped-wildcard" }); got != want || diags.HasErrors() {
			rt.Fatalf("%s: %v", pattern, diags)
		}
	})
}
