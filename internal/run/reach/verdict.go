package reach

import (
	"slices"
	"strings"
)

// Kind is the kind of a cause.
type Kind string

// The kinds, in the order of reports.
const (
	// NoIndex: no open index matches a pattern.
	NoIndex Kind = "no-index"
	// Closed: the indices of a pattern are closed.
	Closed Kind = "closed-index"
	// Privileges: indices exist that may not be read.
	Privileges Kind = "privileges"
	// Unread: indices cannot be read for another reason.
	Unread Kind = "unread-index"
	// Missing: no index has a field, or no single index has several together.
	Missing Kind = "missing-field"
	// Type: the type of a field, or a value that no document has, makes a test impossible.
	Type Kind = "type"
	// Refused: Elasticsearch refuses the query.
	Refused Kind = "refused"
	// Contradiction: no event can match, whatever the mapping.
	Contradiction Kind = "contradiction"
	// Shortened: long values of a field are left out of the index.
	Shortened Kind = "ignore-above"
	// Silent: no event has a value of a field.
	Silent Kind = "no-event"
)

// Kinds are all kinds.
var Kinds = []Kind{NoIndex, Closed, Privileges, Unread, Missing, Type, Refused, Contradiction, Shortened, Silent}

// Cause is why a rule cannot match, or only with a part missing.
type Cause struct {
	Kind Kind `json:"kind"`
	// What is the pattern, index or field: causes of several rules with the same kind and object are one cause.
	What string `json:"what"`
	// Of is the part of the rule.
	Of string `json:"of,omitempty"`
	// Text says it in words.
	Text string `json:"text"`
}

// Verdict is whether a rule can match here.
type Verdict struct {
	CanMatch bool `json:"can_match"`
	// Because says why it cannot; "" if it can.
	Because string `json:"because,omitempty"`
	// Causes are the reasons in Because.
	Causes []Cause `json:"causes,omitempty"`
	// Partly are the parts of a rule that can match with which it cannot.
	Partly []Cause `json:"partly,omitempty"`
	// Silent are fields that the rule needs and no recent event has.
	Silent []Cause `json:"silent,omitempty"`
}

// impossible returns the verdict of a rule that cannot match.
func impossible(causes ...Cause) Verdict {
	causes = unrepeated(causes)
	texts := make([]string, 0, maxTexts)
	for i, c := range causes {
		if i == maxTexts {
			texts = append(texts, "and more")
			break
		}
		text := c.Text
		if c.Of != "" {
			text = c.Of + ": " + text
		}
		texts = append(texts, text)
	}
	return Verdict{Because: strings.Join(texts, "; "), Causes: causes}
}

// maxTexts is the number of causes in one sentence.
const maxTexts = 3

func unrepeated(causes []Cause) []Cause {
	var out []Cause
	for _, c := range causes {
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// All returns the causes of every part of the verdict.
func (v *Verdict) All() []Cause { return slices.Concat(v.Causes, v.Partly, v.Silent) }
