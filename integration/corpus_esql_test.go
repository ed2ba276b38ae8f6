//go:build integration

package integration

import (
	"strings"

	"tocsin/internal/pipeline"
	"tocsin/internal/query"
	"tocsin/internal/rule"
)

// hereESQL puts the node's indices into the text of an ES|QL query.
func (c *corpus) hereESQL(*rule.Rule) {}

// missingCapability names what a node of the tests does not have and a rule wants; false when the
// rule failed for another reason.
func missingCapability(x pipeline.Execution) (string, bool) {
	text := x.Problem()
	return "", strings.Contains(text, "["+query.CodeESQLUnavailable+"]")
}
