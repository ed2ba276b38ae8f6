package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"time"
)

// slot is the time that the rules are run for; the events lie in the fifty minutes before.
var slot = time.Date(2026, time.March, 1, 10, 10, 0, 0, time.UTC)

const before = 50 * time.Minute

// one in so many events is planted: a recorded one that a rule is known to find, or one made up like it.
const plantedEvery = 200

// document is an event under way, as the line that it becomes.
type document struct{ line []byte }

func (d *document) key(name string) {
	if len(d.line) > 0 {
		d.line = append(d.line, ',')
	} else {
		d.line = append(d.line, '{')
	}
	d.line = append(appendText(d.line, name), ':')
}

func (d *document) text(name, value string) {
	d.key(name)
	d.line = appendText(d.line, value)
}

func (d *document) number(name string, value int) {
	d.key(name)
	d.line = strconv.AppendInt(d.line, int64(value), 10)
}

// appendText appends a string of JSON, with no more escapes than it needs.
func appendText(to []byte, s string) []byte {
	to = append(to, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\':
			to = append(to, '\\', c)
		case c < ' ':
			to = fmt.Appendf(to, `\u%04x`, c)
		default:
			to = append(to, c)
		}
	}
	return append(to, '"')
}

// generator makes events: with the same seed, the same ones.
type generator struct {
	*rand.Rand
	document
	planted []planted
	at      time.Time
}

// writeEvents writes n events into a file, unless it is there.
func writeEvents(path string, n int, seed uint64, recorded []planted) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0)), planted: recorded}
	for i := range n {
		g.event(i, slot.Add(-before+before*time.Duration(i)/time.Duration(n)))
		if _, err := w.Write(append(g.line, '\n')); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

// event makes event number n.
func (g *generator) event(n int, at time.Time) {
	g.line, g.at = g.line[:0], at
	g.number("EventRecordID", n+1)
	g.text("@timestamp", at.Format("2006-01-02T15:04:05.000Z"))
	switch {
	case g.IntN(plantedEvery) > 0:
		g.usual()
	case len(g.planted) > 0 && g.IntN(2) == 0:
		g.recorded(g.planted[g.IntN(len(g.planted))])
	default:
		g.unusual()
	}
	g.line = append(g.line, '}')
}

// source says what Sigma calls the log source, and how the events themselves tell it: by these the shipped field map
// knows it, rsigma by the others.
func (g *generator) source(product, category string, id int, computer string) {
	g.text("product", product)
	g.text("category", category)
	g.text("service", "sysmon")
	if product == "windows" {
		g.text("Channel", sysmon)
	} else {
		g.text("event.provider", "Linux-Sysmon")
		g.number("event.code", id)
	}
	g.number("EventID", id)
	g.text("Computer", computer)
	g.text("UtcTime", g.at.Format("2006-01-02 15:04:05.000"))
}

// sysmon is the channel of Sysmon's events.
const sysmon = "Microsoft-Windows-Sysmon/Operational"

// categories are those of Sysmon's kinds of events.
var categories = map[int]string{
	1: "process_creation", 3: "network_connection", 7: "image_load", 10: "process_access", 11: "file_event", 12: "registry_event",
	13: "registry_set", 22: "dns_query",
}

// planted is a recorded event.
type planted struct {
	id     int
	names  []string
	fields map[string]any
}

// recorded writes a recorded event as of now and here.
func (g *generator) recorded(p planted) {
	g.source("windows", categories[p.id], p.id, g.workstation())
	for _, name := range p.names {
		switch v := p.fields[name].(type) {
		case string:
			g.text(name, v)
		case float64:
			g.number(name, int(v))
		}
	}
}

// readRecorded reads the Sysmon events of a file of regression tests; none where there is no file.
func readRecorded(path string) ([]planted, error) {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var out []planted
	for dec := json.NewDecoder(f); dec.More(); {
		var test struct{ Fields []map[string]any }
		if err := dec.Decode(&test); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, fields := range test.Fields {
			p := planted{fields: fields}
			if channel, ok := fields["Channel"].(string); !ok || channel != sysmon {
				continue
			}
			if id, ok := fields["EventID"].(float64); ok {
				p.id = int(id)
			}
			if categories[p.id] == "" {
				continue
			}
			for name := range fields {
				if !slices.Contains([]string{"EventRecordID", "EventID", "Channel", "Computer", "UtcTime"}, name) {
					p.names = append(p.names, name)
				}
			}
			slices.Sort(p.names)
			out = append(out, p)
		}
	}
	return out, nil
}
