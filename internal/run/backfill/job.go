package backfill

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/ledger"
)

// Job describes a backfill. Two jobs with the same rules, range and target have the same
// [Job.Hash].
type Job struct {
	// ID is the job's name in the ledger.
	ID string `json:"-"`
	// From and To are the time range of the slots, To excluded.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Target is where the alerts go.
	Target string `json:"target"`
	// Settings has digests of the settings that decide what the rules find, by name. Those that are as by default are left out.
	Settings map[string]string `json:"settings,omitempty"`
	// Rules are ordered by id.
	Rules []Named `json:"rules"`
	// Slots is the number of slots of all rules.
	Slots int64 `json:"slots"`
	// Begun is when the job was first started, Resumed when it was last started or resumed.
	Begun   time.Time `json:"begun"`
	Resumed time.Time `json:"resumed"`
	// Taken counts the starts of the job. It is the fencing number of the latest process.
	Taken int64 `json:"taken"`
	// Cancelled is set by [Jobs.Cancel] and cleared when the job is resumed.
	Cancelled bool `json:"cancelled,omitempty"`

	version any
}

// Named identifies a rule and its content.
type Named struct {
	ID string `json:"id"`
	// Hash is the rule's ContentHash.
	Hash string `json:"hash"`
}

// hashLength is the length of [Job.Hash], in hexadecimal digits.
const hashLength = 12

// Hash identifies a job by its content: the same command makes the same hash. It is the name of a
// job that was given none.
func (j Job) Hash() string {
	parts := []string{j.Target, j.From.UTC().Format(time.RFC3339Nano), j.To.UTC().Format(time.RFC3339Nano)}
	for _, r := range j.Rules {
		parts = append(parts, r.ID, r.Hash)
	}
	for _, name := range slices.Sorted(maps.Keys(j.Settings)) {
		parts = append(parts, "--"+name, j.Settings[name])
	}
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return hex.EncodeToString(h.Sum(nil))[:hashLength]
}

// maxName is the greatest length of a job's name.
const maxName = 100

// CheckName returns an error unless name is valid as the name of a job.
func CheckName(name string) error {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r)
	}
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, odd) {
		return fmt.Errorf("%q is not a valid name of a job: want at most %d letters, digits, '-', '_' and '.'", name, maxName)
	}
	return nil
}

// differs describes how a job differs from another one of the same name; "" when it does not.
func (j Job) differs(from Job) string {
	switch {
	case !j.From.Equal(from.From) || !j.To.Equal(from.To):
		return fmt.Sprintf("it is about %s to %s", from.From.UTC().Format(time.RFC3339), from.To.UTC().Format(time.RFC3339))
	case j.Target != from.Target:
		return "its alerts go to " + from.Target
	}
	if names := otherSettings(j.Settings, from.Settings); len(names) > 0 {
		return "it began with other settings: " + strings.Join(names, ", ")
	}
	for _, r := range from.Rules {
		i := slices.IndexFunc(j.Rules, func(n Named) bool { return n.ID == r.ID })
		switch {
		case i < 0:
			return fmt.Sprintf("rule %s is part of it", r.ID)
		case j.Rules[i].Hash != r.Hash:
			return fmt.Sprintf("rule %s has changed since it began", r.ID)
		}
	}
	if len(j.Rules) > len(from.Rules) {
		return fmt.Sprintf("it has %d rules, not %d", len(from.Rules), len(j.Rules))
	}
	return ""
}

// otherSettings returns the names of the settings that differ.
func otherSettings(a, b map[string]string) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(name string) bool { return a[name] == b[name] })
}

// headID is the id of the job's head in the ledger, pageID the id of a rule's pages.
func headID(job string) string           { return ledger.BackfillPrefix + job }
func pageID(job, rule string) string     { return headID(job) + "/" + rule }
func jobOf(headID string) (string, bool) { return strings.CutPrefix(headID, ledger.BackfillPrefix) }

// head returns the job as a head of the ledger.
func (j Job) head() (*ledger.Head, error) {
	note, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("encode backfill %s: %w", j.ID, err)
	}
	return &ledger.Head{RuleID: headID(j.ID), Since: j.From, Schedule: "backfill", Note: string(note), Version: j.version}, nil
}

// errNoJob is for a head that does not describe a job.
var errNoJob = errors.New("its head does not describe a job")

func parseJob(h ledger.Head) (Job, error) {
	var j Job
	id, ok := jobOf(h.RuleID)
	if !ok || h.Note == "" {
		return j, fmt.Errorf("backfill %s: %w", h.RuleID, errNoJob)
	}
	if err := json.Unmarshal([]byte(h.Note), &j); err != nil {
		return j, fmt.Errorf("backfill %s: %w", id, err)
	}
	j.ID, j.version = id, h.Version
	return j, nil
}
