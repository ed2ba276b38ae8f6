package condition

// Scope is a choice of a set's members; nil is all of them.
type Scope []uint64

// NewScope returns the members of n of which covers says so.
func NewScope(n int, covers func(member int) bool) Scope {
	s := make(Scope, (n+63)/64)
	for i := range n {
		if covers(i) {
			s[i/64] |= 1 << (i % 64)
		}
	}
	return s
}

// Has reports whether a member is chosen.
func (s Scope) Has(member int) bool { return s.has(int32(member)) }

func (s Scope) has(member int32) bool { return s == nil || s[member/64]>>(member%64)&1 == 1 }
