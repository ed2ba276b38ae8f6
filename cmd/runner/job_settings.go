package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"tocsin/internal/query"
	"tocsin/internal/rule"
)

// Which flags decide what a backfill finds, and where it writes, beside the rules, the time range and the namespace: with another value
// it is another job. By the names of the fields of [globals]; a test compares the two lists with all fields.
var (
	// jobValues decide by their value, jobFiles by the content of the files that they name. jobEvents are files that may be large: their names, sizes
	// and times count.
	jobValues = []string{"DataView", "SplunkIndex", "Skew", "SigmaIndex", "SigmaUnmapped", "SigmaGrade", "CorrelationMax", "Closed", "AlertsTo", "IdentityField"}
	jobFiles  = []string{"FieldMap", "SigmaPlaceholders", "SigmaSchedule", "Mapping"}
	jobEvents = []string{"Events", "GeoIP"}
)

// jobSettings returns a digest of each setting that decides what a job of these rules finds and that is not as by default, by its flag. The key
// "rules" is for rules that have parts in other files, such as exceptions, macros and rules that they correlate: all files of --rules count then.
func (g *globals) jobSettings(ctx context.Context, plans []query.Plan) (map[string]string, error) {
	out := map[string]string{}
	of := reflect.ValueOf(g).Elem()
	for _, name := range slices.Concat(jobValues, jobFiles, jobEvents) {
		field, _ := of.Type().FieldByName(name)
		value := of.FieldByIndex(field.Index)
		if value.IsZero() || isDefault(value.Interface(), field.Tag.Get("default")) {
			continue
		}
		text, err := g.decides(ctx, name, value)
		if err != nil {
			return nil, usagef("--%s: %w", flagOf(field), err)
		}
		sum := sha256.Sum256([]byte(text))
		out[flagOf(field)] = hex.EncodeToString(sum[:6])
	}
	if slices.ContainsFunc(plans, func(p query.Plan) bool { return hasSharedParts(p.Rule()) }) {
		digest, err := contentOf(ctx, g.Rules)
		if err != nil {
			return nil, fmt.Errorf("read the files of the rules: %w", err)
		}
		out["rules"] = hex.EncodeToString(digest[:6])
	}
	return out, nil
}

// hasSharedParts reports whether a rule may have parts in other files than its own.
func hasSharedParts(r *rule.Rule) bool {
	return r.Language == rule.SPL || r.Type == rule.TypeCorrelation || len(r.Exceptions)+len(r.ExceptionsList) > 0
}

// decides returns what of a setting decides what is found.
func (g *globals) decides(ctx context.Context, field string, value reflect.Value) (string, error) {
	names, isList := reflect.TypeAssert[[]string](value)
	if !isList {
		names = []string{fmt.Sprint(value.Interface())}
	}
	switch {
	case slices.Contains(jobFiles, field):
		digest, err := contentOf(ctx, names)
		return hex.EncodeToString(digest[:]), err
	case slices.Contains(jobEvents, field):
		var b strings.Builder
		for _, name := range names {
			if name == "-" { // each time other events
				fmt.Fprintf(&b, "%s\n", time.Now())
				continue
			}
			about, err := os.Stat(name)
			if err != nil {
				return "", err //nolint:wrapcheck // it names the file
			}
			fmt.Fprintf(&b, "%q %d %s\n", name, about.Size(), about.ModTime().UTC())
		}
		return b.String(), nil
	}
	return fmt.Sprintf("%q", names), nil
}

// flagOf returns the name of the flag of a field, as kong derives it.
func flagOf(field reflect.StructField) string {
	if name := field.Tag.Get("name"); name != "" {
		return name
	}
	return strings.ToLower(field.Name)
}

// isDefault reports whether a value is that of the tag default.
func isDefault(value any, tag string) bool {
	if d, ok := value.(time.Duration); ok {
		usual, err := time.ParseDuration(tag)
		return err == nil && d == usual
	}
	return fmt.Sprint(value) == tag
}
