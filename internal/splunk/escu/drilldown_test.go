package escu_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/escu"
	"tocsin/internal/translate/spl"
)

func TestDrilldowns(t *testing.T) {
	row := splunk.Row{
		"user": splunk.Text("ann"), "dest": splunk.Texts([]string{"h1", "h2"}), "cmd": splunk.Text(`say "hi" \now`), "odd": splunk.Text("a | delete"),
	}
	for search, want := range map[string]string{
		`%original_detection_search% | search dest = "$dest$"`:           `a=1 | rex "^x$user$" | search dest = "h1"`,
		`| from datamodel Risk | search o IN ("$dest$", "$user$")`:       `| from datamodel Risk | search o IN ("h1", "h2", "ann")`,
		`index=x user=$user$ dest IN ($dest$)`:                           `index=x user=ann dest IN (h1, h2)`,
		`index=x cmd="$cmd$"`:                                            `index=x cmd="say \"hi\" \\now"`,
		`index=x odd=$odd$ user=$user|s$`:                                `index=x odd="a | delete" user="ann"`,
		`index=x earliest=$info_min_time$ other=$other$ latest=$latest$`: `index=x earliest=1767264600 other=$other$ latest=$latest$`,
		`costs 5$ and $user$`:                                            `costs 5$ and ann`,
	} {
		d := &escu.Detection{Search: diag.NewText("d", `a=1 | rex "^x$user$"`), Drilldowns: []escu.Drilldown{{Name: "of $dest$", Search: search, Earliest: "$info_min_time$", Latest: "7d"}}}
		got := d.DrilldownsOf(row, window(12))
		if len(got) != 1 || got[0].Search != want || got[0].Name != "of h1, h2" || got[0].Earliest != "1767264600" || got[0].Latest != "7d" {
			t.Errorf("%s:\n%+v, want\n%s", search, got, want)
			continue
		}
		link, err := url.Parse(got[0].Link)
		if err != nil || !strings.HasSuffix(link.Query().Get("q"), want) || link.Query().Get("latest") != "7d" {
			t.Errorf("%s: the link %s, %v", search, got[0].Link, err)
		}
	}
}

// TestDrilldownValues requires that a value of an event stays a single value in the search, whatever it contains.
func TestDrilldownValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[a "\\|()$\[\]=,;-]{1,12}`).Draw(t, "value")
		form := rapid.SampledFrom([]string{`f="$v$"`, `f=$v$`, `f=$v|s$`, `f IN ("$v$")`, `f IN ($v$)`}).Draw(t, "form")
		d := &escu.Detection{Drilldowns: []escu.Drilldown{{Search: form}}}
		text := d.DrilldownsOf(splunk.Row{"v": splunk.Text(value)}, window(12))[0].Search
		s, diags := spl.ParseText(diag.NewText("drilldown", text), nil)
		if s == nil || len(s.Stages) != 1 {
			t.Fatalf("%q makes %s: %v", value, text, diags)
		}
		find, ok := s.Stages[0].(*spl.Find)
		if !ok {
			t.Fatalf("%q makes %s", value, text)
		}
		var got []string
		spl.Walk(find.X, func(x spl.Expr) {
			switch x := x.(type) {
			case *spl.Compare:
				got = append(got, x.Value.Text)
			case *spl.In:
				for _, v := range x.Values {
					got = append(got, v.Text)
				}
			case *spl.Term:
				got = append(got, "term "+x.Value.Text)
			}
		})
		if diff := cmp.Diff([]string{value}, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", text, diff)
		}
	})
}
