package condition

// Scope is a selection of a set's members; nil selects all.
type Scope []uint64

// NewScope returns the scope of the members, of n, for which covers returns true.
func NewScope(n int, covers func(member int) bool) Scope {
	s := make(Scope, (n+63)/64)
	for i := range n {
		if covers(i) {
			s[i/64] |= 1 << (i % 64)
		}
	}
	return s
}

// Has reports whether a member is selected.
func (s Scope) Has(member int) bool { return s.has(int32(member)) }

func (s Scope) has(member int32) bool { return s == nil || s[member/64]>>(member%64)&1 == 1 }
