package spl

// OutputLookup writes the rows to a table and passes them on.
type OutputLookup struct {
	At
	Table Name
	// Append adds to what is there; KeyField names the field by which rows take the place of those that
	// are there.
	Append   bool
	KeyField string
	// KeepIfEmpty leaves the table alone when there are no rows, and NoEmpty makes none of no rows.
	KeepIfEmpty, NoEmpty bool
	// Max is how many rows are written; 0 is all.
	Max int
}

// Command returns outputlookup.
func (*OutputLookup) Command() string { return "outputlookup" }

// String writes outputlookup with its options.
func (o *OutputLookup) String() string {
	key := ""
	if o.KeyField != "" {
		key = "key_field=" + quoteWord(o.KeyField)
	}
	text := line("outputlookup", flag("append", o.Append), key, number("max", o.Max, 0))
	if o.KeepIfEmpty {
		text += " override_if_empty=false"
	}
	if o.NoEmpty {
		text += " create_empty=false"
	}
	return text + " " + o.Table.String()
}

// quoteWord writes a value of an option.
func quoteWord(s string) string {
	for i := range len(s) {
		if !isWordByte(s[i]) {
			return quote(s)
		}
	}
	return s
}

func isWordByte(c byte) bool {
	return c == '_' || c == '-' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
