package spl

// AppendCols adds the fields of the row of a subsearch at the same position to each row.
type AppendCols struct {
	At
	Override bool
	Sub      *Search
}

// Union joins the rows of searches. After other commands, it appends them to the rows so far.
type Union struct {
	At
	// Multi reports that it is multisearch, whose searches only filter and change events.
	Multi bool
	Subs  []*Search
}

// SetOp is set: rows that are in one of two searches, in both, or in either.
type SetOp struct {
	At
	Op   string
	A, B *Search
}

// Command returns appendcols.
func (*AppendCols) Command() string { return "appendcols" }

// Command returns union or multisearch.
func (u *Union) Command() string {
	if u.Multi {
		return "multisearch"
	}
	return "union"
}

// Command returns set.
func (*SetOp) Command() string { return "set" }

// String writes appendcols with its search.
func (a *AppendCols) String() string {
	return line("appendcols", flag("override", a.Override), "["+a.Sub.inner()+"]")
}

// String writes the command with its searches.
func (u *Union) String() string {
	parts := []string{u.Command()}
	for _, s := range u.Subs {
		parts = append(parts, "["+s.inner()+"]")
	}
	return line(parts...)
}

// String writes set with its searches.
func (s *SetOp) String() string {
	return "set " + s.Op + " [" + s.A.inner() + "] [" + s.B.inner() + "]"
}

// Subs returns the searches whose rows a command adds to its input.
func Subs(stage Stage) []*Search {
	switch stage := stage.(type) {
	case *Join:
		return []*Search{stage.Sub}
	case *Append:
		return []*Search{stage.Sub}
	case *AppendCols:
		return []*Search{stage.Sub}
	case *Union:
		return stage.Subs
	case *SetOp:
		return []*Search{stage.A, stage.B}
	}
	return nil
}
