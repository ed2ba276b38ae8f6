package conformance

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tocsin/internal/rule"
)

// sharedDir finds the folder of the shared cases: the one that TOCSIN_CONFORMANCE names, or the one
// beside the repository.
func sharedDir() (string, error) {
	if dir := os.Getenv("TOCSIN_CONFORMANCE"); dir != "" {
		return dir, nil
	}
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(root), "shared", "conformance"), nil
}

// moduleRoot is the folder of go.mod, above the package whose tests run.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the root of the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("find the root of the repository: no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

// SharedFile reads a file of the shared cases. It is nil where they are not.
func SharedFile(name string) ([]byte, error) {
	dir, err := sharedDir()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && os.Getenv("TOCSIN_CONFORMANCE") == "" {
		return nil, nil
	}
	data, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // a test names it
	if err != nil {
		return nil, fmt.Errorf("read the shared cases: %w", err)
	}
	return data, nil
}

// Shared reads a file of the shared cases, one JSON value a line. It is nil where they are not.
func Shared[T any](name string) ([]T, error) {
	data, err := SharedFile(name)
	if err != nil || data == nil {
		return nil, err
	}
	var out []T
	s := bufio.NewScanner(strings.NewReader(string(data)))
	s.Buffer(nil, 8<<20)
	for s.Scan() {
		var v T
		if err := json.Unmarshal(s.Bytes(), &v); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, v)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

// SharedQueries reads the shared cases of EQL with their datasets. Both are nil where they are not.
func SharedQueries() ([]Case, map[string]*Dataset, error) {
	data, err := SharedFile("eql_mapping.json")
	if err != nil || data == nil {
		return nil, nil, err
	}
	sets := map[string]*Dataset{}
	if err := json.Unmarshal(data, &sets); err != nil {
		return nil, nil, fmt.Errorf("read mappings: %w", err)
	}
	events, err := Shared[Event]("eql_events.ndjson")
	if err != nil {
		return nil, nil, err
	}
	for _, e := range events {
		set := sets[e.Dataset]
		if set == nil { // series_x has the fields of series_*
			family, _, _ := strings.Cut(e.Dataset, "_")
			shared := *sets[family+"_*"]
			set = &shared
			sets[e.Dataset] = set
		}
		set.add(e)
	}
	cases, err := Shared[Case]("eql_queries.jsonl")
	for i := range cases {
		cases[i].Language = rule.EQL
	}
	return cases, sets, err
}
