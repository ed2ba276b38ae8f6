package elastic

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/search/indexname"
)

// defaultRefresh is the refresh interval of an index without the setting. An index that was not searched for
// long is not refreshed until the next search, which waits for the refresh.
const defaultRefresh = time.Second

// Refreshes says when documents of the indices of patterns become visible.
type Refreshes struct {
	// Longest is the longest refresh interval of the indices that refresh by themselves.
	Longest time.Duration
	// Never are the indices that do not: their interval is negative, or less than a millisecond.
	Never []string
	// Remote are the patterns of remote clusters, whose settings cannot be read.
	Remote []string
}

// Refreshes returns the refresh intervals of the open indices that patterns match now, including the indices
// behind aliases and data streams. It needs the privilege view_index_metadata.
func (c *Client) Refreshes(ctx context.Context, patterns []string) (Refreshes, error) {
	patterns = tidy(patterns)
	out := Refreshes{}
	if indexname.HasDateMath(patterns) {
		return out, dated(patterns)
	}
	var local []string
	for _, p := range patterns {
		if remote(p) {
			out.Remote = append(out.Remote, p)
		} else {
			local = append(local, p)
		}
	}
	if len(local) == 0 {
		return out, nil
	}
	out.Longest = defaultRefresh
	for _, part := range patternChunks(local, maxPath) {
		if err := c.refreshes(ctx, part, &out); err != nil {
			return out, err
		}
	}
	slices.Sort(out.Never)
	return out, nil
}

func (c *Client) refreshes(ctx context.Context, patterns []string, out *Refreshes) error {
	type answer map[string]struct {
		Settings struct {
			Index struct {
				Interval *string `json:"refresh_interval"`
			} `json:"index"`
		} `json:"settings"`
	}
	op := "refresh intervals of [" + shown(patterns) + "]"
	yes := true
	a, err := call[answer](ctx, c, op, func() esapi.Request {
		return esapi.IndicesGetSettingsRequest{
			Index: escape(patterns), Name: []string{"index.refresh_interval"}, FilterPath: []string{"*.settings.index.refresh_interval"},
			ExpandWildcards: "open", IgnoreUnavailable: &yes, AllowNoIndices: &yes,
		}
	})
	if err != nil && !notFound(err) { // a named index that was deleted does not matter
		return err
	}
	for _, index := range slices.Sorted(maps.Keys(a)) {
		text := a[index].Settings.Index.Interval
		if text == nil {
			continue
		}
		every, ok := parseTime(*text)
		switch {
		case !ok:
			return &failure.Error{Kind: failure.Refused, Op: op, Reason: "index " + index + " has the interval " + *text}
		case every < time.Millisecond:
			if !slices.Contains(out.Never, index) {
				out.Never = append(out.Never, index)
			}
		default:
			out.Longest = max(out.Longest, every)
		}
	}
	return nil
}

// parseTime parses a time of a setting: 30s, 1500ms, -1, 0.
func parseTime(text string) (d time.Duration, ok bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	for _, u := range []struct {
		suffix string
		unit   time.Duration
	}{
		{"nanos", time.Nanosecond},
		{"micros", time.Microsecond},
		{"ms", time.Millisecond},
		{"s", time.Second},
		{"m", time.Minute},
		{"h", time.Hour},
		{"d", 24 * time.Hour},
		{"", time.Millisecond}, // only 0 and -1 may have no unit
	} {
		number, found := strings.CutSuffix(text, u.suffix)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || u.suffix == "" && n != 0 && n != -1 {
			return 0, false
		}
		if most := int64(1<<62) / int64(u.unit); n > most {
			return time.Duration(1 << 62), true
		}
		return time.Duration(n) * u.unit, true
	}
	return 0, false
}
