package escu

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/splunk"
)

// RiskEvent is what one row adds to the risk of one user, system or other.
type RiskEvent struct {
	// ID is the same whenever and however often the same row is found in the same window.
	ID string

	Object, ObjectType, ObjectField string
	Score                           float64
	Message                         string
	// Missing are the fields that the message names and the row does not have.
	Missing []string
	Threats []Threat
	// MITRE are the techniques: those of the row where it has some, else those of the detection.
	MITRE []Technique

	Detection *Detection
	Row       splunk.Row
	// Earliest, Latest and Scheduled are the window, and the time that it was searched for.
	Earliest, Latest, Scheduled time.Time
}

// Threat is a value of a threat object.
type Threat struct{ Field, Type, Value string }

// RiskEvents returns what a row adds: an event for each value of each scored field, none for a field
// that the row does not have. What the row itself says of the risk supersedes the detection's.
func RiskEvents(d *Detection, row splunk.Row, w splunk.Window) []RiskEvent {
	if !d.CreatesRisk() {
		return nil
	}
	var threats []Threat
	for _, t := range d.Risk.Threats {
		for _, v := range row.Get(t.Field).Each() {
			threats = append(threats, Threat{t.Field, t.Type, v.String()})
		}
	}
	said := d.Said(row)
	tuple := RowKey(row)
	var out []RiskEvent
	for _, object := range d.Scored() {
		var missing []string
		message := said.Message
		if message == "" {
			message = splunk.Tokens(object.Message, row, func(field string) {
				if !slices.Contains(missing, field) {
					missing = append(missing, field)
				}
			})
		}
		score := float64(object.Score)
		if said.Score != nil {
			score = *said.Score
		}
		for _, v := range row.Get(object.Field).Each() {
			out = append(out, RiskEvent{
				ID:     eventID(d.ID, w, tuple, object.Field, v.String()),
				Object: v.String(), ObjectType: object.Type, ObjectField: object.Field, Score: score,
				Message: message, Missing: missing, Threats: threats, MITRE: said.MITRE,
				Detection: d, Row: row, Earliest: w.Earliest, Latest: w.Latest, Scheduled: w.Now,
			})
		}
	}
	return out
}

// RowKey is a text that two rows share only when they are equal.
func RowKey(row splunk.Row) string {
	var parts [][2]any
	for _, name := range slices.Sorted(maps.Keys(row)) {
		parts = append(parts, [2]any{name, row[name].Native()})
	}
	data, err := json.Marshal(parts)
	if err != nil {
		return fmt.Sprint(parts) // Values are texts and finite numbers: it cannot be.
	}
	return string(data)
}

// InstanceID is the same for rows of a detection that are throttled together: those with the same
// values.
func InstanceID(d *Detection, values splunk.Row) string {
	sum := sha256.Sum256([]byte("throttle " + strconv.Quote(d.ID) + RowKey(values)))
	return hex.EncodeToString(sum[:])
}

func eventID(id string, w splunk.Window, tuple, field, value string) string {
	parts, err := json.Marshal([]any{"risk", 1, id, w.Earliest.UnixMilli(), w.Latest.UnixMilli(), tuple, field, value})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(parts)
	return hex.EncodeToString(sum[:])
}

// Fields returns the event with the names that Splunk's risk index has, over those of the row.
func (e RiskEvent) Fields() map[string]any {
	out := e.Row.Native()
	delete(out, "_raw")
	out["risk_object"], out["risk_object_type"] = e.Object, e.ObjectType
	out["risk_score"], out["risk_message"] = e.Score, e.Message
	var values, types []string
	for _, t := range e.Threats {
		values, types = append(values, t.Value), append(types, t.Type)
	}
	if len(values) > 0 {
		out["threat_object"], out["threat_object_type"] = values, types
	}
	d := e.Detection
	out["search_name"], out["source"] = d.SearchName(), d.SearchName()
	if len(d.Stories) > 0 {
		out["analyticstories"] = d.Stories
	}
	if len(e.MITRE) > 0 {
		out["annotations.mitre_attack"] = techniqueIDs(e.MITRE)
		techniques, tactics, tacticIDs := names(e.MITRE)
		out["annotations.mitre_attack.mitre_technique_id"], out["annotations.mitre_attack.mitre_technique"] = techniqueIDs(e.MITRE), techniques
		out["annotations.mitre_attack.mitre_tactic"], out["annotations.mitre_attack.mitre_tactic_id"] = tactics, tacticIDs
	}
	out["info_min_time"], out["info_max_time"] = splunk.Epoch(e.Earliest), splunk.Epoch(e.Latest)
	out["info_search_time"] = splunk.Epoch(e.Scheduled)
	return out
}

func techniqueIDs(list []Technique) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = t.ID
	}
	return out
}

// names returns the techniques' names, and their tactics once each.
func names(list []Technique) (techniques, tactics, tacticIDs []string) {
	for _, t := range list {
		if t.Name != "" {
			techniques = append(techniques, t.Name)
		}
		for _, tactic := range t.Tactics {
			if !slices.Contains(tacticIDs, tactic.ID) {
				tactics, tacticIDs = append(tactics, tactic.ShortName()), append(tacticIDs, tactic.ID)
			}
		}
	}
	return techniques, tactics, tacticIDs
}
