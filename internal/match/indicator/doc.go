// Package indicator finds the threat indicators that match an event.
//
// It searches nothing and knows no rule. The flow: [New] makes a [Set] for the pairs of fields to
// compare; [Set.Add] adds the indicators one by one; [Set.Match] then matches events. For an
// indicator, the set stores the document's location and a hash of each value, not the document:
// equal hashes of 128 bits count as equal values.
package indicator
