package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// rule is a rule that convert.py has written.
type rule struct {
	ID, Path, Author string
	// Query is its condition in EQL; Routed also has the condition of its log source.
	Query, Routed string
}

// readRules reads the output of convert.py.
func readRules(path string) ([]rule, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []rule
	for dec := json.NewDecoder(bytes.NewReader(text)); dec.More(); {
		var r rule
		if err := dec.Decode(&r); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, r)
	}
	return out, nil
}

// spread returns n rules, evenly distributed over a list; all rules for 0.
func spread(rules []rule, n int) []rule {
	if n <= 0 || n >= len(rules) {
		return rules
	}
	out := make([]rule, n)
	for i := range out {
		out[i] = rules[i*len(rules)/n]
	}
	return out
}

// A lane is a way to treat the log source of rules.
type lane string

const (
	// plain: every rule is tested on every event.
	plain lane = "plain"
	// logsource: the log source is part of the condition.
	logsource lane = "logsource"
)

// set is a set of rules as files for both programs.
type set struct {
	n   int
	dir string
}

func (s set) tocsin(l lane) string { return filepath.Join(s.dir, string(l)) }
func (s set) sigma() string        { return filepath.Join(s.dir, "sigma") }

// writeSet writes rules to a directory.
func writeSet(dir string, rules []rule) (set, error) {
	s := set{len(rules), dir}
	if err := os.RemoveAll(dir); err != nil {
		return s, err
	}
	for _, l := range []lane{plain, logsource} {
		if err := os.MkdirAll(s.tocsin(l), 0o755); err != nil {
			return s, err
		}
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		for _, r := range rules {
			query := r.Query
			if l == logsource {
				query = r.Routed
			}
			err := enc.Encode(map[string]any{
				"rule_id": r.ID, "name": r.ID, "description": filepath.Base(r.Path), "author": []string{r.Author}, "type": "eql", "language": "eql", "query": query,
				"index": []string{"events-*"}, "from": "now-1h", "interval": "5m", "max_signals": 10_000_000, "severity": "low", "risk_score": 21, "enabled": true,
			})
			if err != nil {
				return s, err
			}
		}
		if err := os.WriteFile(filepath.Join(s.tocsin(l), "rules.ndjson"), out.Bytes(), 0o600); err != nil {
			return s, err
		}
	}
	if err := os.MkdirAll(s.sigma(), 0o755); err != nil {
		return s, err
	}
	for _, r := range rules {
		text, err := os.ReadFile(r.Path)
		if err == nil {
			err = os.WriteFile(filepath.Join(s.sigma(), r.ID+".yml"), text, 0o600)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}
