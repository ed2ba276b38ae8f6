package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/match/event"
	"tocsin/internal/run/pipeline"
)

// weighing notes how many bytes of events become alerts at once.
type weighing struct {
	*meddler
	most int
}

func (w *weighing) Create(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	sum := 0
	for _, d := range docs {
		text, _ := d.Source["payload"].(string)
		sum += len(text)
	}
	if len(docs) > 2 {
		w.most = max(w.most, sum)
	}
	return w.meddler.Create(ctx, docs)
}

// TestHeavyEvents: of events that do not fit the memory for those that are kept, every rule makes the alerts that it
// makes of small ones, each with its whole event, and few at a time.
func TestHeavyEvents(t *testing.T) {
	for name, keys := range map[string]string{
		"alone":      kql,
		"suppressed": kql + "alert_suppression = { group_by = ['user.name'] }\n",
		"sequence":   "type = 'eql'\nlanguage = 'eql'\nquery = 'sequence by user.name [any where b == 1] [any where b == 2]'\n",
	} {
		t.Run(name, func(t *testing.T) {
			const heavy = 1_200_000
			ids := map[int][]string{}
			for _, size := range []int{1, heavy} {
				m := &weighing{meddler: &meddler{Memory: store.NewMemory()}}
				var events []event.Event
				for i := range 30 {
					user, b := i, 1 // of the last six, six of those that are kept last have had the first step
					if i >= 24 {
						user, b = i-6, 2
					}
					members := fmt.Sprintf(`"user":{"name":"u%d"},"b":%d,"payload":%q`, user, b, strings.Repeat("x", size))
					events = append(events, values(fmt.Sprint("e", i), i, members))
				}
				x := inFile(t, m, folding(t, keys, 100), events...)
				if x.Status != pipeline.Succeeded || x.Err != nil {
					t.Fatal(x.Status, x.Err, x.Warnings)
				}
				if m.most > 8<<20 {
					t.Errorf("%d bytes became alerts at once", m.most)
				}
				err := m.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
					text, _ := d.Source["payload"].(string)
					if _, shell := d.Source["kibana.alert.group.index"]; len(text) != size && (shell || name != "sequence") {
						t.Errorf("alert %s has %d bytes of its event", d.ID, len(text))
					}
					ids[size] = append(ids[size], d.ID)
					return true, nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			slices.Sort(ids[1])
			slices.Sort(ids[heavy])
			if small, large := strings.Join(ids[1], " "), strings.Join(ids[heavy], " "); small != large || small == "" {
				t.Errorf("of small events %s, of large ones %s", small, large)
			}
		})
	}
}
