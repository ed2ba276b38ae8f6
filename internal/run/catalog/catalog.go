package catalog

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"sync"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/query"
	"tocsin/internal/query/correlating"
	"tocsin/internal/query/plans"
	"tocsin/internal/query/splrule"
	"tocsin/internal/rule"
	"tocsin/internal/rule/folder"
	"tocsin/internal/sigma"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/escu"
	"tocsin/internal/splunk/pushdown"
)

// Options are the settings for searches in SPL. The zero value has the shipped field map, and no indices with
// events in Splunk's own format.
type Options struct {
	// Map maps the names of searches to indices and fields; nil is [fieldmap.Default].
	Map *fieldmap.Map
	// Index are the index patterns of events in Splunk's own format.
	Index []string
	// SplunkURL is the address of a Splunk that the links of drilldowns begin with; "" leaves them without one.
	SplunkURL string
	// Skew is the percentage of their period over which detections are spread; see [escu.Schedule.Skew].
	Skew int
	// OnlyEnabled disables the detections that do not say enabled_by_default: true.
	OnlyEnabled bool
	// Locate returns the location of an address; nil: iplocation is not supported.
	Locate func(address string) map[string]string
	// Sigma says how rules of Sigma are run.
	Sigma Sigma
}

// Catalog is a set of rules of any format. The zero value is empty.
type Catalog struct {
	rule.Set

	options Options
	// fieldMap is the parsed map of the options; nil is the shipped one.
	fieldMap   *pushdown.Map
	library    *escu.Library
	detections map[*rule.Rule]*escu.Detection
	sigma      map[*rule.Rule]sigmaRule
	bySigma    map[*sigma.Rule]*rule.Rule
	// correlations are those of Sigma; room bounds what they keep.
	correlations map[*rule.Rule]*sigma.Correlation
	room         *correlating.Room
}

// empty returns a catalog without rules.
func empty(o Options) (Catalog, diag.List) {
	c := Catalog{options: o}
	if o.Map == nil {
		return c, nil
	}
	m, diags := pushdown.NewMap(*o.Map)
	c.fieldMap = &m
	return c, diags
}

// names returns the map for the names of searches in SPL.
func (c *Catalog) names() pushdown.Map {
	if c.fieldMap == nil {
		return pushdown.Default()
	}
	return *c.fieldMap
}

// Load reads files and directories: rules like [rule.Load], and *.yml of Splunk's content. A file that cannot
// be read is a diagnostic and does not stop the others; the error is set only when the context ends.
func Load(ctx context.Context, o Options, paths ...string) (Catalog, diag.List, error) {
	ours, content := split(paths)
	c, diags := empty(o)
	set, more := rule.Read(ours...)
	c.Set, diags = set, append(diags, more...)
	if len(content) > 0 {
		more, err := c.add(ctx, folder.Disk{}, content, libraries(content))
		if diags = append(diags, more...); err != nil {
			return c, diags, err
		}
	}
	return c, append(diags, c.settle()...), nil
}

// LoadFS is [Load] for files of another file system, such as the rules built into the program.
func LoadFS(ctx context.Context, o Options, fsys fs.FS, paths ...string) (Catalog, diag.List, error) {
	c, diags := empty(o)
	set, more := rule.ReadFS(fsys, paths...)
	c.Set, diags = set, append(diags, more...)
	more, err := c.add(ctx, fsys, paths, nil)
	if diags = append(diags, more...); err != nil {
		return c, diags, err
	}
	return c, append(diags, c.settle()...), nil
}

// settle decides what follows from all rules together: who has an id, and which rules are silent.
func (c *Catalog) settle() diag.List {
	diags := c.resolveIDs()
	return append(diags, c.silence()...)
}

// resolveIDs decides which rule keeps an id that several rules have: a rule that cannot be planned never takes it
// from one that can.
func (c *Catalog) resolveIDs() diag.List {
	return c.Settle(func(r *rule.Rule) diag.List {
		_, diags := c.Plan(r)
		return diags
	})
}

