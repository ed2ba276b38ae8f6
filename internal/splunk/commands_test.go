package splunk_test

import (
	"strings"
	"testing"

	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

// commandCases are searches over events; what is found is in order. Events come newest first, in
// the order that they are written in.
var commandCases = []struct{ name, search, events, want string }{
	// search
	{"case of values, stars", `s=HELLO* | fields s`, `{"s": "hello world"}
		{"s": "say hello"}`, `{"s": "hello world"}`},
	{"OR before AND", `a=1 OR a=2 b=1 | table a b`, `{"a": "1", "b": "1"}
		{"a": "1", "b": "2"}
		{"a": "2", "b": "1"}`, `{"a": "1", "b": "1"}
		{"a": "2", "b": "1"}`},
	{"OR of a macro without parentheses", "`unbraced` b=1 | table a b", `{"a": "1", "b": "1"}
		{"a": "1", "b": "2"}
		{"a": "2", "b": "1"}`, `{"a": "1", "b": "1"}
		{"a": "2", "b": "1"}`},
	{"!= wants the field, NOT does not", `a!=1 | table a b`, `{"b": "1"}
		{"a": "2"}`, `{"a": "2"}`},
	{"NOT", `NOT a=1 | table a b`, `{"b": "1"}
		{"a": "2"}
		{"a": "1"}`, `{"b": "1"}
		{"a": "2"}`},
	{"NOT binds to the next term", `NOT a=1 b=1 | table a b`, `{"b": "1"}
		{"a": "2"}`, `{"b": "1"}`},
	{"IN, blanks around operators", `a IN (1, "b*" c) b != "" | table a`, `{"a": "1", "b": "x"}
		{"a": "Bx", "b": "x"}
		{"a": "C", "b": ""}
		{"a": "d", "b": "x"}`, `{"a": "1"}
		{"a": "Bx"}`},
	{"several values", `a=2 a!=2 | table a`, `{"a": ["1", "2"]}
		{"a": "2"}`, `{"a": ["1", "2"]}`},
	{"networks", `NOT ip IN ("10.0.0.0/8", "::1") | table ip`, `{"ip": "10.1.1.1"}
		{"ip": "11.1.1.1"}
		{"ip": "::1"}`, `{"ip": "11.1.1.1"}`},
	{"numbers compare as numbers", `n>9 | table n`, `{"n": "10"}
		{"n": "9"}
		{"n": "a"}`, `{"n": "10"}
		{"n": "a"}`},
	{
		"values with colons and quotes", `sourcetype=cisco:isovalent:processExec x=*\"privileged\":true* | table x`,
		`{"sourcetype": "cisco:isovalent:processExec", "x": "{\"privileged\":true}"}`, `{"x": "{\"privileged\":true}"}`,
	},
	{"terms and phrases", `error "two words" | table _raw`, `{"_raw": "An ERROR in two words."}
		{"_raw": "terror in two words"}`, `{"_raw": "An ERROR in two words."}`},
	{"terms without a text", `curl | table a`, `{"a": "/usr/bin/curl -k"}
		{"a": "curling"}`, `{"a": "/usr/bin/curl -k"}`},
	{"arrays", `a{}.b=2 | table a{}.b`, `{"a": [{"b": "1"}, {"b": "2"}]}`, `{"a{}.b": ["1", "2"]}`},
	{"quoted field", `"x y"=1 | table "x y"`, `{"x y": "1"}`, `{"x y": "1"}`},
	{"subsearch", `[search kind=k | fields name] | table name v`, `{"name": "a", "v": "1"}
		{"name": "b", "v": "2"}
		{"kind": "k", "name": "A"}`, `{"name": "a", "v": "1"}
		{"name": "A"}`},
	{"subsearch of nothing", `[search kind=none | fields name]`, `{"name": "a"}`, ``},
	{"return of fields", `[search kind=k | return 2 name] | table name v`, `{"name": "a", "v": "1"}
		{"kind": "k", "name": "a"}`, `{"name": "a", "v": "1"}
		{"name": "a"}`},
	{"format", `kind=k | fields name | format`, `{"kind": "k", "name": "a"}
		{"kind": "k", "name": "b"}`, `{"search": "( ( name=\"a\" ) OR ( name=\"b\" ) )"}`},
	{"mid-pipe", `* | eval n = 5 | search n=5.0 | table n`, `{}`, `{"n": 5}`},
	// where, eval
	{"where is exact", `* | where s = "A" | table s`, `{"s": "a"}
		{"s": "A"}`, `{"s": "A"}`},
	{"where AND before OR", `* | where a=1 OR a=2 AND b=1 | table a b`, `{"a": "1"}
		{"a": "2"}`, `{"a": "1"}`},
	{"eval goes on, and removes", `* | eval a = 1, b = a + 1, c = null() | table a b c`, `{"c": "x"}`, `{"a": 1, "b": 2}`},
	// stats
	{"stats", `* | stats count, count(a) as n dc(a) values(a) sum(n) BY g`, `{"g": "x", "a": "2", "n": "1"}
		{"g": "x", "a": "10", "n": "2"}
		{"g": "y"}
		{"a": "1"}`, `{"g": "x", "count": 2, "n": 2, "dc(a)": 2, "values(a)": ["10", "2"], "sum(n)": 3}
		{"g": "y", "count": 1, "n": 0, "dc(a)": 0}`},
	{"stats by several values", `* | stats count by g h`, `{"g": ["x", "y"], "h": ["1", "2"]}`, `{"g": "x", "h": "1", "count": 1}
		{"g": "x", "h": "2", "count": 1}
		{"g": "y", "h": "1", "count": 1}
		{"g": "y", "h": "2", "count": 1}`},
	{"stats of expressions", `* | stats count(eval(a > 1)) as big sum(eval(a * 2)) as twice`, `{"a": "1"}
		{"a": "2"}`, `{"big": 1, "twice": 6}`},
	{"count anywhere, commas or not", `* | stats dc(a) count, min(n) c as events max(n) BY g`, `{"g": "x", "a": "1", "n": "2"}`, `{"g": "x", "dc(a)": 1, "count": 1, "min(n)": "2", "events": 1, "max(n)": "2"}`},
	{"backslashes", `* | rex field=p "(?<dir>.+\\\)" | rex field=p ".*\\\(?<file>.*)$" | where match(p, "C:\\\\W") | table dir file`, `{"p": "C:\\Windows\\cmd.exe"}`, `{"dir": "C:\\Windows\\", "file": "cmd.exe"}`},
	{"stats of nothing", `nothing=here | stats count`, `{"a": "1"}`, `{"count": 0}`},
	{"stats of nothing by", `nothing=here | stats count by a`, `{"a": "1"}`, ``},
	{"stats with stars", `* | stats values(a*) as x* dc(b*) by g`, `{"g": "1", "a1": "p", "a2": "q", "b1": "r"}`, `{"g": "1", "x1": "p", "x2": "q", "dc(b1)": 1}`},
	{"min and max", `* | stats min(a) max(a) min(m) max(m) range(a)`, `{"a": "9", "m": "9"}
		{"a": "10", "m": "b"}`, `{"min(a)": "9", "max(a)": "10", "min(m)": "9", "max(m)": "b", "range(a)": 1}`},
	{"order of events", `* | stats first(a) last(a) earliest(a) latest(a) list(a) earliest_time(a) as et latest_time(a) as lt`, `{"_time": 30, "a": "c"}
		{"_time": 20, "a": "b"}
		{"_time": 10, "a": "a"}`, `{"first(a)": "c", "last(a)": "a", "earliest(a)": "a", "latest(a)": "c", "list(a)": ["c", "b", "a"], "et": 10, "lt": 30}`},
	{"spread", `* | stats avg(a) mean(a) as m stdev(a) as s stdevp(a) as sp var(a) as v varp(a) as vp sumsq(a) as q median(a) mode(b) p50(a) perc90(a) as p90`, `{"a": "2", "b": "x"}
		{"a": "4", "b": "y"}
		{"a": "6", "b": "y"}
		{"a": "8"}`, `{"avg(a)": 5, "m": 5, "s": 2.581988897471611, "sp": 2.23606797749979, "v": 6.666666666666667, "vp": 5, "q": 120, "median(a)": 6, "mode(b)": "y", "p50(a)": 4, "p90": 8}`},
	{"one value has no spread", `* | stats stdev(a) as s distinct_count(a) c estdc(a)`, `{"a": "2"}`, `{"s": 0, "distinct_count(a)": 1, "count": 1, "estdc(a)": 1}`},
	{"eventstats", `* | eventstats avg(a) as m by g | table a g m`, `{"a": "1", "g": "x"}
		{"a": "3", "g": "x"}
		{"a": "5"}`, `{"a": "1", "g": "x", "m": 2}
		{"a": "3", "g": "x", "m": 2}
		{"a": "5"}`},
	{"streamstats", `* | streamstats count sum(a) as s by g | table a count s`, `{"a": "1", "g": "x"}
		{"a": "2", "g": "y"}
		{"a": "3", "g": "x"}`, `{"a": "1", "count": 1, "s": 1}
		{"a": "2", "count": 1, "s": 2}
		{"a": "3", "count": 2, "s": 4}`},
	{"streamstats before", `* | streamstats window=1 current=false last(a) as before | table a before`, `{"a": "1"}
		{"a": "2"}
		{"a": "3"}`, `{"a": "1"}
		{"a": "2", "before": "1"}
		{"a": "3", "before": "2"}`},
	// fields
	{"rename", `* | rename a as b, "c d" AS e nowhere as f | table *`, `{"a": "1", "b": "0", "c d": "2"}`, `{"b": "1", "e": "2"}`},
	{"rename with stars", `* | rename a.* as *, x_*_y AS *_z | table *`, `{"a": {"b": "1", "c": "2"}, "x_1_y": "3"}`, `{"b": "1", "c": "2", "1_z": "3"}`},
	{"rename of arrays", `* | rename a{}.* as * | table *`, `{"a": [{"b": "1"}, {"b": "2"}]}`, `{"b": ["1", "2"]}`},
	{"fields", `* | fields a, b* | table *`, `{"a": "1", "b1": "2", "c": "3"}`, `{"a": "1", "b1": "2"}`},
	{"fields without", `* | fields - b*, c | table *`, `{"a": "1", "b1": "2", "c": "3"}`, `{"a": "1"}`},
	{"fillnull", `* | fillnull | table *`, `{"a": "1"}
		{"b": ""}`, `{"a": "1", "b": 0}
		{"a": 0, "b": 0}`},
	{"fillnull of names", `* | fillnull value=NULL a c | table *`, `{"b": "1"}`, `{"a": "NULL", "b": "1", "c": "NULL"}`},
	{"dedup", `* | dedup a | table a b`, `{"a": "1", "b": "x"}
		{"a": "1", "b": "y"}
		{"b": "z"}`, `{"a": "1", "b": "x"}`},
	{"dedup options", `* | dedup 2 a keepempty=true sortby -b | table a b`, `{"a": "1", "b": "1"}
		{"a": "1", "b": "2"}
		{"a": "1", "b": "3"}
		{"b": "4"}`, `{"b": "4"}
		{"a": "1", "b": "3"}
		{"a": "1", "b": "2"}`},
	{"dedup of runs", `* | dedup a consecutive=true | table a`, `{"a": "1"}
		{"a": "1"}
		{"a": "2"}
		{"a": "1"}`, `{"a": "1"}
		{"a": "2"}
		{"a": "1"}`},
	{"sort", `* | sort - n, s | table n s`, `{"n": "9", "s": "b"}
		{"n": "10", "s": "a"}
		{"n": "9", "s": "a"}
		{"s": "z"}`, `{"n": "10", "s": "a"}
		{"n": "9", "s": "a"}
		{"n": "9", "s": "b"}
		{"s": "z"}`},
	{"sort forms", `* | sort 2 str(n) | table n`, `{"n": "9"}
		{"n": "10"}
		{"n": "8"}`, `{"n": "10"}
		{"n": "8"}`},
	{"sort of addresses", `* | sort ip(a) desc | table a`, `{"a": "10.0.0.2"}
		{"a": "10.0.0.10"}`, `{"a": "10.0.0.10"}
		{"a": "10.0.0.2"}`},
	{"replace", `* | replace "::ffff:*" with *, b WITH "B b" in a | table a b`, `{"a": "::FFFF:10.0.0.1", "b": "b"}
		{"a": "b"}`, `{"a": "10.0.0.1", "b": "b"}
		{"a": "B b"}`},
	{"addtotals", `* | addtotals fieldname=Score a, b | table Score`, `{"a": "1", "b": "2", "c": "4"}`, `{"Score": 3}`},
	{"head, tail, reverse", `* | head 3 | tail 2 | reverse | table a`, `{"a": "1"}
		{"a": "2"}
		{"a": "3"}
		{"a": "4"}`, `{"a": "2"}
		{"a": "3"}`},
	// values
	{"rex", `* | rex field=a "(?<user>\w+)@(?P<host>\w+)" | table user host`, `{"a": "x me@home y@z"}
		{"a": "none"}`, `{"user": "me", "host": "home"}
		{}`},
	{"rex of all matches", `* | rex field=a max_match=0 "(?<n>\d)" | table n`, `{"a": ["12", "3"]}`, `{"n": ["1", "2", "3"]}`},
	{"rex keeps what was", `* | rex field=a "(?<b>\d)" | table b`, `{"a": "x", "b": "old"}`, `{"b": "old"}`},
	{"rex sed", `* | rex field=a mode=sed "s/(\w)x/\1-/g y/ab/AB/" | table a`, `{"a": "axbx"}`, `{"a": "A-B-"}`},
	{"rex sed of one match", `* | rex field=a mode=sed "s/x/y/2" | table a`, `{"a": "xxx"}`, `{"a": "xyx"}`},
	{"rex offset", `* | rex field=a offset_field=o "b(?<n>\d)" | table n o`, `{"a": "ab1"}`, `{"n": "1", "o": "n=2-2"}`},
	{"regex", `* | regex a="^x(?!y)" | table a`, `{"a": "xa"}
		{"a": "xy"}
		{"b": "x"}`, `{"a": "xa"}`},
	{"regex !=", `* | regex a!="^x" | table a b`, `{"a": "xa"}
		{"a": "y"}
		{"b": "x"}`, `{"a": "y"}
		{"b": "x"}`},
	{"regex of the event", `* | regex "k\d" | table _raw`, `{"_raw": "k1"}
		{"_raw": "k"}`, `{"_raw": "k1"}`},
	{"bin of time", `* | bucket _time span=5m | bin n span=10 as decade | table _time n decade`, `{"_time": 1000, "n": "25"}`, `{"_time": 900, "n": "25", "decade": "20-30"}`},
	{"bin of days", `* | bin span=1d _time | table _time`, `{"_time": 1772711999}`, `{"_time": 1772668800}`},
	{"bin by number", `* | bin bins=5 n | table n`, `{"n": "1"}
		{"n": "47"}`, `{"n": "0-10"}
		{"n": "40-50"}`},
	{"convert", `* | convert timeformat="%Y-%m-%dT%H:%M:%S" ctime(t) ctime(nowhere) | table t nowhere`, `{"t": "1772712000.9"}
		{"t": "text"}`, `{"t": "2026-03-05T12:00:00"}
		{"t": "text"}`},
	{
		"convert of all forms", `* | convert timeformat="%Y-%m-%d" num(a) rmcomma(b) rmunit(c) dur2sec(d) memk(e) auto(f) none(g) mktime(h) as i | table a b c d e f g i`,
		`{"a": "x", "b": "1,000", "c": "12 kg", "d": "1+01:00:01", "e": "2m", "f": "5", "g": "5", "h": "1970-01-02"}`,
		`{"b": 1000, "c": 12, "d": 90001, "e": 2048, "f": 5, "g": "5", "i": 86400}`,
	},
	{"mvexpand", `* | mvexpand a | table a b`, `{"a": ["1", "2"], "b": "x"}
		{"b": "y"}`, `{"a": "1", "b": "x"}
		{"a": "2", "b": "x"}
		{"b": "y"}`},
	{"mvexpand limit", `* | mvexpand a limit=1 | table a`, `{"a": ["1", "2"]}`, `{"a": "1"}`},
	{"makemv", `* | makemv delim="," a | makemv tokenizer="(\w)\d" b | nomv c | table a b c`, `{"a": "1,,2", "b": "x1y2", "c": ["p", "q"]}`, `{"a": ["1", "2"], "b": ["x", "y"], "c": "p\nq"}`},
	{"mvcombine", `* | fields - _time | mvcombine a | table a b`, `{"a": "1", "b": "x"}
		{"a": "2", "b": "x"}
		{"a": "3", "b": "y"}`, `{"a": ["1", "2"], "b": "x"}
		{"a": "3", "b": "y"}`},
	{
		"spath", `* | spath input=j path=a{}.b output=all | spath input=j path=a{0} output=first | spath input=j | table all first a{}.b c`, `{"j": "{\"a\": [{\"b\": 1}, {\"b\": null}], \"c\": \"x\"}"}`,
		`{"all": "1", "first": "{\"b\":1}", "a{}.b": ["1", "null"], "c": "x"}`,
	},
	{"spath of XML", `* | spath input=x path=Event.Data{@Name} output=names | table names`, `{"x": "<Event><Data Name='a'>1</Data></Event>"}`, `{"names": "a"}`},
	{"fromjson", `* | fromjson j prefix=p_ | table p_a p_b`, `{"j": "{\"a\": 1, \"b\": [\"x\", \"y\"]}"}`, `{"p_a": "1", "p_b": ["x", "y"]}`},
	{"xmlkv", `* | xmlkv m | table Name Value`, `{"m": "<Name>n</Name><Value x='1'>v</Value>"}`, `{"Name": "n", "Value": "v"}`},
	{"extract", `* | extract pairdelim=";" kvdelim=":" | table a b`, `{"_raw": "a: 1; b:2"}`, `{"a": "1", "b": "2"}`},
	{"foreach", `* | eval out = "" | foreach a* [eval out = out . '<<FIELD>>'] | table out`, `{"a10": "z", "a2": "y", "a1": "x"}`, `{"out": "xyz"}`},
	{"foreach of odd names", `* | foreach * [eval <<FIELD>> = if(<<FIELD>>="null", null(), <<FIELD>>)] | table a.b c`, `{"a": {"b": "null"}, "c": "1"}`, `{"c": "1"}`},
	{"foreach match", `* | foreach n_* [eval t_<<MATCHSTR>> = '<<FIELD>>' + 1] | table t_x`, `{"n_x": "1"}`, `{"t_x": 2}`},
	// tables and other searches
	{"lookup", `* | lookup exact key AS k OUTPUT value more AS m | table k value m`, `{"k": "a", "value": "old"}
		{"k": "q", "value": "old"}
		{"value": "old"}`, `{"k": "a", "value": ["1", "2"], "m": "x"}
		{"k": "q", "value": "old"}
		{"value": "old"}`},
	{"lookup new", `* | lookup exact key OUTPUTNEW value | table value`, `{"key": "b", "value": "old"}
		{"key": "b"}`, `{"value": "old"}
		{"value": "3"}`},
	{"lookup of all columns", `* | lookup exact key | table *`, `{"key": "b"}`, `{"key": "b", "value": "3", "more": "z"}`},
	{"lookup default, without case", `* | lookup folding key OUTPUT value | table value`, `{"key": "a"}
		{"key": "b"}`, `{"value": "1"}
		{"value": "none"}`},
	{"lookup with stars", `* | lookup stars pattern AS p OUTPUT value | table value`, `{"p": "cmd.exe"}
		{"p": "calc"}
		{"p": "x"}`, `{"value": "exe"}
		{"value": "c"}
		{}`},
	{"lookup of networks", `* | lookup nets net AS ip OUTPUT zone | table zone`, `{"ip": "10.2.3.4"}
		{"ip": "11.2.3.4"}`, `{"zone": "in"}
		{}`},
	{"lookup of several values", `* | lookup exact key OUTPUT value | table value`, `{"key": ["b", "a"]}`, `{"value": ["3", "1", "2"]}`},
	{"inputlookup", `| inputlookup exact where value>1 | table key value`, ``, `{"key": "a", "value": "2"}
		{"key": "b", "value": "3"}`},
	{"inputlookup append", `* | table a | inputlookup append=true exact | table a key`, `{"a": "1"}`, `{"a": "1"}
		{"key": "a"}
		{"key": "a"}
		{"key": "b"}`},
	{"inputlookup as a condition", `[| inputlookup exact | fields key] | table key`, `{"key": "B"}
		{"key": "c"}`, `{"key": "B"}`},
	{"join", `kind=l | join id [search kind=r | table id v w] | table id v w`, `{"kind": "l", "id": "1", "v": "old"}
		{"kind": "l", "id": "2"}
		{"kind": "r", "id": "1", "v": "new"}
		{"kind": "r", "id": "1", "v": "second"}`, `{"id": "1", "v": "new"}`},
	{"join outer", `kind=l | join type=left max=0 overwrite=false id [search kind=r | table id v] | table id v`, `{"kind": "l", "id": "1"}
		{"kind": "l", "id": "2"}
		{"kind": "r", "id": "1", "v": "a"}
		{"kind": "r", "id": "1", "v": "b"}`, `{"id": "1", "v": "a"}
		{"id": "1", "v": "b"}
		{"id": "2"}`},
	{"join of what both have", `kind=l | table id k | join [search kind=r | table id v] | table id v`, `{"kind": "l", "id": "1"}
		{"kind": "r", "id": "1", "v": "a"}
		{"kind": "r", "id": "2", "v": "b"}`, `{"id": "1", "v": "a"}`},
	{"append", `kind=l | append [search kind=r] | table kind`, `{"kind": "l"}
		{"kind": "r"}`, `{"kind": "l"}
		{"kind": "r"}`},
	{"appendpipe", `* | stats count by a | appendpipe [stats sum(count) as count | eval a="all"]`, `{"a": "1"}
		{"a": "2"}`, `{"a": "1", "count": 1}
		{"a": "2", "count": 1}
		{"a": "all", "count": 2}`},
	{"map", `kind=k | map search="search name=$name$ kind=v | table v"`, `{"kind": "k", "name": "a"}
		{"kind": "v", "name": "a", "v": "1"}
		{"kind": "v", "name": "b", "v": "2"}`, `{"v": "1"}`},
	{"makeresults", `| makeresults count=2 | eval a = 1 | table a _time`, ``, `{"a": 1, "_time": 1772712000}
		{"a": 1, "_time": 1772712000}`},
	{"iplocation", `* | iplocation prefix=g_ ip | table *`, `{"ip": "8.8.8.8"}
		{"ip": "x"}`, `{"ip": "8.8.8.8", "g_City": "", "g_Country": "United States", "g_lat": "37.4"}
		{"ip": "x"}`},
	{"top", `* | top limit=1 a by g`, `{"a": "1", "g": "x"}
		{"a": "1", "g": "x"}
		{"a": "2", "g": "x"}
		{"a": "2", "g": "y"}`, `{"g": "x", "a": "1", "count": 2, "percent": 66.66666666666667}
		{"g": "y", "a": "2", "count": 1, "percent": 100}`},
	{"rare", `* | rare a showperc=false countfield=n limit=1`, ``, ``},
	{"rare options", `* | rare limit=1 showperc=false countfield=n a`, `{"a": "1"}
		{"a": "1"}
		{"a": "2"}`, `{"a": "2", "n": 1}`},
	{"timechart", `* | timechart span=10s count by a`, `{"_time": 25, "a": "x"}
		{"_time": 5, "a": "x"}
		{"_time": 6, "a": "y"}`, `{"_time": 0, "x": 1, "y": 1}
		{"_time": 10, "x": 0, "y": 0}
		{"_time": 20, "x": 1, "y": 0}`},
	{"transaction", `* | transaction user startswith=(op=open) endswith=(op=close) maxspan=1m | table user op duration eventcount _time`, `{"_time": 100, "user": "a", "op": "close"}
		{"_time": 95, "user": "b", "op": "close"}
		{"_time": 90, "user": "a", "op": "work"}
		{"_time": 80, "user": "a", "op": "open"}
		{"_time": 20, "user": "b", "op": "open"}`, `{"_time": 80, "user": "a", "op": ["close", "open", "work"], "duration": 20, "eventcount": 3}`},
	{"transaction by pause", `* | transaction user maxpause=10s | table user eventcount duration`, `{"_time": 100, "user": "a"}
		{"_time": 95, "user": "a"}
		{"_time": 50, "user": "a"}`, `{"user": "a", "eventcount": 2, "duration": 5}
		{"user": "a", "eventcount": 1, "duration": 0}`},
	// data models
	{
		"tstats", `| tstats summariesonly=false fillnull_value=null count min(_time) as first values(Processes.process) as process from datamodel=Endpoint.Processes where Processes.process_name=CMD.exe by Processes.user Processes.process_id Processes.dest`,
		`{"_time": 20, "process_name": "cmd.exe", "process": "cmd /c", "process_id": "1", "dest": "h"}
		{"_time": 10, "process_name": "cmd.exe", "process": "cmd /k", "dest": "h"}`,
		`{"Processes.user": "unknown", "Processes.process_id": "1", "Processes.dest": "h", "count": 1, "first": 20, "process": "cmd /c"}
		{"Processes.user": "unknown", "Processes.process_id": "null", "Processes.dest": "h", "count": 1, "first": 10, "process": "cmd /k"}`,
	},
	{"tstats drops what is missing", `| tstats count from datamodel=Endpoint.Processes by Processes.process_id`, `{"process_id": "1"}
		{"process_name": "x"}`, `{"Processes.process_id": "1", "count": 1}`},
	{"tstats in steps", `| tstats count from datamodel=Web by _time span=1m Web.src`, `{"_time": 61, "src": "a"}
		{"_time": 119, "src": "a"}
		{"_time": 5, "src": "a"}`, `{"_time": 0, "Web.src": "a", "count": 1}
		{"_time": 60, "Web.src": "a", "count": 2}`},
	{"from datamodel", `| from datamodel Endpoint.Processes | search user=unknown | table process_name`, `{"process_name": "a"}`, `{"process_name": "a"}`},
}

func TestCommands(t *testing.T) {
	used := map[string]bool{}
	for _, tt := range commandCases {
		got, err := run(t.Context(), t, tt.search, env(), rowsOf(t, tt.events))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		want(t, tt.name, got, tt.want)
		for _, name := range spl.Commands() {
			if strings.Contains(tt.search, name) {
				used[name] = true
			}
		}
	}
	for _, c := range fileCases(t) {
		for _, name := range spl.Commands() {
			if c.fault == "" && strings.Contains(c.search, name) {
				used[name] = true
			}
		}
	}
	for _, name := range spl.Commands() {
		switch name {
		case "discretize", "kv", "apply": // Other names of bin and extract; TestModel has one that is there.
		default:
			if !used[name] {
				t.Errorf("no case has the command %s", name)
			}
		}
	}
}

func TestAggregates(t *testing.T) {
	var all strings.Builder
	for _, tt := range commandCases {
		all.WriteString(tt.search)
	}
	for _, c := range fileCases(t) {
		if c.fault == "" {
			all.WriteString(c.search)
		}
	}
	for _, name := range spl.Aggregates() {
		if !strings.Contains(all.String(), name+"(") && name != "count" && name != "c" {
			t.Errorf("no case calls %s", name)
		}
	}
	run := splunk.Aggregates()
	if len(run) < 20 {
		t.Errorf("only %v are run", run)
	}
}
