// Package sequence matches events to the steps of EQL sequences and samples.
//
// It reads no documents and evaluates no conditions: for each event, in order of time, the caller
// says which steps it fits and under which join keys. The package keeps partial sequences that may
// still be completed, not the stream.
//
// The flow of a sequence: [New] takes a [Spec]; [Matcher.Add] takes the events; completed sequences
// come out in the order in which Elasticsearch returns them; [Matcher.Finish] decides about
// sequences that wait for missing events. The flow of a sample: [Sampler.Add], then
// [Sampler.Samples].
//
// Memory: for each join key at most two partial sequences per step, and with a maxspan only keys
// that had an event within it. [Spec.Limit] bounds the partial sequences; exceeding it is
// [ErrTooMany].
package sequence
