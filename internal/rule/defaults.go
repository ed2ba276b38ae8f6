package rule

import (
	"time"

	"tocsin/internal/scheduler/datemath"
)

// The defaults are Kibana's, so that a rule runs here as it does there.
const (
	defaultInterval   = 5 * time.Minute
	defaultFrom       = "now-6m"
	defaultTo         = "now"
	defaultMaxSignals = 100
	defaultTimestamp  = "@timestamp"
)

// New returns a rule with every default that does not depend on its type.
func New(path string) *Rule {
	return &Rule{
		Path:           path,
		Interval:       defaultInterval,
		From:           mustMoment(defaultFrom),
		To:             mustMoment(defaultTo),
		MaxSignals:     defaultMaxSignals,
		TimestampField: defaultTimestamp,
	}
}

// fillDefaults adds the defaults that depend on the rest of the file.
func (r *Rule) fillDefaults() {
	if langs := types[r.Type].languages; r.Language == "" && len(langs) == 1 {
		r.Language = langs[0]
	}
	if r.Type == TypeSavedQuery && r.Language == "" {
		r.Language = Kuery
	}
	if r.ThreatMatch != nil && r.ThreatMatch.Language == "" {
		r.ThreatMatch.Language = Kuery
	}
	if r.Cron != "" {
		r.Interval = 0
	}
}

// mustMoment parses one of the defaults above.
func mustMoment(text string) Moment {
	e, err := datemath.Parse(text)
	if err != nil {
		panic(err)
	}
	return Moment{Text: text, Expr: e}
}
