package health

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// State is something that is wrong.
type State struct {
	Kind Kind `json:"kind"`
	// Subject is what is wrong: a rule's id, index patterns, the cluster.
	Subject string `json:"subject"`
	// Episode counts the states of this kind and subject.
	Episode int64 `json:"episode"`
	// Since is the time of the first finding.
	Since time.Time `json:"since"`
	// Text says in one line what was found last, by one of those that find it.
	Text string `json:"text"`
	// Rules and Runners are those for which it was found; a state that has ended has none.
	Rules   []string `json:"rules,omitempty"`
	Runners []string `json:"runners,omitempty"`
}

// Severity returns the severity of the kind.
func (s State) Severity() Severity { return Describe(s.Kind).Severity }

// Advice returns the advice of the kind.
func (s State) Advice() string { return Describe(s.Kind).Advice }

// Rule returns the id of the rule that the state is about as a whole; "" if it is about something else.
func (s State) Rule() string {
	if !Describe(s.Kind).OfRule || s.Subject == ManyRules {
		return ""
	}
	return s.Subject
}

// Name names kind and subject.
func (s State) Name() string { return string(s.Kind) + "/" + s.Subject }

// Change is the begin or the end of a state.
type Change struct {
	State
	// Recovered: the state has ended. At is the time of the change.
	Recovered bool
	At        time.Time
}

// Key identifies the change. It is equal on all runners, and after a restart.
func (c Change) Key() string {
	what := "raised"
	if c.Recovered {
		what = "recovered"
	}
	return "state/" + c.Name() + "/" + strconv.FormatInt(c.Episode, 10) + "/" + what
}

// Title says in one line what has changed. name is that of the subject, for people; "" if it has no other.
func (c Change) Title(name string) string {
	name = cmp.Or(name, c.Subject)
	if c.Recovered {
		return fmt.Sprintf("recovered after %s: %s %s", c.At.Sub(c.Since).Round(time.Second), c.Kind, name)
	}
	return fmt.Sprintf("%s %s: %s", c.Kind, name, c.Text)
}

// key identifies a state's kind and subject.
type key struct {
	kind    Kind
	subject string
}

func (k key) String() string { return string(k.kind) + "/" + k.subject }

// record is what the runners share about a state, or about its last episode.
type record struct {
	Kind    Kind                 `json:"kind"`
	Subject string               `json:"subject"`
	Episode int64                `json:"episode"`
	Open    bool                 `json:"open,omitempty"`
	Since   time.Time            `json:"since"`
	Closed  time.Time            `json:"closed,omitzero"`
	Text    string               `json:"text"`
	Holders map[string]time.Time `json:"holders,omitempty"`
	// Teller is the holder whose finding Text is. It stays while it is a holder, so that the text changes only with what is found.
	Teller string `json:"teller,omitempty"`
	// Flaps is how often in a row the state came back soon after its end.
	Flaps int `json:"flaps,omitempty"`
	// RaiseTold and EndTold: the begin and the end of the episode were handed over.
	RaiseTold bool `json:"raise_told,omitempty"`
	EndTold   bool `json:"end_told,omitempty"`
}

func (r record) key() key { return key{r.Kind, r.Subject} }

func (r record) state() State {
	out := State{Kind: r.Kind, Subject: r.Subject, Episode: r.Episode, Since: r.Since, Text: r.Text}
	for _, h := range slices.Sorted(maps.Keys(r.Holders)) {
		if id, runner := strings.CutPrefix(h, runnerMark); runner {
			out.Runners = append(out.Runners, id)
		} else if !IsSources(h) {
			out.Rules = append(out.Rules, h)
		}
	}
	return out
}

// untold returns the changes of the episode that were not handed over, in their order.
func (r record) untold() []Change {
	var out []Change
	if r.Episode == 0 {
		return nil
	}
	if !r.RaiseTold {
		out = append(out, Change{State: r.state(), At: r.Since})
	}
	if !r.Open && !r.EndTold && !Describe(r.Kind).Passing {
		out = append(out, Change{State: r.state(), Recovered: true, At: r.Closed})
	}
	return out
}

// shared is the document that runners share, decoded.
type shared struct {
	Records []*record
	memory

	byKey map[key]*record
	// unknown are records of kinds that only another version of Tocsin has. They are kept as they are.
	unknown []json.RawMessage
}

// memory is what is remembered of the mappings.
type memory struct {
	// Fields are the fields that rules lack under the mappings, by rule; Met are the index patterns that have matched an index.
	Fields map[string][]string `json:"fields,omitempty"`
	Met    []string            `json:"met,omitempty"`
}

// document is [shared] as it is stored.
type document struct {
	Version int               `json:"version"`
	Records []json.RawMessage `json:"records"`
	memory
}

const sharedVersion = 1

// errVersion is the error about a document of another version.
var errVersion = errors.New("the states were written by another version of Tocsin")

func decodeShared(data []byte) (*shared, error) {
	stored := document{Version: sharedVersion}
	if len(data) > 0 {
		if err := json.Unmarshal(data, &stored); err != nil {
			return nil, fmt.Errorf("the states of the service: %w", err)
		}
		if stored.Version != sharedVersion {
			return nil, errVersion
		}
	}
	out := &shared{memory: stored.memory, byKey: make(map[key]*record, len(stored.Records))}
	for _, raw := range stored.Records {
		r := &record{}
		if err := json.Unmarshal(raw, r); err != nil {
			return nil, fmt.Errorf("the states of the service: %w", err)
		}
		if rank(r.Kind) < 0 {
			out.unknown = append(out.unknown, raw)
			continue
		}
		out.Records, out.byKey[r.key()] = append(out.Records, r), r
	}
	return out, nil
}

func (s *shared) encode() ([]byte, error) {
	slices.SortFunc(s.Records, func(a, b *record) int {
		return cmp.Or(cmp.Compare(rank(a.Kind), rank(b.Kind)), strings.Compare(a.Subject, b.Subject))
	})
	stored := document{Version: sharedVersion, Records: make([]json.RawMessage, 0, len(s.Records)+len(s.unknown)), memory: s.memory}
	for _, r := range s.Records {
		raw, err := json.Marshal(r)
		if err != nil {
			return nil, fmt.Errorf("the states of the service: %w", err)
		}
		stored.Records = append(stored.Records, raw)
	}
	stored.Records = append(stored.Records, s.unknown...)
	data, err := json.Marshal(stored)
	if err != nil {
		return nil, fmt.Errorf("the states of the service: %w", err)
	}
	return data, nil
}

// forgetAfter is how long the last episode of a state is remembered, so that its number is not used again while somebody may know it.
const forgetAfter = 90 * 24 * time.Hour

// forget drops episodes that ended long ago.
func (s *shared) forget(now time.Time) {
	s.Records = slices.DeleteFunc(s.Records, func(r *record) bool {
		old := !r.Open && len(r.untold()) == 0 && now.Sub(r.Closed) > forgetAfter
		if old {
			delete(s.byKey, r.key())
		}
		return old
	})
}
