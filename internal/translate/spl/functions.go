package spl

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// arity is the number of arguments of a function.
type arity struct {
	least int
	most  int  // -1: any number
	pairs bool // Further arguments come in pairs.
}

func (a arity) String() string {
	switch {
	case a.pairs && a.least%2 == 0:
		return "pairs of arguments"
	case a.pairs:
		return "an argument and pairs behind it"
	case a.most < 0:
		return fmt.Sprintf("%d or more arguments", a.least)
	case a.least != a.most:
		return fmt.Sprintf("%d to %d arguments", a.least, a.most)
	case a.least == 1:
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", a.least)
}

// functions has the functions of expressions, by lower-case name.
var functions = map[string]arity{
	"case": {2, -1, true}, "cidrmatch": {2, 2, false}, "coalesce": {1, -1, false}, "false": {0, 0, false}, "if": {3, 3, false},
	"in": {2, -1, false}, "like": {2, 2, false}, "match": {2, 2, false}, "null": {0, 0, false}, "nullif": {2, 2, false},
	"true": {0, 0, false}, "validate": {2, -1, true},
	"isbool": {1, 1, false}, "isint": {1, 1, false}, "isnotnull": {1, 1, false}, "isnull": {1, 1, false}, "isnum": {1, 1, false},
	"isarray": {1, 1, false}, "isobject": {1, 1, false}, "ismv": {1, 1, false},
	"isstr": {1, 1, false}, "typeof": {1, 1, false},
	"tonumber": {1, 2, false}, "tostring": {1, 2, false},
	"abs": {1, 1, false}, "ceiling": {1, 1, false}, "ceil": {1, 1, false}, "exact": {1, 1, false}, "exp": {1, 1, false},
	"floor": {1, 1, false}, "ln": {1, 1, false}, "log": {1, 2, false}, "pi": {0, 0, false}, "pow": {2, 2, false},
	"round": {1, 2, false}, "sqrt": {1, 1, false}, "max": {1, -1, false}, "min": {1, -1, false}, "sum": {1, -1, false},
	"avg": {1, -1, false},
	"len": {1, 1, false}, "lower": {1, 1, false}, "upper": {1, 1, false}, "trim": {1, 2, false}, "ltrim": {1, 2, false},
	"rtrim": {1, 2, false}, "replace": {3, 3, false}, "substr": {2, 3, false}, "urldecode": {1, 1, false},
	"md5": {1, 1, false}, "sha1": {1, 1, false}, "sha256": {1, 1, false}, "sha512": {1, 1, false},
	"mvappend": {1, -1, false}, "mvcount": {1, 1, false}, "mvdedup": {1, 1, false}, "mvfilter": {1, 1, false},
	"mvfind": {2, 2, false}, "mvindex": {2, 3, false}, "mvjoin": {2, 2, false}, "mvmap": {2, 2, false}, "mvrange": {2, 3, false},
	"mvsort": {1, 1, false}, "mvzip": {2, 3, false}, "split": {2, 2, false},
	"now": {0, 0, false}, "time": {0, 0, false}, "relative_time": {2, 2, false}, "strftime": {2, 2, false}, "strptime": {2, 2, false},
	"spath": {2, 2, false}, "json_extract": {1, -1, false}, "json_valid": {1, 1, false}, "searchmatch": {1, 1, false},
	"sin": {1, 1, false}, "cos": {1, 1, false}, "tan": {1, 1, false}, "asin": {1, 1, false}, "acos": {1, 1, false}, "atan": {1, 1, false},
	"sinh": {1, 1, false}, "cosh": {1, 1, false}, "tanh": {1, 1, false}, "asinh": {1, 1, false}, "acosh": {1, 1, false},
	"atanh": {1, 1, false}, "atan2": {2, 2, false}, "hypot": {2, 2, false}, "sigfig": {1, 1, false}, "random": {0, 0, false},
	"bit_and": {2, -1, false}, "bit_or": {2, -1, false}, "bit_xor": {2, -1, false}, "bit_not": {1, 2, false},
	"bit_shift_left": {2, 2, false}, "bit_shift_right": {2, 2, false},
	"printf": {1, -1, false}, "ipmask": {2, 2, false}, "toint": {1, 2, false}, "todouble": {1, 2, false}, "tobool": {1, 1, false},
	"mvreverse": {1, 1, false},
	"json":      {1, 1, false}, "json_append": {3, -1, true}, "json_array": {0, -1, false}, "json_array_to_mv": {1, 2, false},
	"json_delete": {2, -1, false}, "json_entries": {1, 1, false}, "json_extend": {3, -1, true}, "json_extract_exact": {2, -1, false},
	"json_has_key_exact": {2, 2, false}, "json_keys": {1, 1, false}, "json_object": {0, -1, true}, "json_set": {3, -1, true},
	"json_set_exact": {3, -1, true}, "mv_to_json_array": {1, 2, false},
}

// aggregates has the functions of stats and similar commands, by lower-case name. The value is the name in result
// fields.
var aggregates = map[string]string{
	"avg": "avg", "c": "count", "count": "count", "dc": "dc", "distinct_count": "distinct_count", "estdc": "estdc",
	"earliest": "earliest", "earliest_time": "earliest_time", "first": "first", "last": "last", "latest": "latest",
	"latest_time": "latest_time", "list": "list", "max": "max", "mean": "mean", "median": "median", "min": "min", "mode": "mode",
	"range": "range", "stdev": "stdev", "stdevp": "stdevp", "sum": "sum", "sumsq": "sumsq", "values": "values", "var": "var",
	"varp": "varp", "rate": "rate", "estdc_error": "estdc_error",
	"per_second": "per_second", "per_minute": "per_minute", "per_hour": "per_hour", "per_day": "per_day",
}

// Rate returns the unit of time in seconds of a function such as per_hour.
func Rate(name string) (seconds float64, ok bool) {
	seconds, ok = map[string]float64{"per_second": 1, "per_minute": 60, "per_hour": 3600, "per_day": 86400}[name]
	return seconds, ok
}

// AggregateOf returns the aggregation of a function by its name.
func AggregateOf(name string) Agg {
	percent, _ := percentile(name)
	return Agg{Func: name, Percent: percent}
}

// Functions returns the names of the functions of expressions, sorted.
func Functions() []string { return slices.Sorted(maps.Keys(functions)) }

// Aggregates returns the names of the functions of stats, sorted, without the percentiles percN, pN, exactpercN
// and upperpercN.
func Aggregates() []string { return slices.Sorted(maps.Keys(aggregates)) }

// Commands returns the names of the commands, sorted.
func Commands() []string { return slices.Sorted(maps.Keys(commands)) }

// percentile parses the number in p95, perc95, exactperc95 or upperperc95.
func percentile(name string) (float64, bool) {
	for _, prefix := range []string{"exactperc", "upperperc", "perc", "p"} {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok || rest == "" || !isDigit(rest[0]) {
			continue
		}
		n, err := strconv.ParseFloat(rest, 64)
		return n, err == nil && n <= 100 && strings.Trim(rest, "0123456789.") == ""
	}
	return 0, false
}

// commands has the parsers by command name. Each parses the text after the name up to the end of the command.
var commands map[string]func(p *parser, start int) Stage

func init() { //nolint:gochecknoinits // The parsers of subsearches refer to the table.
	commands = map[string]func(p *parser, start int) Stage{
		"search": parseFind, "where": parseWhere, "eval": parseEval,
		"tstats":      func(p *parser, start int) Stage { return parseTstats(p, start, false) },
		"mstats":      func(p *parser, start int) Stage { return parseTstats(p, start, true) },
		"stats":       func(p *parser, start int) Stage { return parseStats(p, start, Stats) },
		"eventstats":  func(p *parser, start int) Stage { return parseStats(p, start, Eventstats) },
		"streamstats": func(p *parser, start int) Stage { return parseStats(p, start, Streamstats) },
		"rename":      parseRename, "table": parseTable, "fields": parseFields, "fillnull": parseFillnull, "dedup": parseDedup,
		"sort": parseSort, "rex": parseRex, "regex": parseRegex, "bin": parseBin, "bucket": parseBin, "discretize": parseBin,
		"convert": parseConvert,
		"lookup":  parseLookup, "inputlookup": parseInputLookup, "mvexpand": parseMvexpand, "makemv": parseMakemv, "nomv": parseNomv,
		"mvcombine": parseMvcombine, "spath": parseSpath, "fromjson": parseFromJSON, "xmlkv": parseXmlkv, "extract": parseExtract,
		"kv": parseExtract, "replace": parseReplace, "foreach": parseForeach,
		"join":        parseJoin,
		"append":      func(p *parser, start int) Stage { return parseAppend(p, start, false) },
		"appendpipe":  func(p *parser, start int) Stage { return parseAppend(p, start, true) },
		"transaction": parseTransaction, "iplocation": parseIPLocation,
		"head":      func(p *parser, start int) Stage { return parseHead(p, start, false) },
		"tail":      func(p *parser, start int) Stage { return parseHead(p, start, true) },
		"top":       func(p *parser, start int) Stage { return parseTop(p, start, false) },
		"rare":      func(p *parser, start int) Stage { return parseTop(p, start, true) },
		"addtotals": parseAddTotals, "from": parseFrom, "makeresults": parseMakeresults,
		"reverse": func(p *parser, start int) Stage { return &Reverse{p.at(start)} },
		"format":  parseFormat,
		"return":  parseReturn, "map": parseMap,
	}
	maps.Copy(commands, moreCommands())
}
