package splunk

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"

	"tocsin/internal/translate/spl"
)

// makeResults generates empty rows, or rows from a text.
func (r *run) makeResults(c *spl.Makeresults, out stage) error {
	now := Number(float64(r.window.Now.Unix()))
	switch c.Form {
	case "csv":
		return r.madeOfCSV(c.Data, out)
	case "json":
		return r.madeOfJSON(c.Data, now, out)
	}
	for range c.N {
		if err := r.alive(); err != nil {
			return err
		}
		if err := out.row(Row{"_time": now}); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) madeOfCSV(data string, out stage) error {
	reader := csv.NewReader(strings.NewReader(data))
	reader.FieldsPerRecord, reader.LazyQuotes, reader.TrimLeadingSpace = -1, true, true
	lines, err := reader.ReadAll()
	if err != nil {
		return fmt.Errorf("run makeresults: the data is no CSV: %w", err)
	}
	if len(lines) == 0 {
		return nil
	}
	for _, line := range lines[1:] {
		if err := r.alive(); err != nil {
			return err
		}
		row := Row{}
		for i, name := range lines[0] {
			if i < len(line) && line[i] != "" {
				row.set(strings.TrimSpace(name), Text(line[i]))
			}
		}
		if err := out.row(row); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) madeOfJSON(data string, now Value, out stage) error {
	var objects []map[string]any
	d := json.NewDecoder(strings.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&objects); err != nil {
		return fmt.Errorf("run makeresults: the data is no list of objects in JSON: %w", err)
	}
	for _, object := range objects {
		if err := r.alive(); err != nil {
			return err
		}
		row := Flatten(object)
		if row["_time"].IsNull() {
			row["_time"] = now
		}
		if err := out.row(row); err != nil {
			return err
		}
	}
	return nil
}
