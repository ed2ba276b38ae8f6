package mapping

// Field is what a mapping says of one field.
type Field struct {
	// Name is the full dotted name that queries use.
	Name string
	Type Type
	// Path is where the values stand in a document when that is not Name: the target of an alias,
	// the parent of a multi-field.
	Path string
	// Exact names the one keyword sub-field of an analysed text field, which queries for whole
	// values use in its place; "" when there is none or more than one.
	Exact string
	// IgnoreAbove is the length in UTF-16 units over which a keyword is not indexed; 0: no limit.
	IgnoreAbove int
	// Normalizer names the keyword's normalizer; "lowercase" is built in, others are not known here.
	Normalizer string
	// NullValue stands in for an explicit null; nil: a null is a missing value.
	NullValue any
	// Constant is the value of a constant_keyword that every document has.
	Constant *string
	// Format lists the date formats, separated by "||"; "" is Elasticsearch's default.
	Format string
	// Conflict lists the types of a field that is mapped differently in different indices, each
	// with one of its indices: "keyword in [a]".
	Conflict []string
}

// Source returns where the field's values stand in a document.
func (f Field) Source() string {
	if f.Path != "" {
		return f.Path
	}
	return f.Name
}

// Fields answers which field a name means. A name that is not mapped gives false.
type Fields interface {
	Field(name string) (Field, bool)
}

// Table is a set of mapped fields by name.
type Table map[string]Field

// Field returns the field of that name, or the part of a flattened field that it means.
func (t Table) Field(name string) (Field, bool) {
	if f, ok := t[name]; ok {
		return f, true
	}
	for i := len(name) - 1; i > 0; i-- {
		if name[i] != '.' {
			continue
		}
		if f, ok := t[name[:i]]; ok && f.Type == Flattened {
			return Field{Name: name, Type: Flattened, Path: name, IgnoreAbove: f.IgnoreAbove}, true
		}
	}
	return Field{}, false
}

// Layers asks each of several sources in turn: the first that knows a name answers.
type Layers []Fields

// Field returns the first layer's answer.
func (l Layers) Field(name string) (Field, bool) {
	for _, fields := range l {
		if f, ok := fields.Field(name); ok {
			return f, true
		}
	}
	return Field{}, false
}

// Assumed is used where no mapping is at hand (checking a rule on a laptop): fields of ECS have
// their ECS type, every other name is taken to be mapped with a type that is not known.
func Assumed() Fields { return Layers{ECS(), assumed{}} }

type assumed struct{}

func (assumed) Field(name string) (Field, bool) { return Field{Name: name}, true }
