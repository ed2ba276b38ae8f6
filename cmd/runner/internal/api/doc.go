// Package api is what the service says of itself: models, and the JSON API under /api/v1 that gives them out.
//
// It finds out nothing itself. The flow: the command implements [Source]; [New] makes a handler of it, whose routes are one
// table with their documentation; [Document] makes the OpenAPI document of the same table and of the models, so that both say
// the same. The status page shows the same models from the same Source.
//
// Errors are problem details (RFC 9457). Nothing here keeps state.
package api
