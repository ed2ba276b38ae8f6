package spl

import (
	"strconv"
	"strings"
)

// Accum sets a field to the running total of its rows.
type Accum struct {
	At
	Field Name
	As    string
}

// Delta sets the difference to the row Back rows before.
type Delta struct {
	At
	Field Name
	As    string
	Back  int
}

// Autoregress sets the values of the rows from From to To rows before.
type Autoregress struct {
	At
	Field    Name
	As       string
	From, To int
}

// Filldown sets missing fields to the value of the previous row; without names, all fields.
type Filldown struct {
	At
	Names []Name
}

// Uniq drops rows that are equal to the previous row.
type Uniq struct{ At }

// Trendline sets moving averages.
type Trendline struct {
	At
	Trends []Trend
}

// Trend is one moving average over a number of rows: sma, ema or wma.
type Trend struct {
	Func  string
	Over  int
	Field Name
	As    string
}

// Command returns accum.
func (*Accum) Command() string { return "accum" }

// Command returns delta.
func (*Delta) Command() string { return "delta" }

// Command returns autoregress.
func (*Autoregress) Command() string { return "autoregress" }

// Command returns filldown.
func (*Filldown) Command() string { return "filldown" }

// Command returns uniq.
func (*Uniq) Command() string { return "uniq" }

// Command returns trendline.
func (*Trendline) Command() string { return "trendline" }

// String writes accum with its field.
func (a *Accum) String() string { return line("accum", a.Field.String(), as(a.As, a.Field.Text)) }

// String writes delta with its field.
func (d *Delta) String() string {
	return line("delta", d.Field.String(), as(d.As, "delta("+d.Field.Text+")"), number("p", d.Back, 1))
}

// String writes autoregress with its field and rows.
func (a *Autoregress) String() string {
	rows := "p=" + strconv.Itoa(a.From)
	if a.To != a.From {
		rows += "-" + strconv.Itoa(a.To)
	}
	return line("autoregress", a.Field.String(), as(a.As, ""), rows)
}

// String writes filldown with its fields.
func (f *Filldown) String() string { return line("filldown", printNames(f.Names)) }

// String writes uniq.
func (*Uniq) String() string { return "uniq" }

// String writes trendline with its averages.
func (t *Trendline) String() string { return line("trendline", joined(t.Trends, " ")) }

// String writes sma5(field).
func (t Trend) String() string {
	call := t.Func + strconv.Itoa(t.Over) + "("
	return line(call+t.Field.String()+")", as(t.As, call+t.Field.Text+")"))
}

// as writes AS name, unless it is the default name.
func as(name, usual string) string {
	if name == usual {
		return ""
	}
	return "as " + printAs(name)
}

// trendForms maps the prefix of a name to the kind of moving average.
var trendForms = []string{"sma", "ema", "wma"}

func trendForm(name string) (form string, over int, ok bool) {
	for _, f := range trendForms {
		if digits, found := strings.CutPrefix(strings.ToLower(name), f); found {
			n, err := strconv.Atoi(digits)
			return f, n, err == nil && n >= 2 && n <= 10000
		}
	}
	return "", 0, false
}
