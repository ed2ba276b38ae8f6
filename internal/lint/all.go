package lint

import (
	"strings"

	"tocsin/internal/diag"
)

// area begins the code of every lint.
const area = "lint/"

// full returns a code with its area.
func full(code string) string {
	if strings.Contains(code, "/") {
		return code
	}
	return area + code
}

// All returns every lint. To add one, see CONTRIBUTING.md.
func All() []Lint {
	return []Lint{
		{Code: area + "equality-wildcard", Severity: diag.Warning, Rule: equalityWildcard},
		{Code: area + "quoted-wildcard", Severity: diag.Warning, Rule: quotedWildcard},
		{Code: area + "exception-wildcard", Severity: diag.Warning, Rules: exceptionWildcard},
		{Code: area + "question-mark", Severity: diag.Warning, Rule: questionMark},
		{Code: area + "escaped-character", Severity: diag.Warning, Rule: escapedCharacter},
		{Code: area + "joined-words", Severity: diag.Warning, Rule: joinedWords},
		{Code: area + "symbol-operator", Severity: diag.Warning, Rule: symbolOperator},
		{Code: area + "lower-case-operator", Severity: diag.Warning, Rule: lowerCaseOperator},
		{Code: area + "boolean-text", Severity: diag.Warning, Rule: booleanText},
		{Code: area + "filter-backslash", Severity: diag.Warning, Rule: filterBackslash},
		{Code: area + "near-category", Severity: diag.Warning, Rule: nearCategory},
		{Code: area + "near-field", Severity: diag.Warning, Rule: nearField},
		{Code: area + "attack-id", Severity: diag.Warning, Rule: attackID},
		{Code: area + "attack-revoked", Severity: diag.Note, Rule: attackRevoked},
		{Code: area + "attack-tactic", Severity: diag.Warning, Rule: attackTactic},
		{Code: area + "attack-unknown", Severity: diag.Note, Rule: attackUnknown},
		{Code: area + "never-matches", Severity: diag.Warning, Rule: neverMatches},
		{Code: area + "dead-alternative", Severity: diag.Note, Rule: deadAlternative},
		{Code: area + "always-true", Severity: diag.Warning, Rule: alwaysTrue},
		{Code: area + "idle-part", Severity: diag.Note, Rule: idlePart},
		{Code: area + "unbounded-regexp", Severity: diag.Note, Rule: unboundedRegexp},
		{Code: area + "short-look-back", Severity: diag.Note, Rule: shortLookBack},
		{Code: area + "duplicate-rule", Severity: diag.Warning, Rules: duplicateRule},
		{Code: area + "near-duplicate", Severity: diag.Note, Style: true, Rules: nearDuplicate},
		{Code: area + "leading-wildcard", Severity: diag.Note, Style: true, Rule: leadingWildcard},
		{Code: area + "no-test", Severity: diag.Note, Style: true, Rule: noTest},
	}
}
