// Package sequence matches events to the steps of EQL sequences and samples.
//
// It reads no documents and evaluates no conditions: it is told, event by event in order of time,
// which steps an event fits and under which join keys. What it keeps are the partial sequences that
// may still be completed; it never keeps the stream.
//
// The flow of a sequence: [New] takes a [Spec]; [Matcher.Add] takes the events; completed sequences
// come out in the order in which Elasticsearch returns them; [Matcher.Finish] settles what waits
// for events that must not come. Of a sample: [Sampler.Add], then [Sampler.Samples].
//
// Memory: per join key at most two partial sequences a step, and with a maxspan only keys that had
// an event within it. [Spec.Limit] caps the partial sequences; passing it is [ErrTooMany].
package sequence
