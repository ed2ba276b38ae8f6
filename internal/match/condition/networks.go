package condition

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// networks is a trie of networks, all in IPv6 form, with the tests that each makes true. A branch
// holds as many bits as its networks share, so that a look-up visits few branches. The zero value
// is empty.
type networks struct{ branches []branch }

// branch is a network and its subnetworks, by the next bit. Branch 0 is the root: as nothing leads
// back to it, 0 also means no branch.
type branch struct {
	address address
	bits    int
	tests   []int32
	within  [2]int32
}

// address is the 128 bits of an address, the leading ones in hi.
type address struct{ hi, lo uint64 }

func addressBits(a netip.Addr) address {
	b := a.As16()
	return address{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// bit returns the bit number i.
func (a address) bit(i int) int {
	if i < 64 {
		return int(a.hi >> (63 - i) & 1)
	}
	return int(a.lo >> (127 - i) & 1)
}

// shared returns the length of the common prefix of two addresses, in bits.
func (a address) shared(o address) int {
	if x := a.hi ^ o.hi; x != 0 {
		return bits.LeadingZeros64(x)
	}
	return 64 + bits.LeadingZeros64(a.lo^o.lo)
}

// add adds a network of a test.
func (n *networks) add(p netip.Prefix, test int32) {
	if n.branches == nil {
		n.branches = []branch{{}}
	}
	a, at := addressBits(p.Addr()), int32(0)
	for n.branches[at].bits < p.Bits() {
		way := a.bit(n.branches[at].bits)
		next := n.branches[at].within[way]
		if next == 0 {
			next = n.append(branch{address: a, bits: p.Bits()})
			n.branches[at].within[way] = next
		} else if shared := min(n.branches[next].address.shared(a), p.Bits()); shared < n.branches[next].bits {
			between := branch{address: a, bits: shared}
			between.within[n.branches[next].address.bit(shared)] = next
			next = n.append(between)
			n.branches[at].within[way] = next
		}
		at = next
	}
	n.branches[at].tests = append(n.branches[at].tests, test)
}

func (n *networks) append(b branch) int32 {
	n.branches = append(n.branches, b)
	return int32(len(n.branches) - 1)
}

// each calls found with every test that is true for an address.
func (n *networks) each(addr netip.Addr, found func(test int32)) {
	if n.branches == nil {
		return
	}
	a := addressBits(addr)
	for at := int32(0); ; {
		b := &n.branches[at]
		if a.shared(b.address) < b.bits {
			return
		}
		for _, test := range b.tests {
			found(test)
		}
		if b.bits == 128 {
			return
		}
		if at = b.within[a.bit(b.bits)]; at == 0 {
			return
		}
	}
}

// all calls found with every test.
func (n *networks) all(found func(test int32)) {
	for i := range n.branches {
		for _, test := range n.branches[i].tests {
			found(test)
		}
	}
}
