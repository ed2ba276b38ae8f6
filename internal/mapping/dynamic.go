package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// dynamic says what becomes of a field that a mapping does not have. The zero value is what the
// object above says, or true at the root.
type dynamic string

const (
	dynamicTrue    dynamic = "true"
	dynamicFalse   dynamic = "false"
	dynamicStrict  dynamic = "strict"
	dynamicRuntime dynamic = "runtime"
)

// UnmarshalJSON reads false and "false".
func (d *dynamic) UnmarshalJSON(data []byte) error {
	switch text := dynamic(strings.Trim(string(data), `"`)); text {
	case dynamicTrue, dynamicFalse, dynamicStrict, dynamicRuntime:
		*d = text
		return nil
	default:
		return fmt.Errorf("dynamic is %s, and can be true, false, strict or runtime", data)
	}
}

// dynamics is what a mapping says of fields that it does not have.
type dynamics struct {
	// objects are those that say something of their own, by name; "" is the root.
	objects   map[string]objectRules
	templates []template
	// runtime are the mapping's runtime fields.
	runtime map[string]bool
	// noDates and numbers: texts that are dates or numbers become such fields.
	noDates, numbers bool
	// dateFormats are tried one after the other; nil means Elasticsearch's.
	dateFormats []string
}

// objectRules is what an object says of what is below it.
type objectRules struct {
	dynamic dynamic
	// disabled: nothing below is indexed.
	disabled bool
	// flat: names below are names of fields, dots and all.
	flat bool
}

// rootDefinition is the part of a mapping that only its root has.
type rootDefinition struct {
	Templates        []map[string]json.RawMessage `json:"dynamic_templates"`
	DateDetection    flag                         `json:"date_detection"`
	NumericDetection flag                         `json:"numeric_detection"`
	DateFormats      names                        `json:"dynamic_date_formats"`
}

func (d *dynamics) parse(data []byte) error {
	var root rootDefinition
	if err := json.Unmarshal(data, &root); err != nil {
		return fmt.Errorf("not a definition: %w", err)
	}
	d.noDates, d.numbers = !root.DateDetection.orTrue(), root.NumericDetection.orFalse()
	for _, format := range root.DateFormats {
		if format == "none" {
			continue
		}
		if !knownFormats(format) {
			return fmt.Errorf("dynamic_date_formats: date format [%s] is not read", format)
		}
		d.dateFormats = append(d.dateFormats, format)
	}
	if root.DateFormats != nil && d.dateFormats == nil {
		d.noDates = true
	}
	for _, one := range root.Templates {
		if len(one) != 1 {
			return errors.New("dynamic_templates: expected a list of objects with one name each")
		}
		for name, definition := range one {
			t, err := parseTemplate(definition)
			if err != nil {
				return fmt.Errorf("dynamic template [%s]: %w", name, err)
			}
			d.templates = append(d.templates, t)
		}
	}
	return nil
}

// slashFormat is the mapping's format for a date that was written with slashes.
const slashFormat = "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"

// date returns the format by which a text is taken for a date, "" for Elasticsearch's default, as
// mappings write it.
func (d *dynamics) date(text string) (format string, ok bool) {
	if d.noDates {
		return "", false
	}
	formats := d.dateFormats
	if formats == nil {
		formats = []string{"", slashFormat}
	}
	for _, format := range formats {
		if _, _, err := ParseDate(text, format); err == nil {
			return format, true
		}
	}
	return "", false
}
