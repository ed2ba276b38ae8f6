//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/testkit/indexgen"
)

// shrink reduces a world to what one rule needs to show that a mode differs, and describes it. The world is
// restored afterwards.
func (d *differ) shrink(t *testing.T, r differRule, m differMode) string {
	t.Helper()
	all := d.world.Documents
	defer func() {
		d.world.Documents = all
		d.refill(t, nil)
	}()
	fails := func(a answer) bool { return a.problem != "" }
	first, other, diff := d.pair(t, r, m)
	if diff == "" {
		return d.companions(t, r, m)
	}
	differs := func() bool { // in the same way
		want, got, diff := d.pair(t, r, m)
		return diff != "" && fails(want) == fails(first) && fails(got) == fails(other)
	}
	d.fewer(t, differs)
	for i := range d.world.Documents {
		d.simpler(t, i, differs)
	}
	want, got, diff := d.pair(t, r, m)
	var b strings.Builder
	fmt.Fprintf(&b, "  least that differs: %s\n", diff)
	for _, index := range d.world.Indices {
		if slices.ContainsFunc(d.world.Documents, func(doc indexgen.Document) bool { return doc.Index == index.Name }) || index.Name != d.world.Indicators {
			text, _ := json.Marshal(d.node.Must(t, "GET", "/"+index.Name+"/_mapping", nil).At(index.Name, "mappings").Any())
			fmt.Fprintf(&b, "  %s: %s\n", index.Name, text)
		}
	}
	for _, doc := range d.world.Documents {
		source, _ := json.Marshal(doc.Source)
		fmt.Fprintf(&b, "  %s/%s: %s\n", doc.Index, doc.ID, source)
	}
	fmt.Fprintf(&b, "  rule: %s\n  %s: %d alerts %q %q\n  %s: %d alerts %q %q", ruleBodies([]differRule{r}),
		differModes[0].name, len(want.alerts), found(want), want.problem, m.name, len(got.alerts), found(got), got.problem)
	return b.String()
}

// companions finds the smallest set of other rules with which a rule gives another result than alone.
func (d *differ) companions(t *testing.T, r differRule, m differMode) string {
	t.Helper()
	for _, m := range []differMode{differModes[0], m} {
		alone := d.run(t, m, d.place(t, m), []differRule{r})[r.ID]
		differs := func(others []differRule) string {
			return d.difference(r, m, alone, d.run(t, m, d.place(t, m), append(slices.Clone(others), r))[r.ID])
		}
		others := slices.DeleteFunc(slices.Clone(d.rules), func(o differRule) bool { return o.ID == r.ID })
		if differs(others) == "" {
			continue
		}
		for size := len(others) / 2; size > 0; size /= 2 {
			for at := 0; at < len(others); {
				end := min(at+size, len(others))
				if fewer := slices.Concat(others[:at:at], others[end:]); differs(fewer) != "" {
					others = fewer
				} else {
					at = end
				}
			}
		}
		return fmt.Sprintf("  beside others it is other than alone [%s]: %s\n  %s\n  %s", m.name, differs(others),
			ruleBodies([]differRule{r}), strings.ReplaceAll(ruleBodies(others), "\n", "\n  "))
	}
	return "  alone the rule does not differ, nor beside the others once more"
}

// pair runs one rule in the first mode and in another.
func (d *differ) pair(t *testing.T, r differRule, m differMode) (want, got answer, diff string) {
	t.Helper()
	rules := []differRule{r}
	want = d.run(t, differModes[0], d.place(t, differModes[0]), rules)[r.ID]
	if m.name == differModes[0].name {
		return want, want, ""
	}
	got = d.run(t, m, d.place(t, m), rules)[r.ID]
	return want, got, d.difference(r, m, want, got)
}

// fewer removes documents as long as the rule still differs.
func (d *differ) fewer(t *testing.T, differs func() bool) {
	t.Helper()
	for size := len(d.world.Documents) / 2; size > 0; size /= 2 {
		for at := 0; at < len(d.world.Documents); {
			before := d.world.Documents
			end := min(at+size, len(before))
			d.world.Documents = slices.Concat(before[:at:at], before[end:])
			d.refill(t, before[at:end])
			if !differs() {
				d.world.Documents = before
				d.refill(t, nil)
				at = end
			}
		}
	}
}

// simpler removes fields of a document as long as the rule still differs.
func (d *differ) simpler(t *testing.T, i int, differs func() bool) {
	t.Helper()
	for name := range d.world.Documents[i].Source {
		before := d.world.Documents
		d.world.Documents = slices.Clone(before)
		d.world.Documents[i].Source = maps.Clone(before[i].Source)
		delete(d.world.Documents[i].Source, name)
		d.refill(t, nil)
		if !differs() {
			d.world.Documents = before
			d.refill(t, nil)
		}
	}
}

// refill writes the documents of the world to node and file, without some of them.
func (d *differ) refill(t *testing.T, without []indexgen.Document) {
	t.Helper()
	var bulk strings.Builder
	var lines [][]byte
	for _, doc := range without {
		fmt.Fprintf(&bulk, "{\"delete\":{\"_index\":%q,\"_id\":%q}}\n", doc.Index, doc.ID)
	}
	for _, doc := range d.world.Documents {
		source, err := json.Marshal(doc.Source)
		must(t, err)
		fmt.Fprintf(&bulk, "{\"index\":{\"_index\":%q,\"_id\":%q}}\n%s\n", doc.Index, doc.ID, source)
		line, err := json.Marshal(object{"_index": doc.Index, "_id": doc.ID, "_source": json.RawMessage(source)})
		must(t, err)
		lines = append(lines, line)
	}
	if bulk.Len() > 0 {
		d.node.Lines(t, "/_bulk?refresh=true", bulk.String())
	}
	must(t, os.WriteFile(d.file, bytes.Join(lines, []byte("\n")), 0o600))
}
