//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/match/mapping"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/testkit/eventgen"
)

// roundIndices maps datasets to indices. Half of the process events are in the last index.
var roundIndices = []string{
	"logs-endpoint.events.process-default", "logs-endpoint.events.file-default", "logs-endpoint.events.network-default",
	"logs-endpoint.events.registry-default", "logs-system.security-default", "logs-windows.powershell_operational-default",
	"logs-aws.cloudtrail-default", "logs-windows.sysmon_operational-default",
}

const (
	cloudIndex   = 6
	anotherIndex = 7
)

// prepare creates the indices, unless they exist, and the plans of the rules.
func (c *comparison) prepare(t *testing.T, rules []*rule.Rule) {
	t.Helper()
	for _, r := range rules {
		here := *r
		here.Index = nil
		for _, pattern := range r.Index {
			here.Index = append(here.Index, prefixed(c.node, pattern))
		}
		plan, diags := plans.For(&here)
		if plan == nil {
			t.Fatalf("%s: %v", r.Path, diags)
		}
		c.plans = append(c.plans, plan)
	}
	if status, reply := c.node.Do(t, "GET", "/"+prefixed(c.node, "logs-*")+"/_count", nil); status == 200 && reply.At("count").Int() == int64(*roundDocuments) {
		t.Logf("found %d documents", *roundDocuments)
		return
	}
	c.createIndices(t, rules)
	c.fill(t)
}

func prefixed(node *Node, pattern string) string {
	if rest, ok := strings.CutPrefix(pattern, "-"); ok {
		return "-" + node.Prefix + rest
	}
	return node.Prefix + pattern
}

// createIndices creates the indices. Patterns that match none of them become aliases of the cloud services' index,
// so that no rule is idle.
func (c *comparison) createIndices(t *testing.T, rules []*rule.Rule) {
	t.Helper()
	aliases := map[string]any{}
	for _, r := range rules {
		for _, pattern := range r.Index {
			name := c.node.Prefix + strings.ReplaceAll(pattern, "*", "x")
			if !strings.HasPrefix(pattern, "-") && !coversAny(pattern) {
				aliases[strings.ToLower(name)] = map[string]any{}
			}
		}
	}
	properties := corpusProperties(rules)
	for i, name := range roundIndices {
		properties := regrouped(properties, i%*roundGroups)
		body := map[string]any{
			"settings": map[string]any{"number_of_replicas": 0, "index.mapping.total_fields.limit": 20000, "index.refresh_interval": "-1"},
			"mappings": map[string]any{"dynamic": false, "properties": properties},
		}
		if i == cloudIndex {
			body["aliases"] = aliases
		}
		c.node.Must(t, "PUT", "/"+prefixed(c.node, name), body)
	}
}

// regrouped returns the properties of the indices of a group. All groups except the first map every keyword
// differently, and the third maps every date and whole number differently, so that no rule has the same mapping in
// two groups.
func regrouped(properties map[string]any, group int) map[string]any {
	if group == 0 {
		return properties
	}
	changed := make(map[string]any, len(properties))
	for name, p := range properties {
		p := maps.Clone(p.(map[string]any))
		if inner, ok := p["properties"].(map[string]any); ok {
			p["properties"] = regrouped(inner, group)
		}
		switch p["type"] {
		case mapping.Keyword:
			p["ignore_above"] = 8192 >> group
		case mapping.Long:
			if group > 1 {
				p["type"] = mapping.Double
			}
		case mapping.Date:
			if group > 1 && name != "@timestamp" {
				p["type"] = mapping.DateNanos
			}
		}
		changed[name] = p
	}
	return changed
}

func coversAny(pattern string) bool {
	for _, name := range roundIndices {
		prefix, rest, wild := strings.Cut(pattern, "*")
		if name == pattern || wild && rest == "" && strings.HasPrefix(name, prefix) {
			return true
		}
		if wild && strings.HasPrefix(name, prefix) && strings.HasSuffix(name, rest) {
			return true
		}
	}
	return false
}

// fill writes the documents; the last fifth of them is in the window.
func (c *comparison) fill(t *testing.T) {
	t.Helper()
	const chunk = 2000
	start := time.Now()
	starts := make(chan int)
	errs := make([]error, runtime.GOMAXPROCS(0))
	var writing sync.WaitGroup
	for i := range errs {
		writing.Go(func() {
			for first := range starts {
				errs[i] = errors.Join(errs[i], c.write(t.Context(), first, min(first+chunk, *roundDocuments)))
			}
		})
	}
	for first := 0; first < *roundDocuments; first += chunk {
		starts <- first
	}
	close(starts)
	writing.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	c.node.Refresh(t, prefixed(c.node, "*"))
	t.Logf("wrote %d documents in %s", *roundDocuments, time.Since(start).Round(time.Second))
}

func (c *comparison) write(ctx context.Context, from, to int) error {
	var bulk strings.Builder
	apart := roundWindow * 5 / time.Duration(*roundDocuments)
	for n := from; n < to; n++ {
		source := eventgen.Source(1, n)
		at := c.slot.Add(-time.Duration(*roundDocuments-n) * apart)
		source["@timestamp"] = at.Format(time.RFC3339Nano)
		of := 0
		if e, ok := source["event"].(eventgen.Object); ok {
			e["ingested"] = at.Format(time.RFC3339Nano)
			for i, name := range roundIndices {
				if strings.Contains(name, "-"+fmt.Sprint(e["dataset"])+"-") {
					of = i
				}
			}
		}
		if of == 0 && n%2 == 0 {
			of = anotherIndex
		}
		text, err := json.Marshal(source)
		if err != nil {
			return fmt.Errorf("event %d: %w", n, err)
		}
		fmt.Fprintf(&bulk, "{\"index\":{\"_index\":%q,\"_id\":\"%d\"}}\n%s\n", prefixed(c.node, roundIndices[of]), n, text)
	}
	status, reply, err := c.node.send(ctx, "POST", "/_bulk", "application/x-ndjson", bulk.String())
	if err == nil && (status != 200 || reply.At("errors").Bool()) {
		err = fmt.Errorf("bulk: status %d: %.2000s", status, reply)
	}
	return err
}
