package spl

// Lookup adds fields from a table.
type Lookup struct {
	At
	Table Name
	Keys  []Column
	// Outputs are the columns to add; if empty, all other columns.
	Outputs []Column
	// Keep does not overwrite existing values: OUTPUTNEW.
	Keep bool
}

// Column is a column of a table and the corresponding field.
type Column struct{ Column, Field Name }

// InputLookup reads the rows of a table.
type InputLookup struct {
	At
	Table  Name
	Append bool
	Start  int
	Max    int
	Where  Expr
}

// Mvexpand makes a row for each value; Limit 0 means all values.
type Mvexpand struct {
	At
	Field Name
	Limit int
}

// Makemv splits a value.
type Makemv struct {
	At
	Field      Name
	Delim      string
	Tokenizer  *Text
	AllowEmpty bool
}

// Nomv joins values with newlines.
type Nomv struct {
	At
	Field Name
}

// Mvcombine joins rows that differ in only one field.
type Mvcombine struct {
	At
	Field Name
	Delim string
}

// Spath extracts values from JSON or XML. Without Path it extracts all.
type Spath struct {
	At
	Input, Output, Path string
}

// FromJSON makes fields from the members of a JSON object.
type FromJSON struct {
	At
	Field  Name
	Prefix string
}

// Xmlkv makes fields from the XML elements of a text.
type Xmlkv struct {
	At
	Field string
}

// Extract makes fields from key=value pairs in the text of the event.
type Extract struct {
	At
	PairDelim, KVDelim string
	// Auto reports that there are no delimiters: names and values are separated by =, and unquoted values end with
	// a blank or a pair separator.
	Auto bool
}

// Replace replaces whole values; patterns have stars.
type Replace struct {
	At
	Pairs []Replacement
	// In are the fields; if empty, all fields.
	In []Name
}

// Replacement is from WITH to.
type Replacement struct{ From, To Value }

// Join adds the fields of the rows of a subsearch with equal values.
type Join struct {
	At
	Outer     bool
	Overwrite bool
	// Max is the maximum number of rows that are joined to a row; 0 means all.
	Max   int
	Names []Name
	// Left and Right are prefixes of the field names of the two sides. On are the pairs of fields that must be
	// equal, if they have different names.
	Left, Right string
	On          []Pair
	// UseTime joins only with rows that are not later, or with Later not earlier.
	UseTime, Later bool
	Sub            *Search
}

// Append adds the rows of a search, or with Pipe the results of its commands on the rows so far.
type Append struct {
	At
	Pipe bool
	Sub  *Search
}

// Transaction groups events that belong together.
type Transaction struct {
	At
	Names []Name
	// MaxSpan and MaxPause are in seconds, -1 for no limit. For MaxEvents 0 means no limit.
	MaxSpan, MaxPause float64
	MaxEvents         int
	StartsWith        Expr
	EndsWith          Expr
	StartEval         Node
	EndEval           Node
	// Unconnected includes events without any of the fields of the transaction.
	Unconnected bool
	KeepEvicted bool
	// Lists keeps the values of all events in order, for the fields Listed; if Listed is empty, for all fields.
	Lists  bool
	Listed []string
	// Missing is the entry of an event without the field in such a list.
	Missing string
}

// IPLocation adds the location of an address.
type IPLocation struct {
	At
	Field     Name
	Prefix    string
	AllFields bool
}

// Head keeps the first rows, or as tail the last rows.
type Head struct {
	At
	// N is the number of rows; -1 means all.
	N    int
	Tail bool
	// While keeps rows as long as it is true; nil is always true. Null treats null as true, and Last also keeps
	// the first row for which it is false.
	While      Node
	Null, Last bool
}

// Top counts the most frequent combinations, or as rare the rarest.
type Top struct {
	At
	Rare    bool
	Limit   int
	Names   []Name
	By      []Name
	NoCount bool
	NoShare bool
	CountAs string
	ShareAs string
	// Other is the value in the row for all other combinations; "" omits the row.
	Other string
}

// AddTotals adds the sum of numbers to each row, and a row with the sums of fields.
type AddTotals struct {
	At
	As    string
	Names []Name
	// NoRow adds no sums to rows. Column adds a row of sums, with Label in LabelField.
	NoRow, Column     bool
	Label, LabelField string
}

// Makeresults makes N empty rows, or the rows in Data.
type Makeresults struct {
	At
	N int
	// Form is "", csv or json.
	Form, Data string
}

// Reverse reverses the order of rows.
type Reverse struct{ At }

// Format combines rows to the text of a condition.
type Format struct {
	At
	// Texts are the texts before all rows, before a row, between its fields, after a row, between rows, and after
	// all rows.
	Texts [6]string
	// Between is the text between several values of a field.
	Between string
	// Max is the maximum number of rows; 0 means all.
	Max int
	// Empty is the result without rows.
	Empty string
}

// FormatTexts are the default texts of format.
var FormatTexts = [6]string{"(", "(", "AND", ")", "OR", ")"} //nolint:gochecknoglobals // A constant.

// FormatEmpty is the default result of format without rows.
const FormatEmpty = "NOT ( )"

// Return returns fields of the first rows to the enclosing search.
type Return struct {
	At
	N     int
	Pairs []Pair
	// Bare marks the pairs of which only the value is returned.
	Bare []bool
}

// Map runs a search for each row, with $field$ replaced by its values.
type Map struct {
	At
	Template Text
	Max      int
}
