package splunk

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/search/tables"
	"tocsin/internal/translate/spl"
)

// Env holds what a search needs besides events.
type Env struct {
	// Table returns a lookup by name, nil if it does not exist. A nil func has no lookups.
	Table func(name string) *Table
	// Collector receives the events of the command collect. nil: nothing is written, and rows are only passed on.
	Collector Collector
	// Tables stores the tables that searches write and read. nil: nothing is stored, and rows are only passed on.
	Tables tables.Store
	// Locate returns the location of an address: City, Country, Region, lat, lon …. It is nil without a database;
	// iplocation is not supported then.
	Locate func(address string) map[string]string
	// Macros expands macros in searches that are made at run time (map); nil has no macros.
	Macros spl.Macros
	// Location is the time zone of times in texts; nil is UTC.
	Location *time.Location
	// MemoryLimit is the maximum number of bytes that commands hold; 0 is [DefaultMemoryLimit].
	MemoryLimit int
}

// DefaultMemoryLimit is the memory limit of all commands of one search, in bytes.
const DefaultMemoryLimit = 512 << 20

// Window is the half-open time range of a search. Now is the time for which the search is scheduled, not the time
// at which it runs.
type Window struct{ Earliest, Latest, Now time.Time }

// Scan is the request of a search to its source. The source may return more events than Where matches: they are
// tested again.
type Scan struct {
	// Where is the condition, nil for all events. Its names have no dataset prefix.
	Where spl.Expr
	// Model and Dataset are set if events of a data model are wanted, with the model's field names.
	Model, Dataset string
	Window         Window
}

// Source provides events.
type Source interface {
	// Events passes the events of a scan to visit, newest first, until visit returns an error. The visitor owns
	// the row and may change it. Field _time is the time in seconds since 1970.
	Events(ctx context.Context, s Scan, visit func(Row) error) error
}

// LimitError reports that a search exceeds its memory limit.
type LimitError struct {
	Command string
	Limit   int
}

// Error names the command and the limit.
func (e *LimitError) Error() string {
	limit := fmt.Sprintf("%d MiB", e.Limit>>20)
	if e.Limit < 1<<20 {
		limit = fmt.Sprintf("%d KiB", e.Limit>>10)
	}
	return fmt.Sprintf("run %s: it holds more than the %s that a search may", e.Command, limit)
}

// CodeNoDatabase marks iplocation without a GeoIP database.
const CodeNoDatabase = "spl/no-database"

// Check reports the commands that cannot run in an environment.
func Check(s *spl.Search, env Env) diag.List {
	c := checker{env: env}
	EachSearch(s, c.search)
	c.diags.Sort()
	return c.diags
}

// CodeEstimate marks results that may differ from Splunk's in the last digits.
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
