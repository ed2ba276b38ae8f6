package main

import (
	"fmt"
	"runtime/debug"
)

// release is the version of a release build, set by the linker.
var release = ""

type versionCmd struct{}

// Run is the subcommand.
func (versionCmd) Run(a *app) error {
	_, err := fmt.Fprintln(a.out, "tocsin", version())
	return wrapWrite(err)
}

// version is the release, or the commit of a build from source.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return "devel-" + s.Value[:min(12, len(s.Value))]
			}
		}
	}
	return "devel"
}
