package splunk

import (
	"reflect"

	"tocsin/internal/diag"
	"tocsin/internal/translate/spl"
)

// Dataset is a dataset of a data model that a search reads.
type Dataset struct {
	Model, Name string
	// Source is the text in which Span is.
	Source *spl.Source
	Span   diag.Span
}

// Datasets returns the datasets that a search and its subsearches read, in text order.
func Datasets(s *spl.Search) []Dataset {
	var out []Dataset
	EachSearch(s, func(s *spl.Search) {
		for _, stage := range s.Stages {
			switch stage := stage.(type) {
			case *spl.Tstats:
				if stage.Model != "" {
					out = append(out, Dataset{stage.Model, stage.Dataset, s.Source, stage.Pos()})
				}
			case *spl.Datamodel:
				out = append(out, Dataset{stage.Model, stage.Dataset, s.Source, stage.Pos()})
			}
		}
	})
	return out
}

// Predicate compiles a search condition without subsearches.
func Predicate(x spl.Expr) func(Row) bool { return compileExpr(x, same) }

// EachSearch visits a search and all nested searches of any command, outer searches first.
func EachSearch(s *spl.Search, visit func(*spl.Search)) {
	visit(s)
	for _, stage := range s.Stages {
		searchesIn(reflect.ValueOf(stage), visit)
	}
}

var (
	searchType = reflect.TypeFor[*spl.Search]()
	sourceType = reflect.TypeFor[*spl.Source]()
)

// searchesIn finds searches in a part of a syntax tree. It uses reflection, so that no command with a nested
// search is missed.
func searchesIn(v reflect.Value, visit func(*spl.Search)) {
	switch v.Kind() {
	case reflect.Pointer:
		switch {
		case v.IsNil() || v.Type() == sourceType:
		case v.Type() == searchType:
			if s, ok := reflect.TypeAssert[*spl.Search](v); ok {
				EachSearch(s, visit)
			}
		default:
			searchesIn(v.Elem(), visit)
		}
	case reflect.Interface:
		if !v.IsNil() {
			searchesIn(v.Elem(), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			searchesIn(v.Index(i), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				searchesIn(v.Field(i), visit)
			}
		}
	default:
	}
}
