// Package page is the status page of a running service: HTML made here, on the server, of the models of package api.
//
// It finds out nothing itself, and decides nothing about access. The flow: [Page.Handler] has a route for each view; a view asks the
// Source of package api, makes its pictures (chart.go) and fills a template. Everything works without JavaScript; the script only
// keeps a page fresh. The content security policy allows neither inline code nor inline styles, so pictures are SVG whose
// looks come from the style sheet. All text of rules and events is escaped by html/template.
package page
