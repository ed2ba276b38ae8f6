package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// dynamic is the dynamic parameter of a mapping or object: what happens to a new field. The zero
// value means the parameter of the enclosing object, or true at the root.
type dynamic string

const (
	dynamicTrue    dynamic = "true"
	dynamicFalse   dynamic = "false"
	dynamicStrict  dynamic = "strict"
	dynamicRuntime dynamic = "runtime"
)

// UnmarshalJSON accepts false and "false".
func (d *dynamic) UnmarshalJSON(data []byte) error {
	switch text := dynamic(strings.Trim(string(data), `"`)); text {
	case dynamicTrue, dynamicFalse, dynamicStrict, dynamicRuntime:
		*d = text
		return nil
	default:
		return fmt.Errorf("dynamic is %s, but must be true, false, strict or runtime", data)
	}
}

// dynamics holds a mapping's rules for new fields.
type dynamics struct {
	// objects holds the objects with their own rules, by name; "" is the root.
	objects   map[string]objectRules
	templates []template
	// runtime holds the mapping's runtime fields, shadowed the fields and objects of the same names,
	// which searches do not see and documents are parsed by.
	runtime  map[string]bool
	shadowed Table
	// noDates and numbers: whether texts that are dates or numbers become such fields.
	noDates, numbers bool
	// dateFormats are tried in order; nil means Elasticsearch's default.
	dateFormats []string
}

// objectRules are an object's rules for the fields below it.
type objectRules struct {
	dynamic dynamic
	// disabled: nothing below is indexed.
	disabled bool
	// flat: names below are names of fields, including their dots.
	flat bool
}

// rootDefinition is the part of a mapping that exists only at its root.
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
			return fmt.Errorf("dynamic_date_formats: date format [%s] is not supported", format)
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

// slashFormat is the format that dynamic mapping sets for a date written with slashes.
const slashFormat = "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"

// date reports whether a text is detected as a date, with the format for the mapping; "" is
// Elasticsearch's default.
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
