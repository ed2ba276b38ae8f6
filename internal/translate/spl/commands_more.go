package spl

// moreCommands has the parsers of rare commands.
func moreCommands() map[string]func(p *parser, start int) Stage {
	return map[string]func(p *parser, start int) Stage{
		"accum": parseAccum, "delta": parseDelta, "autoregress": parseAutoregress, "filldown": parseFilldown,
		"uniq":      func(p *parser, start int) Stage { return &Uniq{p.at(start)} },
		"trendline": parseTrendline,
		"strcat":    parseStrcat, "rangemap": parseRangemap, "tojson": parseToJSON, "fieldformat": parseFieldformat,
		"noop": parseNoop("noop"), "localop": parseNoop("localop"), "addinfo": parseAddInfo, "makecontinuous": parseMakecontinuous,
		"outlier": parseOutlier, "multikv": parseMultikv, "xpath": parseXPath, "collect": parseCollect, "fit": parseFit, "apply": parseApply, "datamodel": parseDatamodel, "predict": parsePredict, "anomalydetection": parseAnomalyDetection,
		"outputlookup": parseOutputLookup,
		"chart":        func(p *parser, start int) Stage { return parseChart(p, start, false) },
		"timechart":    func(p *parser, start int) Stage { return parseChart(p, start, true) },
		"appendcols":   parseAppendCols, "set": parseSet,
		"union":        func(p *parser, start int) Stage { return parseUnion(p, start, false) },
		"multisearch":  func(p *parser, start int) Stage { return parseUnion(p, start, true) },
		"addcoltotals": parseAddColTotals,
		"xyseries":     parseXyseries, "untable": parseUntable, "transpose": parseTranspose,
	}
}
