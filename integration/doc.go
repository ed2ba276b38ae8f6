// Package integration tests the runner against a real Elasticsearch. Its tests are behind the build
// tag "integration", as they need a node:
//
//	go test -tags integration ./integration/...
//
// One node serves the whole suite. Where TOCSIN_ELASTICSEARCH_URL names one, that is it; otherwise
// testcontainers starts the official image, or the one that ENGINE_IMAGE names. Where there is no
// Docker, or no image can be pulled, the suite fails and says what to do: engine/up.sh makes an
// image of a real node from Maven Central, engine/node/run.sh runs the same node as a process.
//
// A test asks for its node with newNode and gets a prefix of its own for the names of everything it
// makes, so that tests neither see each other nor, on a node that outlives the run, an earlier run.
// Node speaks plain net/http: it is a witness of what our own client did, so it shares no code with
// it.
package integration
