package spl_test

import (
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/translate/spl"
)

func foreachOf(t *testing.T, text string) *spl.Foreach {
	t.Helper()
	s, diags := spl.ParseText(diag.NewText("f", "* | "+text), macros)
	if s == nil {
		t.Fatalf("%s: %v", text, diags)
	}
	return s.Stages[1].(*spl.Foreach)
}

// TestForeachInstance pins the commands that foreach runs for one field, value or member.
func TestForeachInstance(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		each       spl.Each
		want       string
	}{
		{"field", `foreach a* [eval <<FIELD>>=<<FIELD>>+1]`, spl.Each{Field: "a_b"}, `| eval a_b = a_b + 1`},
		{"field that needs quotes", `foreach a* [eval x=<<FIELD>>]`, spl.Each{Field: "a.b c"}, `| eval x = 'a.b c'`},
		{"field with a digit first", `foreach * [eval x=<<FIELD>>]`, spl.Each{Field: "5a"}, `| eval x = '5a'`},
		{"field within quotes", `foreach a* [eval x='<<FIELD>>' . "is <<FIELD>>"]`, spl.Each{Field: "a.b"}, `| eval x = 'a.b' . "is a.b"`},
		{"stars", `foreach a*b* [eval <<MATCHSTR>>="<<MATCHSEG1>>-<<MATCHSEG2>>-<<MATCHSEG3>>"]`, spl.Each{Field: "aXbY", Stars: []string{"X", "Y"}}, `| eval XY = "X-Y-"`},
		{"three stars", `foreach *a*b* [eval x="<<MATCHSEG3>><<MATCHSEG2>><<MATCHSEG1>>"]`, spl.Each{Stars: []string{"1", "2", "3"}}, `| eval x = "321"`},
		{"value", `foreach mode=multivalue a [eval x=<<ITEM>>+<<ITER>>]`, spl.Each{Item: "v", Iter: 3}, `| eval x = '<<ITEM>>' + '<<ITER>>'`},
		{"value within quotes", `foreach mode=multivalue a [eval x="<<ITEM>> <<ITER>>"]`, spl.Each{Item: `q"\`, Iter: 3}, `| eval x = "q\"\\ 3"`},
		{"value within single quotes", `foreach mode=multivalue a [eval x='<<ITEM>>']`, spl.Each{Item: "v"}, `| eval x = '<<ITEM>>'`},
		{"other tokens", `foreach fieldstr="@F" matchseg1="@1" a* [eval x=@F."@1"]`, spl.Each{Field: "ab", Stars: []string{"b"}}, `| eval x = ab . "b"`},
		{"other token of the value", `foreach mode=multivalue itemstr="@I" iterstr="@N" a [eval x="@I@N"]`, spl.Each{Item: "v", Iter: 7}, `| eval x = "v7"`},
		{"escaped quotes", `foreach a* [eval x="\"<<FIELD>>\"", y=<<FIELD>>]`, spl.Each{Field: "a b"}, `| eval x = "\"a b\"", y = 'a b'`},
		{"several commands", `foreach a* [eval x=<<FIELD>> | where x>1]`, spl.Each{Field: "ab"}, `| eval x = ab | where x > 1`},
	} {
		s, diags := foreachOf(t, tt.text).Instance(tt.each)
		if s == nil {
			t.Errorf("%s: %v", tt.name, diags)
			continue
		}
		if s.String() != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, s, tt.want)
		}
	}
	if s, diags := foreachOf(t, `foreach a* [eval <<FIELD>>=1]`).Instance(spl.Each{Field: "b'"}); s != nil {
		t.Errorf("a name with a quote: %s, %v", s, diags)
	}
}

// TestForeachSpells distinguishes commands that contain the text of a value from commands that read it from a
// field.
func TestForeachSpells(t *testing.T) {
	for text, want := range map[string]bool{
		`foreach mode=multivalue a [eval x=<<ITEM>>]`:       false,
		`foreach mode=multivalue a [eval x='<<ITEM>>']`:     false,
		`foreach mode=multivalue a [eval x="<<ITEM>>"]`:     true,
		`foreach mode=multivalue a [eval x="<<ITER>>"]`:     true,
		`foreach mode=multivalue a [eval x="\"<<ITEM>>"]`:   true,
		`foreach mode=multivalue a [eval x="a" . <<ITEM>>]`: false,

		`foreach a* [eval x="<<FIELD>>"]`:                                         false,
		`foreach mode=multivalue itemstr="@I" a [eval x="@I"]`:                    true,
		`foreach mode=multivalue itemstr="@I" a [eval x="<<ITEM>>"]`:              false,
		`foreach mode=json_array a [eval x=mvappend(x, "\"", <<ITEM>>, "\\", y)]`: false,
	} {
		if got := foreachOf(t, text).Spells(); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}
