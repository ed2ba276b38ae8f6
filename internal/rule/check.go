package rule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

// checker collects diagnostics of a rule beyond wrong types of values.
type checker struct {
	r    *Rule
	root *tomltree.Value
	list diag.List
}

// check checks a decoded rule.
func check(r *Rule, root *tomltree.Value) diag.List {
	c := checker{r: r, root: root}
	c.identity()
	c.alert()
	c.threat()
	if _, known := types[r.Type]; known {
		c.typeKeys()
		c.language()
		c.typeValues()
	}
	c.schedule()
	return c.list
}

func (c *checker) fail(kind, key, format string, args ...any) {
	c.list = append(c.list, c.r.Report(diag.Error, area+"/"+kind, key, format, args...))
}

func (c *checker) warn(kind, key, format string, args ...any) {
	c.list = append(c.list, c.r.Report(diag.Warning, area+"/"+kind, key, format, args...))
}

// has reports whether the file has a key, valid or not.
func (c *checker) has(key string) bool {
	v, found := c.root.Find(key)
	return found && v.Kind != tomltree.Null
}

// is reports whether a key has a value of the right kind; another kind has been reported already.
func (c *checker) is(key string, kind tomltree.Kind) bool {
	v, found := c.root.Find(key)
	return found && v.Kind == kind
}

// need reports a missing key.
func (c *checker) need(sev diag.Severity, key, why string) {
	if !c.has(key) {
		c.list = append(c.list, c.r.Report(sev, area+"/missing-field", key, "%s is missing%s", key, why))
	}
}

// word reports a string that is not one of the known ones.
func word[S ~string](c *checker, kind, key string, got S, known ...S) {
	if !c.is(key, tomltree.String) || slices.Contains(known, got) {
		return
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	want := "want " + strings.Join(names, ", ")
	if near := diag.Nearest(string(got), names); near != "" {
		want = fmt.Sprintf("did you mean %s? (%s)", near, want)
	}
	c.fail(kind, key, "%s: unknown value %q, %s", key, got, want)
}

// text reports a string that is present but empty.
func (c *checker) text(key, got string) {
	if c.is(key, tomltree.String) && strings.TrimSpace(got) == "" {
		c.fail("bad-value", key, "%s must not be empty", key)
	}
}

// number reports a number outside its range.
func (c *checker) number(key string, got, least, most int) {
	if !c.is(key, tomltree.Integer) || least <= got && got <= most {
		return
	}
	if most == unbounded {
		c.fail("bad-value", key, "%s must be at least %d, not %d", key, least, got)
		return
	}
	c.fail("bad-value", key, "%s must be %d to %d, not %d", key, least, most, got)
}

const unbounded = 1<<31 - 1

func (c *checker) identity() {
	r := c.r
	for _, key := range []string{"rule_id", "name", "type", "severity", "risk_score"} {
		c.need(diag.Error, "rule."+key, "")
	}
	c.need(diag.Warning, "rule.description", ": an alert will not say what it is about")
	c.text("rule.rule_id", r.ID)
	c.text("rule.name", r.Name)
	word(c, "unknown-type", "rule.type", r.Type, slices.Sorted(maps.Keys(types))...)
}
