package sigma_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
	"tocsin/internal/fieldmap"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/sigma"
)

const mapped = `
[[logsource]]
name = "s"
product = "p"
index = ["i"]
dropped = ["", "-"]
prefix = ["d."]
[logsource.fields]
Plain = "x"
Several = ["x", "y"]
User = ["{x}\\{y}", "z"]
Hash = ["A={x}", "B={y}"]
Word = { in = "x", values = { a = "true", "b" = "false", "-" = "none" } }
Starred = "g*"
Far = ["{x}{y}", "nowhere", "{x}{nowhere}"]
`

// TestMapped holds the condition of a test on places against the texts that an event has at them.
func TestMapped(t *testing.T) {
	m, diags := fieldmap.Load(diag.NewText("map.toml", mapped))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	events := m.Events(fieldmap.Log{Product: "p"})[0]
	tables := map[string]mapping.Table{}
	for kind, typ := range map[string]string{"plain": `{"type":"keyword"}`, "folded": `{"type":"keyword","normalizer":"lowercase"}`, "caseless": `{"type":"keyword","fields":{"caseless":{"type":"keyword","normalizer":"lowercase"}}}`} {
		var list []string
		for _, f := range []string{"x", "y", "z", "g1", "g2", "d.Open"} {
			list = append(list, strconv.Quote(f)+":"+typ)
		}
		table, err := mapping.Parse([]byte(`{"properties":{` + strings.Join(list, ",") + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		tables[kind] = table
	}
	value := rapid.SampledFrom([]string{"a", "A", "b", "ab", "-", "", "true", "none"})
	written := rapid.SampledFrom([]string{"a", "A", "b", `a\b`, `A\a`, "-", "", "true", "false", "none", "A=a", "B=", "a*", `*\a`, "?", "*", `a*\*b`, "A=*", "b?"})
	held := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"plain", "folded", "caseless"}).Draw(t, "mapping")
		doc := map[string]any{}
		for _, f := range []string{"x", "y", "z", "g1", "g2"} {
			if rapid.Bool().Draw(t, "has "+f) {
				doc[f] = value.Draw(t, f)
			}
		}
		if rapid.Bool().Draw(t, "has d.Open") {
			doc["d"] = map[string]any{"Open": value.Draw(t, "d.Open")}
		}
		name := rapid.SampledFrom([]string{"Plain", "Several", "User", "Hash", "Word", "Starred", "Far", "Open", "x"}).Draw(t, "name")
		modifier := rapid.SampledFrom([]string{"", "|contains", "|startswith", "|endswith", "|re", "|cased", "|fieldref", "null", "|exists"}).Draw(t, "modifier")
		w := written.Draw(t, "value")
		line := ""
		texts := textsAt(events, name, doc)
		var want bool
		switch modifier {
		case "null":
			line, want = name+": null", len(texts) == 0
		case "|exists":
			line, want = name+"|exists: true", len(texts) > 0
		case "|fieldref":
			line = name + "|fieldref: Several"
			for _, other := range textsAt(events, "Several", doc) {
				want = want || slices.ContainsFunc(texts, func(s string) bool { return strings.EqualFold(s, other) })
			}
		case "|re":
			w = regexp.QuoteMeta(strings.Trim(w, "*?"))
			line = name + "|re: " + strconv.Quote(w)
			want = slices.ContainsFunc(texts, regexp.MustCompile(w).MatchString)
		default:
			line = name + modifier + ": '" + w + "'"
			is := func(s string) bool { return sigma.MatchesOpen(w, modifier, s) }
			want = slices.ContainsFunc(texts, is)
			if (modifier == "" || modifier == "|cased") && slices.Contains(events.Dropped, w) {
				want = want || len(texts) == 0 && name != "nowhere"
			}
		}
		file := diag.NewText("r.yml", "selection:\n    "+line+"\ncondition: selection\n")
		nodes, faults := yamltree.Parse(file, "x")
		if faults.HasErrors() {
			t.Fatal(faults)
		}
		d, faults := sigma.Parse(file, nodes[0], sigma.Options{Section: "detection"})
		if d == nil {
			t.Skip(fmt.Sprint(faults))
		}
		x, _ := d.Lower(sigma.Lowering{Fields: tables[kind], Events: &events})
		matcher, err := condition.Compile(x, tables[kind])
		if err != nil {
			t.Fatal(err)
		}
		if got := matcher.Match(event.NewDocument(doc)); got != want {
			t.Fatalf("%s of %v: %t, want %t (texts %q)\n%s", line, doc, got, want, texts, x)
		}
		held[want]++
	})
	if held[true] == 0 || held[false] == 0 {
		t.Errorf("held: %v", held)
	}
}

// textsAt are the texts that an event has at the places of a name.
func textsAt(e fieldmap.Events, name string, doc map[string]any) []string {
	places, _ := e.Places(name)
	var out []string
	for _, p := range places {
		if p.String() == "g*" {
			for _, g := range []string{"g1", "g2"} {
				if s, ok := doc[g].(string); ok {
					out = append(out, s)
				}
			}
			continue
		}
		out = append(out, p.Texts(func(f string) []string {
			at := doc
			if rest, ok := strings.CutPrefix(f, "d."); ok {
				at, _ = doc["d"].(map[string]any)
				f = rest
			}
			if s, ok := at[f].(string); ok {
				return []string{s}
			}
			return nil
		})...)
	}
	return out
}
