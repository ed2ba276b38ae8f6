// Package indicator finds the indicators of threat intelligence that an event carries.
//
// It searches nothing and knows no rule. The flow: a [Set] is made for the pairs of fields to
// compare ([New]); indicators are shown to it one by one ([Set.Add]); then events are
// ([Set.Match]). Of an indicator it keeps where the document is and a hash of each value, not the
// document: a hash of 128 bits is taken for the value itself.
package indicator
