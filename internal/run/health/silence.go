package health

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// Counter counts events.
type Counter interface {
	// Counts returns the numbers of events of a pattern's indices in consecutive steps from a time on, which is a multiple of step, until
	// another, and the time of the last event before that; zero if there is none.
	Counts(ctx context.Context, pattern string, from, to time.Time, step time.Duration) (counts []int64, last time.Time, err error)
}

// sourcesHolder is the holder of silent sources. One of the runners counts for all.
const sourcesHolder = "\x01sources"

// IsSources reports whether a holder stands for the sources of events, which always exist, and which one runner owns.
func IsSources(holder string) bool { return holder == sourcesHolder }

// overlap is how far back counts are read again, for late events.
const overlap = 2 * time.Hour

// Silence watches the sources of events. Its fields are set before its first use.
type Silence struct {
	Board  *Board
	Events Counter
	// After, if not 0, is the age of the last event from which on a source is silent, whatever its rhythm.
	After time.Duration
	// Lag returns how long events of a pattern take until they are visible.
	Lag func(pattern string) time.Duration

	mu      sync.Mutex
	sources map[string]*source
}

type source struct {
	rhythm Rhythm
	read   time.Time
	silent string
}

// Check counts the events of patterns and notes which are silent. It returns the error of the first pattern that could not be counted;
// such a pattern stays as it was.
func (s *Silence) Check(ctx context.Context, patterns []string, now time.Time) error {
	if !s.Board.opts.Owns(sourcesHolder) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var first error
	var found []Finding
	kept := map[string]*source{}
	for _, p := range patterns {
		one := s.sources[p]
		if one == nil {
			one = &source{}
		}
		kept[p] = one
		if err := s.count(ctx, p, one, now); err != nil {
			if first == nil {
				first = err
			}
		} else {
			one.silent = s.judge(p, one, now)
		}
		if one.silent != "" {
			found = append(found, Finding{Kind: SourceSilent, Subject: p, Text: p + ": " + one.silent})
		}
	}
	s.sources = kept
	if first == nil || len(found) > 0 || ctx.Err() == nil {
		s.Board.Observe(sourcesHolder, []Kind{SourceSilent}, s.withUnknown(found, first), now)
	}
	return first
}

// withUnknown adds the states of patterns that could not be counted and of which nothing is known yet, so that they do not end.
func (s *Silence) withUnknown(found []Finding, failed error) []Finding {
	if failed == nil {
		return found
	}
	for _, state := range s.Board.States() {
		one := s.sources[state.Subject]
		if state.Kind == SourceSilent && one != nil && one.read.IsZero() {
			found = append(found, Finding{Kind: SourceSilent, Subject: state.Subject, Text: state.Text})
		}
	}
	return found
}

func (s *Silence) count(ctx context.Context, pattern string, one *source, now time.Time) error {
	from := now.Add(-RhythmFor)
	if !one.read.IsZero() {
		from = one.read.Add(-overlap)
	}
	from = from.UTC().Truncate(Step)
	counts, last, err := s.Events.Counts(ctx, pattern, from, now, Step)
	if err != nil {
		return err //nolint:wrapcheck // it names the pattern
	}
	one.rhythm.Add(from, counts, last)
	one.read = now
	return nil
}

func (s *Silence) judge(pattern string, one *source, now time.Time) string {
	if s.After > 0 {
		if last := one.rhythm.Last(); !last.IsZero() && now.Sub(last) > s.After {
			return "no event since " + last.UTC().Format(time.RFC3339) + ", for longer than " + s.After.String()
		}
		return ""
	}
	lag := defaultLag
	if s.Lag != nil {
		lag = min(max(lag, s.Lag(pattern)), mostLag)
	}
	return one.rhythm.Silent(now, lag)
}

// defaultLag is how long events take at least until they are visible; mostLag bounds what is measured.
const defaultLag, mostLag = time.Minute, time.Hour

// Sources returns the distinct patterns that rules read, without exclusions.
func Sources(rules [][]string) []string {
	var out []string
	for _, patterns := range rules {
		for _, list := range patterns {
			for p := range strings.SplitSeq(list, ",") {
				if p = strings.TrimSpace(p); p != "" && !strings.HasPrefix(p, "-") {
					out = append(out, p)
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
