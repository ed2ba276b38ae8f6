package sigma

import "tocsin/internal/translate/sigma"

// The codes of what is reported of files.
const (
	CodeSyntax      = sigma.CodeSyntax
	CodeValue       = sigma.CodeValue
	CodeUnknownName = sigma.CodeUnknownName
	CodeLint        = sigma.CodeLint
	// CodeMissing: a key without which a document says nothing.
	CodeMissing = "sigma/missing"
	// CodeUnknownKey: a key that is not of the format; it is kept.
	CodeUnknownKey = "sigma/unknown-key"
	// CodeUnreadable: a file that cannot be read.
	CodeUnreadable = "sigma/unreadable"
	// CodeUnmappedSource: a log source that no map names.
	CodeUnmappedSource = "sigma/unmapped-source"
	// CodeSilent: a rule that alerts only through a correlation.
	CodeSilent = "sigma/silent"
)
