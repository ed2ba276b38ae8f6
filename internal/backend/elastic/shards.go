package elastic

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/diag/failure"
)

// shards is the part of an answer that says how many shards it covers.
type shards struct {
	Total    int            `json:"total"`
	Failed   int            `json:"failed"`
	Failures []shardFailure `json:"failures"`

	// there: the answer has the part.
	there bool
}

// lacksGroups names the part that an answer with an aggregation lacks; "" if it is whole. Buckets are required only if shards were
// searched: without shards, Elasticsearch omits them.
func (s shards) lacksGroups(omitted bool) string {
	switch {
	case !s.there:
		return "_shards"
	case omitted && s.Total > 0 && s.Failed < s.Total:
		return "aggregations"
	}
	return ""
}

type shardFailure struct {
	Shard  int    `json:"shard"`
	Index  string `json:"index"`
	Reason cause  `json:"reason"`
}

// clusters is the part of an answer about remote clusters.
type clusters struct {
	Details map[string]struct {
		Status string `json:"status"`
	} `json:"details"`
	Skipped int `json:"skipped"`
	Failed  int `json:"failed"`
}

// The number of reasons, and of names for each reason, in a message.
const (
	maxReasons = 5
	maxNames   = 5
)

// damage collects what the answers of all pages did not cover. The zero value is empty.
type damage struct {
	failed, total int
	// expects: there must be shards, as the patterns were resolved to open indices.
	expects, answered bool
	// clusters are the remote clusters that must answer, as the patterns match indices there. Elasticsearch
	// does not report a cluster that was unavailable when the point in time was opened.
	clusters []string
	timedOut bool
	remote   []string
	reasons  []string
	indices  map[string][]string
}

func (d *damage) add(s shards, timedOut bool, remote clusters) {
	d.answered = true
	d.timedOut = d.timedOut || timedOut
	d.total = max(d.total, s.Total)
	d.failed = max(d.failed, s.Failed)
	for _, f := range s.Failures {
		reason := strings.TrimSuffix(f.Reason.root().Type+": "+f.Reason.root().text(), ": ")
		if d.indices == nil {
			d.indices = map[string][]string{}
		}
		if _, known := d.indices[reason]; !known {
			d.reasons = append(d.reasons, reason)
		}
		if !slices.Contains(d.indices[reason], f.Index) {
			d.indices[reason] = append(d.indices[reason], f.Index)
		}
	}
	d.clusters = slices.DeleteFunc(d.clusters, func(name string) bool { _, told := remote.Details[name]; return told })
	if remote.Skipped+remote.Failed == 0 {
		return
	}
	for name, detail := range remote.Details {
		if (detail.Status == "skipped" || detail.Status == "failed") && !slices.Contains(d.remote, name) {
			d.remote = append(d.remote, name)
		}
	}
	if len(remote.Details) == 0 && len(d.remote) == 0 {
		d.remote = []string{fmt.Sprintf("%d of them", remote.Skipped+remote.Failed)}
	}
}

// err returns a failure of kind Partial; nil if nothing is missing.
func (d *damage) err(op string) error {
	var parts []string
	var why failure.Unread
	if d.answered {
		d.remote = append(d.remote, d.clusters...)
		d.clusters = nil
	}
	if d.expects && d.answered && d.total == 0 && len(d.remote) == 0 {
		why = failure.Forbidden
		parts = append(parts, "no shard was searched: the indices are gone by now, or the right to read them")
	}
	if d.failed > 0 {
		why = failure.Shards
		parts = append(parts, fmt.Sprintf("%d of %d shards failed%s", d.failed, d.total, d.detail()))
	}
	if d.timedOut {
		parts = append(parts, "Elasticsearch ran out of its time for the search")
	}
	if len(d.remote) > 0 {
		why = failure.Remote
		slices.Sort(d.remote)
		parts = append(parts, "remote clusters did not answer: "+some(d.remote))
	}
	if parts == nil {
		return nil
	}
	return &failure.Error{Kind: failure.Partial, Op: op, Unread: why, Reason: strings.Join(parts, "; ")}
}

// expecting returns the damage for a search of patterns. shards: some shards must be searched.
func (c *Client) expecting(patterns []string, shards bool) damage {
	return damage{expects: shards, clusters: c.seen.expected(patterns)}
}

// detail groups the failed shards by reason.
func (d *damage) detail() string {
	var b strings.Builder
	for i, reason := range d.reasons {
		if i == maxReasons {
			fmt.Fprintf(&b, ", and %d reasons more", len(d.reasons)-i)
			break
		}
		b.WriteString(map[bool]string{true: ": ", false: ", "}[i == 0])
		slices.Sort(d.indices[reason])
		fmt.Fprintf(&b, "[%s] %s", some(d.indices[reason]), bounded(reason))
	}
	return b.String()
}

// some lists names, the first few if there are many.
func some(names []string) string {
	if len(names) <= maxNames {
		return strings.Join(names, ",")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNames], ","), len(names)-maxNames)
}
