package spl

import "strconv"

// Strcat joins texts and fields.
type Strcat struct {
	At
	// AllRequired skips rows without one of the fields.
	AllRequired bool
	Parts       []CatPart
	To          Name
}

// CatPart is a field, or a text.
type CatPart struct {
	Name    Name
	Literal bool
}

// Rangemap sets the field range to the names of the ranges that contain a number.
type Rangemap struct {
	At
	Field   Name
	Ranges  []Range
	Default string
}

// Range is a named range of numbers from Low to High.
type Range struct {
	Name      string
	Low, High float64
}

// ToJSON sets a field to a JSON object of other fields.
type ToJSON struct {
	At
	Fields []JSONField
	// Output is the field to set. Type is the conversion of fields without their own. Null makes missing fields
	// null. Internal includes fields whose names start with an underscore.
	Output, Type   string
	Null, Internal bool
}

// JSONField is a pattern of field names and the type of their values: auto, num, str, bool, json, or "" for the
// default.
type JSONField struct {
	Type string
	Name Name
}

// Fieldformat defines how a field is displayed. The value is not changed.
type Fieldformat struct {
	At
	Set Set
}

// Noop does not change rows.
type Noop struct {
	At
	Name string
}

// AddInfo adds the time range of the search.
type AddInfo struct{ At }

// Makecontinuous adds rows for missing intervals of a field.
type Makecontinuous struct {
	At
	Field      Name
	Span       *TimeSpan
	Bins       int
	Start, End *float64
}

// Outlier removes rows with values far outside the interquartile range, or limits the values.
type Outlier struct {
	At
	Names  []Name
	Remove bool
	// Times is the distance in interquartile ranges. Lower includes values that are too small, and Mark prefixes
	// changed values with 000.
	Times       float64
	Lower, Mark bool
}

// Command returns strcat.
func (*Strcat) Command() string { return "strcat" }

// Command returns rangemap.
func (*Rangemap) Command() string { return "rangemap" }

// Command returns tojson.
func (*ToJSON) Command() string { return "tojson" }

// Command returns fieldformat.
func (*Fieldformat) Command() string { return "fieldformat" }

// Command returns the name as written.
func (n *Noop) Command() string { return n.Name }

// Command returns addinfo.
func (*AddInfo) Command() string { return "addinfo" }

// Command returns makecontinuous.
func (*Makecontinuous) Command() string { return "makecontinuous" }

// Command returns outlier.
func (*Outlier) Command() string { return "outlier" }

// String writes strcat with its parts.
func (s *Strcat) String() string {
	return line("strcat", flag("allrequired", s.AllRequired), joined(s.Parts, " "), s.To.String())
}

// String writes a text in quotes.
func (c CatPart) String() string {
	if c.Literal {
		return quote(c.Name.Text)
	}
	if c.Name.String() != c.Name.Text {
		return singleQuoted(c.Name.Text) // Double quotes would make it a text.
	}
	return c.Name.Text
}

// String writes rangemap with its ranges.
func (r *Rangemap) String() string {
	return line("rangemap", "field="+quote(r.Field.Text), joined(r.Ranges, " "), setting("default", r.Default, rangeDefault))
}

const rangeDefault = "None"

// String writes name=low-high.
func (r Range) String() string {
	return r.Name + "=" + decimal(r.Low) + "-" + decimal(r.High)
}

func decimal(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// String writes tojson with its fields.
func (t *ToJSON) String() string {
	return line("tojson", setting("output_field", t.Output, "_raw"), setting("default_type", t.Type, jsonUsual),
		flag("fill_null", t.Null), flag("include_internal", t.Internal), joined(t.Fields, ", "))
}

const jsonUsual = "none"

// String writes type(field).
func (f JSONField) String() string {
	if f.Type == "" {
		return f.Name.String()
	}
	return typed(f.Type, f.Name.Text)
}

// String writes fieldformat with its expression.
func (f *Fieldformat) String() string { return "fieldformat " + f.Set.String() }

// String writes the name of the command.
func (n *Noop) String() string { return n.Name }

// String writes addinfo.
func (*AddInfo) String() string { return "addinfo" }

// String writes makecontinuous with its steps.
func (m *Makecontinuous) String() string {
	return line("makecontinuous", m.Field.String(), span(m.Span), number("bins", m.Bins, 0), bound("start", m.Start), bound("end", m.End))
}

func span(s *TimeSpan) string {
	if s == nil {
		return ""
	}
	return "span=" + s.String()
}

func bound(name string, x *float64) string {
	if x == nil {
		return ""
	}
	return name + "=" + decimal(*x)
}

// String writes outlier with its fields.
func (o *Outlier) String() string {
	action, times := "", ""
	if o.Remove {
		action = "action=remove"
	}
	if o.Times != outlierTimes {
		times = "param=" + decimal(o.Times)
	}
	return line("outlier", action, times, flag("uselower", o.Lower), flag("mark", o.Mark), printNames(o.Names))
}

const outlierTimes = 2.5
