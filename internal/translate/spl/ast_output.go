package spl

// OutputLookup writes the rows to a table and passes them on.
type OutputLookup struct {
	At
	Table Name
	// Append adds rows to the existing table. KeyField names the key field: rows with an existing key replace the
	// old ones.
	Append   bool
	KeyField string
	// KeepIfEmpty leaves the table unchanged if there are no rows. NoEmpty does not create an empty table.
	KeepIfEmpty, NoEmpty bool
	// Max is the maximum number of rows to write; 0 means all.
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

// quoteWord writes the value of an option, quoted if necessary.
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
