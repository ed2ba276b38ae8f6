package splunk

import "tocsin/internal/translate/spl"

// First returns the first scan of a search, without the window, which [Within] returns. It is false if the scan is
// known only at run time, because of a subsearch, or if the search does not start with events.
func First(s *spl.Search) (Scan, bool) {
	// The time does not matter: only the condition without times is used.
	t, err := within(condition1(s), Window{})
	if err != nil {
		return Scan{}, false
	}
	where := t.where
	switch first := s.Stages[0].(type) {
	case *spl.Find:
		return Scan{Where: where}, !hasSubsearch(first.X)
	case *spl.Tstats:
		if where != nil {
			where = renameExpr(where, undataset(first.Model, first.Dataset))
		}
		return Scan{Where: where, Model: first.Model, Dataset: first.Dataset}, !hasSubsearch(first.Where)
	case *spl.Datamodel:
		return Scan{Model: first.Model, Dataset: first.Dataset}, true
	}
	return Scan{}, false
}

func hasSubsearch(x spl.Expr) bool {
	found := false
	spl.Walk(x, func(x spl.Expr) {
		switch x.(type) {
		case *spl.Subsearch, *spl.SubCompare:
			found = true
		}
	})
	return found
}

// KeepsEvents reports whether each result of a search is one event: no command combines rows or splits them.
func KeepsEvents(s *spl.Search) bool {
	for _, stage := range s.Stages {
		switch stage := stage.(type) {
		case *spl.Find, *spl.Where, *spl.Eval, *spl.Rename, *spl.Table, *spl.Fields, *spl.Fillnull, *spl.Dedup, *spl.Sort, *spl.Rex,
			*spl.Regex, *spl.Bin, *spl.Convert, *spl.Lookup, *spl.Makemv, *spl.Nomv, *spl.Spath, *spl.FromJSON, *spl.Xmlkv, *spl.XPath, *spl.Extract,
			*spl.Replace, *spl.Foreach, *spl.IPLocation, *spl.Head, *spl.AddTotals, *spl.Reverse, *spl.Datamodel,
			*spl.Accum, *spl.Delta, *spl.Autoregress, *spl.Filldown, *spl.Uniq, *spl.Trendline, *spl.Strcat, *spl.Rangemap, *spl.ToJSON,
			*spl.Fieldformat, *spl.Noop, *spl.AddInfo, *spl.Outlier, *spl.AnomalyDetection, *spl.Collect, *spl.Fit, *spl.Apply, *spl.OutputLookup:
		case *spl.Aggregate:
			if stage.Kind == spl.Stats {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// Writes reports whether a search writes a table, a model or events.
func Writes(s *spl.Search) bool {
	writes := false
	EachSearch(s, func(s *spl.Search) {
		for _, stage := range s.Stages {
			switch stage := stage.(type) {
			case *spl.OutputLookup, *spl.Collect, *spl.Map:
				writes = true
			case *spl.Fit:
				writes = writes || stage.Model != ""
			}
		}
	})
	return writes
}
