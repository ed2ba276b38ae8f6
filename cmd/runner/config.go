package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"tocsin/internal/config"
)

// configuration returns the parser options that bring in the configuration file named on the
// command line or in the environment. A flag beats the environment, which beats the file.
func configuration(args []string) ([]kong.Option, error) {
	path := configPath(args)
	if path == "" {
		return nil, nil
	}
	values, diags := config.Load(path)
	if err := diags.Err(); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return []kong.Option{kong.Resolvers(resolver{values})}, nil
}

// configPath finds the file's name before the flags are parsed.
func configPath(args []string) string {
	for i, a := range args {
		if value, ok := strings.CutPrefix(a, "--config="); ok {
			return value
		}
		if a == "--config" && i+1 < len(args) {
			return args[i+1]
		}
	}
	return os.Getenv(environmentPrefix + "_CONFIG")
}

// resolver answers for flags from the configuration file.
type resolver struct{ values config.Values }

// Validate refuses keys that no flag has, at their place in the file.
func (r resolver) Validate(application *kong.Application) error {
	known := map[string]bool{}
	var names []string
	collectFlags(application.Node, func(f *kong.Flag) {
		if !known[f.Name] {
			known[f.Name] = true
			names = append(names, f.Name)
		}
	})
	if err := r.values.CheckKeys(names).Err(); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return nil
}

func collectFlags(n *kong.Node, visit func(*kong.Flag)) {
	for _, f := range n.Flags {
		visit(f)
	}
	for _, child := range n.Children {
		collectFlags(child, visit)
	}
}

// Resolve returns the file's value of a flag, nil when the environment has one.
func (r resolver) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, variable := range flag.Envs {
		if os.Getenv(variable) != "" {
			return nil, nil //nolint:nilnil // kong's way to say that there is no value
		}
	}
	return r.values.Flag(flag.Name), nil
}
