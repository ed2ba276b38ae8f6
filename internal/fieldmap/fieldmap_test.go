package fieldmap_test

import (
	"strings"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/splunk/pushdown"
	"tocsin/internal/translate/membership"
)

func TestLoadRefuses(t *testing.T) {
	for content, want := range map[string]string{
		"[[source]]\nname = \"a\"":                                                     "has neither model nor when",
		"[[source]]\nmodel = \"a.b\"":                                                  "has no name",
		"[[source]]\nname = \"a\"\nmodel = \"m\"\nwhere = \"a:(\"":                     "map.toml:4",
		"[[source]]\nname = \"a\"\nmodel = \"m\"\nfields = { a = 1 }":                  "fields.a",
		"[[source]]\nname = \"a\"\nwhen = \"sourcetype\"":                              "must be a table",
		"[[source]]\nname = \"a\"\nmodel = \"m\"\nshape = \"odd\"":                     "neither ecs nor cim",
		"[[source]]\nname = \"a\"\nmodel = \"m\"\ntags = [\"x\"]":                      "are for the shape cim",
		"[[source]]\nname = \"a\"\nmodel = \"m\"\nshape = \"cim\"\nwhere = \"a:b\"":    "is not for the shape cim",
		"[[source]]\nname = \"a\"\nmodel = \"m\"\nshape = \"cim\"\nsearch = \"a=( b\"": "map.toml:5",
	} {
		_, diags := fieldmap.Load(diag.NewText("map.toml", content), membership.Check, pushdown.Check)
		if err := diags.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", content, err, want)
		}
	}
}

func TestOver(t *testing.T) {
	own, diags := fieldmap.Load(diag.NewText("own.toml", "[[source]]\nname = \"Sysmon\"\nwhen = { sourcetype = \"mine\" }\nindex = [\"my-*\"]"))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	m := fieldmap.Default().Over(own)
	if len(m.Sources) != len(fieldmap.Default().Sources) {
		t.Error("a source of the same name was not replaced")
	}
	if m.Sources[0].Name != "Sysmon" || len(m.Sources[0].When["sourcetype"]) != 1 {
		t.Errorf("the first source is %+v", m.Sources[0])
	}
}
