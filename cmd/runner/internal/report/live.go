package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/run/reach"
)

// LiveOptions chooses what [Report.WriteLive] shows.
type LiveOptions struct {
	// All shows every diagnostic. Kind shows the rules with a cause of a kind; Rules those with an id or name.
	All   bool
	Kind  reach.Kind
	Rules []string
	// Width is that of the terminal; 0: unknown.
	Width int
}

// invalidKind and warningKind are the kinds of rules by their diagnostics.
const (
	invalidKind reach.Kind = "invalid"
	warningKind reach.Kind = "warning"
)

// LiveKinds are the kinds that can be chosen.
func LiveKinds() []string {
	out := []string{string(invalidKind), string(warningKind)}
	for _, k := range reach.Kinds {
		out = append(out, string(k))
	}
	return out
}

// fewLines is the number of lines of diagnostics that are shown without being asked for.
const fewLines = 24

// WriteLive writes the report for people: how many rules can match here, and why others cannot, on one screen. Details are
// shown where they are chosen, or are few.
func (r *Report) WriteLive(w io.Writer, o LiveOptions) error {
	var b strings.Builder
	var err error
	switch {
	case len(o.Rules) > 0:
		err = r.liveRules(&b, o.Rules)
	case o.Kind != "":
		err = r.liveKind(&b, o.Kind)
	default:
		err = r.liveSummary(&b, o)
	}
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// liveRules shows everything about some rules.
func (r *Report) liveRules(b *strings.Builder, refs []string) error {
	for _, ref := range refs {
		found := false
		for _, result := range r.Results {
			if ref != result.RuleID && ref != result.Name {
				continue
			}
			found = true
			if err := diag.Render(b, result.Diagnostics); err != nil {
				return err //nolint:wrapcheck // it says what it was doing
			}
			result.writeVerdict(b, "")
		}
		if !found {
			fmt.Fprintf(b, "no rule has the id or name %s\n", diag.Shown(ref))
		}
	}
	return nil
}

// liveKind shows the rules with a cause of a kind.
func (r *Report) liveKind(b *strings.Builder, kind reach.Kind) error {
	n := 0
	for _, result := range r.Results {
		switch kind {
		case invalidKind, warningKind:
			of := slices.DeleteFunc(slices.Clone(result.Diagnostics), func(d diag.Diagnostic) bool {
				return (d.Severity == diag.Error) != (kind == invalidKind) || d.Severity == diag.Note
			})
			if len(of) > 0 {
				n++
			}
			if err := diag.Render(b, of); err != nil {
				return err //nolint:wrapcheck // it says what it was doing
			}
		default:
			if result.Live != nil && slices.ContainsFunc(result.Live.All(), func(c reach.Cause) bool { return c.Kind == kind }) {
				n++
				result.writeVerdict(b, kind)
			}
		}
	}
	fmt.Fprintf(b, "%s: %s\n", kind, count(n, "rule"))
	return nil
}
