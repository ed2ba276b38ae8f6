package winlog_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/fieldmap/winlog"
	"tocsin/internal/testkit/conformance"
)

func parsed(t *testing.T, text string) winlog.Object {
	t.Helper()
	var out winlog.Object
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

const defender = `{"Event":{"#attributes":{"xmlns":"x"},"System":{"Provider":{"#attributes":{"Name":"P","Guid":"G"}},"EventID":{"#attributes":{"Qualifiers":0},"#text":1116},
	"TimeCreated":{"#attributes":{"SystemTime":"2026-01-15T14:00:00Z"}},"Channel":"C","Computer":"pc","Security":null},"EventData":{"Threat Name":"T","Data":{"#text":["a","b"]}}}}`

// TestNames has the names that rules have for the parts of an event.
func TestNames(t *testing.T) {
	got, err := winlog.Names(parsed(t, defender))
	if err != nil {
		t.Fatal(err)
	}
	want := winlog.Object{
		"Provider_Name": "P", "Provider_Guid": "G", "EventID": json.Number("1116"), "EventID_Qualifiers": json.Number("0"), "TimeCreated_SystemTime": "2026-01-15T14:00:00Z",
		"@timestamp": "2026-01-15T14:00:00Z", "Channel": "C", "Computer": "pc", "Threat Name": "T", "ThreatName": "T", "Data": []any{"a", "b"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, none := range []string{`{}`, `{"Event":1}`, `{"Event":{}}`, `{"Event":{"System":""}}`} {
		if _, err := winlog.Names(parsed(t, none)); err == nil || winlog.Is(parsed(t, none)) {
			t.Errorf("%s is an event of Windows", none)
		}
	}
}

// TestSeparateAttributes reads what converters write that put attributes beside their element.
func TestSeparateAttributes(t *testing.T) {
	const beside = `{"Event":{"Event_attributes":{"xmlns":"x"},"System":{"Provider":null,"Provider_attributes":{"Name":"P","Guid":"G"},"EventID":1116,"EventID_attributes":{"Qualifiers":0},
	"TimeCreated_attributes":{"SystemTime":"2026-01-15T14:00:00Z"},"Channel":"C","Computer":"pc"},"EventData":{"Threat Name":"T","Data":{"#text":["a","b"]}}}}`
	for name, of := range map[string]func(winlog.Object) (winlog.Object, error){
		"names": winlog.Names,
		"document": func(e winlog.Object) (winlog.Object, error) {
			doc, _, err := winlog.Document(e)
			return doc, err
		},
	} {
		one, err := of(parsed(t, defender))
		if err != nil {
			t.Fatal(err)
		}
		other, err := of(parsed(t, beside))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(one, other); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestPublishedNames compares with the names that the corpus has for the parts of published events.
func TestPublishedNames(t *testing.T) {
	sets, err := conformance.SigmaSets("../../../../shared/corpus/sigma")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the corpus is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, set := range sets {
		for i, raw := range set.Events {
			if !winlog.Is(raw) {
				continue
			}
			compared++
			got, err := winlog.Names(raw)
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range set.Fields[i] {
				if value := got[name]; want != nil && textOf(value) != textOf(want) {
					t.Errorf("%s: %s is %v, want %v", set.Rule, name, value, want)
				}
			}
		}
	}
	if compared < 100 {
		t.Errorf("%d events were compared", compared)
	}
}

// textOf joins texts, as the corpus does.
func textOf(v any) string {
	switch v := v.(type) {
	case []any:
		var out []string
		for _, x := range v {
			out = append(out, textOf(x))
		}
		return strings.Join(out, "\n")
	case json.Number:
		return v.String()
	case string:
		return v
	}
	return ""
}
