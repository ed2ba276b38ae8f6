package spl_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/translate/spl"
)

// withNames are commands with NAME in each place of a field and TEXT in each place of a text.
var withNames = []string{
	"search NAME=TEXT NAME!=TEXT NAME IN (TEXT, TEXT) TEXT", "search NAME=CASE(TEXT) NOT NAME>TEXT", "where FIELD=TEXT AND len(FIELD)>1 OR FIELD IN (TEXT, FIELD)",
	"eval NAME=FIELD . TEXT", "stats sum(NAME) as NAME, max(NAME) count(eval(FIELD=TEXT)) by NAME, NAME", "eventstats dc(NAME) by NAME",
	"streamstats window=3 list(NAME) as NAME by NAME", "rename NAME as NAME", "table NAME NAME", "fields - NAME, NAME", "fields NAME", "fillnull value=TEXT NAME",
	"dedup 2 NAME NAME sortby -NAME, NAME", "sort 5 -NAME NAME", "rex field=NAME TEXT", "rex field=NAME offset_field=NAME mode=sed TEXT", "regex NAME!=TEXT",
	"bin NAME span=5 as NAME", "convert ctime(NAME) as NAME, num(NAME)", "lookup NAME NAME AS NAME, NAME OUTPUTNEW NAME AS NAME", "append [| inputlookup NAME where NAME=TEXT]",
	"mvexpand NAME limit=3", "makemv delim=TEXT NAME", "nomv NAME", "mvcombine delim=TEXT NAME", "spath input=NAME output=NAME path=NAME", "spath NAME",
	"fromjson NAME prefix=TEXT", "xmlkv NAME", "extract pairdelim=TEXT kvdelim=TEXT", "replace TEXT WITH TEXT, TEXT WITH TEXT IN NAME, NAME",
	"foreach NAME NAME [eval x=1]", "join NAME, NAME [search NAME=TEXT]", "transaction NAME NAME startswith=(NAME=TEXT) endswith=eval(FIELD=TEXT)", "iplocation prefix=TEXT NAME",
	"head FIELD=TEXT", "top 3 NAME NAME by NAME", "top countfield=TEXT percentfield=TEXT otherstr=TEXT useother=t NAME", "addtotals fieldname=TEXT labelfield=TEXT label=TEXT NAME",
	"format mvsep=TEXT emptystr=TEXT", "return 3 NAME NAME=NAME", "return $NAME NAME", "accum NAME as NAME", "delta NAME as NAME p=2", "autoregress NAME as NAME p=3", "filldown NAME NAME",
	"trendline sma5(NAME) as NAME wma3(NAME)", "strcat NAME TEXT NAME NAME", "tojson NAME num(NAME) auto(NAME) output_field=NAME", "fieldformat NAME=FIELD",
	"makecontinuous NAME span=1", "outlier NAME NAME", "multikv fields NAME NAME filter NAME", "collect index=TEXT source=TEXT marker=TEXT", "fit DensityFunction NAME NAME by NAME into NAME",
	"apply NAME", "outputlookup key_field=NAME NAME", "predict NAME as NAME upper90=NAME lower80=NAME NAME", "anomalydetection NAME NAME",
	"chart sum(NAME) as NAME over NAME by NAME", "chart sep=TEXT format=TEXT nullstr=TEXT otherstr=TEXT count by NAME NAME", "timechart span=1h max(NAME) by NAME",
	"xyseries sep=TEXT NAME NAME NAME NAME", "untable NAME NAME NAME", "transpose column_name=TEXT header_field=NAME", "map search=TEXT", "rangemap field=NAME low=1-2 default=TEXT",
	"appendcols [search NAME=[search NAME=TEXT | return $NAME]]",
}

// places are the words of withNames with the marks that may be around what is put there: n is none.
var (
	places = map[string]string{"NAME": `"'n`, "FIELD": `'n`, "TEXT": `"n`}
	place  = regexp.MustCompile("NAME|FIELD|TEXT")
)

// TestNamesInQuotes wants each command to take names and texts of every kind, and to print them so that the search
// that is read again is the same.
func TestNamesInQuotes(t *testing.T) {
	texts := rapid.OneOf(
		rapid.SampledFrom([]string{
			"a", "a b", "by", "as", "in", "where", "over", "search", "d", "desc", "sortby", "eval", "x.y{}.z", "-a", "+a", "5", "5x", "a=b", "a|b", "a]b", "[a", "a,b", "(a)",
			"a(b)", "f(a b)", "a'b", `a"b`, `a\b`, `a\`, `\"`, "*", "a*", "é", "$x$", "`m`", "<<FIELD>>", "NOT", "OR", "count", "auto(x)", "a!", "#", ":", "/a", "@d", "%", "0-5", "_", " ",
		}),
		rapid.StringMatching(`[ab *.\\"'(),=|\[\]<>!{}$#:@/-]{1,6}`),
	)
	quoted := func(rt *rapid.T, marks string) string {
		text := texts.Draw(rt, "text")
		switch mark := rapid.SampledFrom([]byte(marks)).Draw(rt, "mark"); mark {
		case 'n':
			return text
		default:
			m := string(mark)
			return m + strings.NewReplacer(`\`, `\\`, m, `\`+m).Replace(text) + m
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		search := place.ReplaceAllStringFunc(rapid.SampledFrom(withNames).Draw(rt, "command"), func(word string) string {
			return quoted(rt, places[word])
		})
		if s, _ := spl.ParseText(diag.NewText("f", "* | "+search), macros); s != nil {
			roundTrip(rt, s)
		}
	})
}
