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

// RiskEvent is the risk that one row adds to one user, system or other object.
type RiskEvent struct {
	// ID identifies the row and its window; it is the same in every run.
	ID string

	Object, ObjectType, ObjectField string
	Score                           float64
	Message                         string
	// Missing are the fields in the message that the row does not have.
	Missing []string
	Threats []Threat
	// MITRE are the techniques of the row, or of the detection if the row has none.
	MITRE []Technique

	Detection *Detection
	Row       splunk.Row
	// Earliest and Latest are the window, Scheduled is the time for which the search was scheduled.
	Earliest, Latest, Scheduled time.Time
}

// Threat is a value of a threat object.
type Threat struct{ Field, Type, Value string }

// RiskEvents returns the risk events of a row: one for each value of each scored field, and none for a missing
// field. Risk fields in the row override those of the detection.
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

// RowKey returns a text that is equal only for equal rows.
func RowKey(row splunk.Row) string {
	var parts [][2]any
	for _, name := range slices.Sorted(maps.Keys(row)) {
		parts = append(parts, [2]any{name, row[name].Native()})
	}
	data, err := json.Marshal(parts)
	if err != nil {
		return fmt.Sprint(parts) // Values are texts and finite numbers, so encoding cannot fail.
	}
	return string(data)
}

// InstanceID returns the id of a throttling group: rows of a detection with the same values in the throttling
// fields.
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

// Fields returns the event under the field names of Splunk's risk index, added to the fields of the row.
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

// names returns the names of the techniques, and their tactics without duplicates.
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
