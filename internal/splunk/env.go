package splunk

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/search/tables"
	"tocsin/internal/translate/spl"
)

// Env is what a search finds beside events.
type Env struct {
	// Table returns a lookup by its name, nil when there is none; a nil func has none.
	Table func(name string) *Table
	// Collector takes what the command collect writes; nil: nothing is written, and rows are only passed on.
	Collector Collector
	// Tables are those that searches write and read; nil: nothing is kept, and rows are only passed on.
	Tables tables.Store
	// Locate says what is known of an address: City, Country, Region, lat, lon …; nil when no
	// database is configured, and iplocation is not supported then.
	Locate func(address string) map[string]string
	// Macros are for searches that are made while a search runs (map); nil has none.
	Macros spl.Macros
	// Location is the time zone of texts; nil is UTC.
	Location *time.Location
	// MemoryLimit bounds in bytes what commands hold; 0 is [DefaultMemoryLimit].
	MemoryLimit int
}

// DefaultMemoryLimit is what the commands of one search may hold.
const DefaultMemoryLimit = 512 << 20

// Window is the half-open time of a search; Now is the time that it is scheduled for, whenever it
// really runs.
type Window struct{ Earliest, Latest, Now time.Time }

// Scan is what a search asks of its source. The source may hand out more than Where asks for: it
// is tested again.
type Scan struct {
	// Where is the condition, nil for none. Names in it are without the dataset.
	Where spl.Expr
	// Model and Dataset are set when events of a data model are wanted, under its names.
	Model, Dataset string
	Window         Window
}

// Source is where events come from.
type Source interface {
	// Events hands the events of a scan to visit, the newest first, until it returns an error. A row
	// is the visitor's to change. Field _time is the time in seconds.
	Events(ctx context.Context, s Scan, visit func(Row) error) error
}

// LimitError says that a search needs more memory than it may.
type LimitError struct {
	Command string
	Limit   int
}

// Error names the command.
func (e *LimitError) Error() string {
	limit := fmt.Sprintf("%d MiB", e.Limit>>20)
	if e.Limit < 1<<20 {
		limit = fmt.Sprintf("%d KiB", e.Limit>>10)
	}
	return fmt.Sprintf("run %s: it holds more than the %s that a search may", e.Command, limit)
}

// CodeNoDatabase marks a command that asks for places of addresses, which nobody knows.
const CodeNoDatabase = "spl/no-database"

// Check reports what cannot be run with an environment.
func Check(s *spl.Search, env Env) diag.List {
	c := checker{env: env}
	EachSearch(s, c.search)
	c.diags.Sort()
	return c.diags
}

// CodeEstimate marks results that are not to the last digit those of Splunk.
const CodeEstimate = "spl/estimate"

type checker struct {
	env   Env
	diags diag.List
}

func (c *checker) search(s *spl.Search) {
	for _, stage := range s.Stages {
		switch stage := stage.(type) {
		case *spl.Lookup:
			c.table(s, stage.Table)
		case *spl.InputLookup:
			c.table(s, stage.Table)
		case *spl.Collect:
			if c.env.Collector == nil && !stage.Test {
				c.diags = append(c.diags, s.Source.Report(diag.Warning, spl.CodeUnsupported, stage.Pos(),
					"the command collect writes nothing here: its rows only go on"))
			}
		case *spl.Fit:
			c.diags = append(c.diags, s.Source.Report(diag.Warning, CodeEstimate, stage.Pos(),
				"the command fit takes values to be spread normally: what is an outlier is near to what Splunk finds, and not the same"))
		case *spl.Apply:
			c.diags = append(c.diags, s.Source.Report(diag.Warning, spl.CodeUnknownTable, stage.Model.Span,
				"the search needs the model %s, which another one makes by fit DensityFunction; without it it fails", stage.Model.Text))
		case *spl.AnomalyDetection:
			if !stage.Plain && stage.Share == 0 {
				c.diags = append(c.diags, s.Source.Report(diag.Warning, CodeEstimate, stage.Pos(),
					"the command anomalydetection takes more rows than Splunk does, which does not say how it leaves some out; cutoff=false takes them all"))
			}
		case *spl.Predict:
			c.diags = append(c.diags, s.Source.Report(diag.Warning, CodeEstimate, stage.Pos(),
				"the command predict smooths by level, trend and season: its figures are near those of Splunk, and not the same"))
		case *spl.IPLocation:
			if c.env.Locate == nil {
				c.diags = append(c.diags, s.Source.Report(diag.Warning, CodeNoDatabase, stage.Pos(),
					"the command iplocation adds nothing: no database of addresses is configured"))
			}
		}
	}
}

func (c *checker) table(s *spl.Search, name spl.Name) {
	var t *Table
	if c.env.Table != nil {
		t = c.env.Table(name.Text)
	}
	switch {
	case t == nil:
		c.diags = append(c.diags, s.Source.Report(diag.Warning, spl.CodeUnknownTable, name.Span, "the lookup %s is not defined: nothing is found in it", name.Text))
	case t.Unread != "":
		c.diags = append(c.diags, s.Source.Report(diag.Error, spl.CodeUnknownTable, name.Span, "the lookup %s has rows that nobody knows: %s", name.Text, t.Unread))
	case t.Empty != "":
		c.diags = append(c.diags, s.Source.Report(diag.Warning, spl.CodeUnknownTable, name.Span, "the lookup %s is empty: %s", name.Text, t.Empty))
	}
}