// add reads Splunk's content and Sigma rules; beside are the files of Splunk's library.
func (c *Catalog) add(ctx context.Context, fsys fs.FS, paths, beside []string) (diag.List, error) {
	var sigmas []diag.Text
	ofSigma := func(root string, text diag.Text) bool {
		is := sigma.Is(text.Value)
		if is && slices.Contains(paths, root) {
			sigmas = append(sigmas, text)
		}
		return is
	}
	library, diags, err := escu.LoadBeside(ctx, fsys, ofSigma, slices.Concat(paths, beside)...)
	if err != nil {
		return nil, fmt.Errorf("load rules: %w", err)
	}
	c.library, c.detections = library, map[*rule.Rule]*escu.Detection{}
	all := slices.Concat(library.Detections, library.Broken)
	slices.SortStableFunc(all, func(a, b *escu.Detection) int { return cmp.Compare(a.Path, b.Path) })
	owned := rule.NewOwned(diags)
	var more diag.List
	for _, d := range all {
		r := d.Rule()
		r.Enabled = nil
		if c.options.OnlyEnabled {
			enabled := d.Enabled != nil && *d.Enabled
			r.Enabled = &enabled
		}
		r.Skew = d.Schedule.Skew(d.ID, c.options.Skew)
		more = append(more, c.Add(r, owned.Take(r))...)
		c.detections[r] = d
	}
	diags = append(owned.Left(), more...)
	more, err = c.addSigma(ctx, sigmas)
	return append(diags, more...), err
}

// Plan plans a rule of the catalog. The plan is nil if a diagnostic is an error.
func (c *Catalog) Plan(r *rule.Rule) (query.Plan, diag.List) {
	if s, ok := c.sigma[r]; ok {
		return s.plan(r)
	}
	if s, ok := c.correlations[r]; ok {
		return c.correlate(r, s)
	}
	if d := c.detections[r]; d != nil && r.Type == rule.TypeSPL {
		return c.planSearch(r, d, c.library, c.options.Index, splunk.Later)
	}
	return plans.For(r) //nolint:wrapcheck // diagnostics are not errors
}

// Planned is the plan of a rule, nil if a diagnostic is an error.
type Planned struct {
	Plan  query.Plan
	Diags diag.List
}

// Plans plans rules of the catalog side by side, and returns their plans in order. Searches in SPL share what the library
// remembers of macros, so they are planned one after the other.
func (c *Catalog) Plans(rules []*rule.Rule) []Planned {
	out := make([]Planned, len(rules))
	plan := func(i int) { out[i].Plan, out[i].Diags = c.Plan(rules[i]) }
	alone, apart := make(chan int, len(rules)), make(chan int, len(rules))
	for i, r := range rules {
		if c.detections[r] != nil {
			alone <- i
		} else {
			apart <- i
		}
	}
	close(alone)
	close(apart)
	var wait sync.WaitGroup
	wait.Go(func() {
		for i := range alone {
			plan(i)
		}
	})
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := range apart {
				plan(i)
			}
		})
	}
	wait.Wait()
	return out
}

// Search plans an ad hoc search in SPL, with the macros and lookups of the catalog. Events in Splunk's own
// format are searched in the index patterns. The plan is nil if a diagnostic is an error.
func (c *Catalog) Search(text diag.Text, index []string) (query.Plan, diag.List) {
	library := c.library
	if library == nil {
		library = &escu.Library{}
	}
	r := &rule.Rule{Name: "query", Type: rule.TypeSPL, Language: rule.SPL, Query: text, Index: index}
	return c.planSearch(r, &escu.Detection{Name: "query", Search: text}, library, index, nil)
}

// planSearch plans a search from its text. The library reports errors of the text, unsupported parts, and
// what the detection lacks; the plan reports events that it cannot find. collector stands for the collector of
// its runs; nil if they have none.
func (c *Catalog) planSearch(r *rule.Rule, d *escu.Detection, library *escu.Library, index []string, collector splunk.Collector) (query.Plan, diag.List) {
	env := library.Env()
	env.Locate, env.Collector = c.options.Locate, collector
	search, diags := library.Parse(d, env)
	if search == nil {
		return nil, diags
	}
	plan, more := splrule.New(splrule.Input{Rule: r, Detection: d, Search: search, Env: env, Map: c.names(), Index: index, SplunkURL: c.options.SplunkURL})
	return plan, append(diags, more...)
}
