package mapping

// Type is the name of an Elasticsearch field type, as mappings write it.
type Type string

// The field types that Tocsin distinguishes. Other types can be named in messages but not queried.
const (
	Keyword         Type = "keyword"
	ConstantKeyword Type = "constant_keyword"
	Wildcard        Type = "wildcard"
	Flattened       Type = "flattened"
	Text            Type = "text"
	MatchOnlyText   Type = "match_only_text"
	Long            Type = "long"
	Integer         Type = "integer"
	Short           Type = "short"
	Byte            Type = "byte"
	UnsignedLong    Type = "unsigned_long"
	Double          Type = "double"
	Float           Type = "float"
	HalfFloat       Type = "half_float"
	ScaledFloat     Type = "scaled_float"
	Boolean         Type = "boolean"
	Date            Type = "date"
	DateNanos       Type = "date_nanos"
	IP              Type = "ip"
	Version         Type = "version"
	Object          Type = "object"
	Nested          Type = "nested"
	Alias           Type = "alias"
	GeoPoint        Type = "geo_point"

	// SourceText is the type of the texts that a document's source has at a name, whatever its index maps
	// there; see [Field.OfSource]. No mapping has it.
	SourceText Type = "_source text"

	// Unknown is the type of a field about which nothing is known: it is treated as whatever type
	// its values and the literals beside it suggest.
	Unknown Type = ""
)

// Family groups the types that queries treat in the same way.
type Family int

// The families. Analysed text has its own family: its terms are not its values.
const (
	FamilyUnknown Family = iota
	FamilyString
	FamilyText
	FamilyInteger
	FamilyFloat
	FamilyBoolean
	FamilyDate
	FamilyIP
	FamilyVersion
	FamilyObject
	FamilyOther
)

// Family returns the family of the type.
func (t Type) Family() Family {
	switch t {
	case Unknown:
		return FamilyUnknown
	case Keyword, ConstantKeyword, Wildcard, Flattened, DocumentID, IndexName, SourceText:
		return FamilyString
	case Text, MatchOnlyText:
		return FamilyText
	case Long, Integer, Short, Byte, UnsignedLong:
		return FamilyInteger
	case Double, Float, HalfFloat, ScaledFloat:
		return FamilyFloat
	case Boolean:
		return FamilyBoolean
	case Date, DateNanos:
		return FamilyDate
	case IP:
		return FamilyIP
	case Version:
		return FamilyVersion
	case Object, Nested:
		return FamilyObject
	default:
		return FamilyOther
	}
}

// IsNumber reports whether values of the family compare as numbers.
func (f Family) IsNumber() bool { return f == FamilyInteger || f == FamilyFloat }
