package main

import (
	"reflect"
	"slices"
	"testing"
)

// TestJobSettingsListed: every setting that a backfill has in common with other commands is known to decide what it finds, or not to.
func TestJobSettingsListed(t *testing.T) {
	// Where the cluster and the rules are, and who asks; the rules and the namespace are in the job by themselves; what alerts say besides
	// does not change which there are.
	others := []string{
		"ShowVersion", "Config", "Rules", "SplunkURL", "OnlyEnabled", "SigmaStatus", "SigmaLevel", "Elasticsearch", "CloudID", "Proxy", "Username", "PasswordFile", "APIKeyFile", "BearerFile",
		"ClientCert", "ClientKey", "CAFingerprint", "CAFile", "Timeout", "WholePatterns", "SearchRate", "Store", "KibanaURL", "KibanaVersion", "Namespace", "Enrichment", "Notify",
		"Format", "LogFormat", "LogLevel",
	}
	known := slices.Concat(jobValues, jobFiles, jobEvents, others)
	for _, f := range reflect.VisibleFields(reflect.TypeFor[globals]()) {
		if f.IsExported() && !f.Anonymous {
			if !slices.Contains(known, f.Name) {
				t.Errorf("%s: does it decide what a backfill finds?", f.Name)
			}
			known = slices.DeleteFunc(known, func(name string) bool { return name == f.Name })
		}
	}
	if len(known) > 0 {
		t.Errorf("there are no settings %v", known)
	}
}
