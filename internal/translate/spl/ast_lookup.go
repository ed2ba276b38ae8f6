package spl

// Lookup adds fields from a table.
type Lookup struct {
	At
	Table Name
	Keys  []Column
	// Outputs are all other columns when it is empty.
	Outputs []Column
	// Keep does not overwrite values that are there: OUTPUTNEW.
	Keep bool
}

// Column is a column of a table and the field it stands beside.
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

// Mvexpand makes a row of each value; Limit 0 is all.
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

// Nomv joins values with line feeds.
type Nomv struct {
	At
	Field Name
}

// Mvcombine joins rows that differ in one field only.
type Mvcombine struct {
	At
	Field Name
	Delim string
}

// Spath takes values out of JSON or XML. Without Path it takes all.
type Spath struct {
	At
	Input, Output, Path string
}

// FromJSON makes fields of the members of a JSON object.
type FromJSON struct {
	At
	Field  Name
	Prefix string
}

// Xmlkv makes fields of the elements of a text.
type Xmlkv struct {
	At
	Field string
}

// Extract makes fields of key=value pairs of the event's text.
type Extract struct {
	At
	PairDelim, KVDelim string
	// Auto tells that it names no delimiters: names and values have = between them, and values that are not in
	// quotes end with a blank or what separates pairs.
	Auto bool
}

// Replace changes whole values; patterns have stars.
type Replace struct {
	At
	Pairs []Replacement
	// In are the fields; all when it is empty.
	In []Name
}

// Replacement is from WITH to.
type Replacement struct{ From, To Value }

// Join adds to each row the fields of the row of a search that has the same values.
type Join struct {
	At
	Outer     bool
	Overwrite bool
	// Max is how many rows are joined to one; 0 is all.
	Max   int
	Names []Name
	// Left and Right stand before the names of the fields of the two sides, and On are the fields that have
	// to be equal, when they have names of their own.
	Left, Right string
	On          []Pair
	// UseTime joins only with rows that are not later, or when Later not earlier.
	UseTime, Later bool
	Sub            *Search
}

// Append adds the rows of a search, or with Pipe those that its commands make of the rows so far.
type Append struct {
	At
	Pipe bool
	Sub  *Search
}

// Transaction joins events that belong together.
type Transaction struct {
	At
	Names []Name
	// MaxSpan and MaxPause are in seconds, -1 when there is no limit; MaxEvents 0 likewise.
	MaxSpan, MaxPause float64
	MaxEvents         int
	StartsWith        Expr
	EndsWith          Expr
	StartEval         Node
	EndEval           Node
	// Unconnected lets an event in that has none of the fields of the transaction.
	Unconnected bool
	KeepEvicted bool
	// Lists tells that fields have the values of all events in their order, and Listed which ones; all where it is empty.
	Lists  bool
	Listed []string
	// Missing stands in such a list for an event that lacks the field.
	Missing string
}

// IPLocation adds what is known of an address.
type IPLocation struct {
	At
	Field     Name
	Prefix    string
	AllFields bool
}

// Head keeps the first rows, or the last ones.
type Head struct {
	At
	// N is how many; -1 is all.
	N    int
	Tail bool
	// While keeps rows as long as it holds; nil is always. Null lets it hold where it is null, and Last keeps
	// the first row where it does not.
	While      Node
	Null, Last bool
}

// Top counts the most frequent combinations, or the rarest.
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
	// Other is what a row for all others has in the place of values; "" makes none.
	Other string
}

// AddTotals adds the sum of numbers to each row, and a row with the sums of fields.
type AddTotals struct {
	At
	As    string
	Names []Name
	// NoRow adds no sums to rows, Column a row of sums, which has Label in LabelField.
	NoRow, Column     bool
	Label, LabelField string
}

// Makeresults makes rows: N empty ones, or those of Data.
type Makeresults struct {
	At
	N int
	// Form is "", csv or json.
	Form, Data string
}

// Reverse turns the order round.
type Reverse struct{ At }

// Format turns rows into the text of a condition.
type Format struct {
	At
	// Texts stand before all rows, before a row, between its fields, behind a row, between rows, and behind all.
	Texts [6]string
	// Between stands between the values of a field that has several.
	Between string
	// Max is how many rows are taken; 0 is all.
	Max int
	// Empty is the text when there are no rows.
	Empty string
}

// FormatTexts are the texts of format when it names none.
var FormatTexts = [6]string{"(", "(", "AND", ")", "OR", ")"} //nolint:gochecknoglobals // A constant.

// FormatEmpty is the text of format without rows when it names none.
const FormatEmpty = "NOT ( )"

// Return keeps fields of the first rows for the search around it.
type Return struct {
	At
	N     int
	Pairs []Pair
	// Bare are the pairs of which only the value is kept.
	Bare []bool
}

// Map runs a search for each row, with $field$ in the place of its values.
type Map struct {
	At
	Template Text
	Max      int
}
