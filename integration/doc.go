// Package integration tests the runner against a real Elasticsearch. Its tests have the build tag "integration",
// as they need a node:
//
//	go test -tags integration ./integration/...
//
// One node serves the whole suite: the node at TOCSIN_ELASTICSEARCH_URL, if it is set. Otherwise testcontainers
// starts the official image, or the image in ENGINE_IMAGE. Without Docker, or if no image can be pulled, the suite
// fails with advice: engine/up.sh builds an image of a real node from Maven Central, and engine/node/run.sh runs
// the same node as a process.
//
// A test gets its node from newNode, with its own prefix for the names of everything it creates, so that tests do
// not affect each other or, on a node that outlives the run, an earlier run. Node uses plain net/http and shares
// no code with Tocsin's client, so that it can verify what the client did.
package integration
