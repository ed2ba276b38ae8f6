package spl

// Command returns search.
func (*Find) Command() string { return "search" }

// Command returns where.
func (*Where) Command() string { return "where" }

// Command returns eval.
func (*Eval) Command() string { return "eval" }

// Command returns tstats or mstats.
func (t *Tstats) Command() string {
	if t.Metrics {
		return "mstats"
	}
	return "tstats"
}

// Command returns rename.
func (*Rename) Command() string { return "rename" }

// Command returns table.
func (*Table) Command() string { return "table" }

// Command returns fields.
func (*Fields) Command() string { return "fields" }

// Command returns fillnull.
func (*Fillnull) Command() string { return "fillnull" }

// Command returns dedup.
func (*Dedup) Command() string { return "dedup" }

// Command returns sort.
func (*Sort) Command() string { return "sort" }

// Command returns rex.
func (*Rex) Command() string { return "rex" }

// Command returns regex.
func (*Regex) Command() string { return "regex" }

// Command returns bin.
func (*Bin) Command() string { return "bin" }

// Command returns convert.
func (*Convert) Command() string { return "convert" }

// Command returns lookup.
func (*Lookup) Command() string { return "lookup" }

// Command returns inputlookup.
func (*InputLookup) Command() string { return "inputlookup" }

// Command returns mvexpand.
func (*Mvexpand) Command() string { return "mvexpand" }

// Command returns makemv.
func (*Makemv) Command() string { return "makemv" }

// Command returns nomv.
func (*Nomv) Command() string { return "nomv" }

// Command returns mvcombine.
func (*Mvcombine) Command() string { return "mvcombine" }

// Command returns spath.
func (*Spath) Command() string { return "spath" }

// Command returns fromjson.
func (*FromJSON) Command() string { return "fromjson" }

// Command returns xmlkv.
func (*Xmlkv) Command() string { return "xmlkv" }

// Command returns extract.
func (*Extract) Command() string { return "extract" }

// Command returns replace.
func (*Replace) Command() string { return "replace" }

// Command returns join.
func (*Join) Command() string { return "join" }

// Command returns transaction.
func (*Transaction) Command() string { return "transaction" }

// Command returns iplocation.
func (*IPLocation) Command() string { return "iplocation" }

// Command returns addtotals.
func (*AddTotals) Command() string { return "addtotals" }

// Command returns makeresults.
func (*Makeresults) Command() string { return "makeresults" }

// Command returns reverse.
func (*Reverse) Command() string { return "reverse" }

// Command returns format.
func (*Format) Command() string { return "format" }

// Command returns return.
func (*Return) Command() string { return "return" }

// Command returns map.
func (*Map) Command() string { return "map" }

// Command returns stats, eventstats or streamstats.
func (a *Aggregate) Command() string {
	return [...]string{"stats", "eventstats", "streamstats"}[a.Kind]
}

// Command returns append or appendpipe.
func (a *Append) Command() string {
	if a.Pipe {
		return "appendpipe"
	}
	return "append"
}

// Command returns head or tail.
func (h *Head) Command() string {
	if h.Tail {
		return "tail"
	}
	return "head"
}

// Command returns top or rare.
func (t *Top) Command() string {
	if t.Rare {
		return "rare"
	}
	return "top"
}
