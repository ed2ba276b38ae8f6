package sigma

// The codes of what is reported of detections.
const (
	// CodeSyntax: a section or a value of a shape that it cannot have.
	CodeSyntax = "sigma/syntax"
	// CodeModifier: a modifier that is not known, or not possible where it stands.
	CodeModifier = "sigma/modifier"
	// CodeValue: a value that its modifiers cannot take.
	CodeValue = "sigma/value"
	// CodeCondition: a condition that cannot be read.
	CodeCondition = "sigma/condition"
	// CodeUnknownName: a name that nothing defines: an identifier or a placeholder.
	CodeUnknownName = "sigma/unknown-name"
	// CodeUnmapped: a field that no index has.
	CodeUnmapped = "sigma/unmapped-field"
	// CodeLint: what can be read, and is probably not what was meant.
	CodeLint = "sigma/lint"
)
