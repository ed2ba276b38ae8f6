package sigma

import (
	"time"

	"tocsin/internal/translate/sigma"
)

// Options are what the meaning of documents depends on beside their text.
type Options struct {
	// Placeholders are the values of names such as %Admins%.
	Placeholders map[string][]string
	// LongestSpan is the longest timespan of a correlation; 0 is none.
	LongestSpan time.Duration
}

func (o Options) detection() sigma.Options { return sigma.Options{Placeholders: o.Placeholders} }
