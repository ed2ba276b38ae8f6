package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// object is a JSON object of the document.
type object = map[string]any

// commonProblems are the problems that every operation may have.
var commonProblems = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// Document returns the OpenAPI document of the API.
func Document(version string) map[string]any {
	s := schemas{made: object{}}
	problem := object{"application/problem+json": object{"schema": s.of(reflect.TypeFor[Problem]())}}
	paths := object{}
	for _, one := range table {
		path, ok := paths[Prefix+one.path].(object)
		if !ok {
			path = object{}
			paths[Prefix+one.path] = path
		}
		path[strings.ToLower(one.method)] = one.operation(&s, problem)
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Tocsin", "version": version,
			"description": "What a running service says of itself: rules, runs, coverage, alerts, backfill jobs. Times are in UTC (RFC 3339), durations in seconds. Errors are problem details (RFC 9457).",
		},
		"servers": []any{object{"url": "/"}},
		// On a loopback address without credentials nothing is asked for.
		"security": []any{object{"token": []any{}}, object{"user": []any{}}, object{"session": []any{}}, object{}},
		"paths":    paths,
		"components": object{"schemas": s.made, "securitySchemes": object{
			"token":   object{"type": "http", "scheme": "bearer", "description": "A token of --web-token-file."},
			"user":    object{"type": "http", "scheme": "basic", "description": "A user of --web-users."},
			"session": object{"type": "apiKey", "in": "cookie", "name": "tocsin", "description": "The session of a browser; over TLS its name is __Host-tocsin."},
		}},
	}
}

// operation documents a route.
func (one route) operation(s *schemas, problem object) object {
	answers := object{"200": object{"description": "The answer.", "content": object{"application/json": object{"schema": s.of(reflect.TypeOf(one.gives))}}}}
	problems := slices.Concat(commonProblems, one.problems)
	out := object{"operationId": one.id, "summary": one.summary, "responses": answers}
	if one.about != "" {
		out["description"] = one.about
	}
	if one.takes != nil {
		out["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": s.of(reflect.TypeOf(one.takes))}}}
		problems = append(problems, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	for _, status := range problems {
		answers[strconv.Itoa(status)] = object{"description": http.StatusText(status), "content": problem}
	}
	var parameters []any
	for _, p := range one.parameters {
		parameters = append(parameters, p.object())
	}
	if parameters != nil {
		out["parameters"] = parameters
	}
	return out
}

func (p parameter) object() object {
	schema := object{"type": p.kind}
	if p.enum != nil {
		schema["enum"] = p.enum
	}
	if p.kind == "integer" {
		schema["minimum"] = 0
	}
	if p.many {
		schema = object{"type": "array", "items": schema}
	}
	out := object{"name": p.name, "in": "query", "description": p.doc, "schema": schema}
	if p.path {
		out["in"], out["required"] = "path", true
	}
	return out
}

// schemas makes JSON Schemas of models. Each named struct is made once and referred to.
type schemas struct{ made object }

// own is the package of the models, whose lists are never null.
var own = reflect.TypeFor[Overview]().PkgPath()

func (s *schemas) of(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[json.RawMessage]():
		return object{} // any value
	}
	switch t.Kind() { //nolint:exhaustive // models have no others
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer", "format": "int64"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.String:
		out := object{"type": "string"}
		if e, ok := reflect.TypeAssert[interface{ Enum() []string }](reflect.Zero(t)); ok {
			out["enum"] = e.Enum()
		}
		return out
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Interface:
		return object{} // any value
	case reflect.Struct:
		return s.named(t)
	}
	panic("api: a model has a " + t.String()) // the tests make the document
}

// named returns a reference to the schema of a struct.
func (s *schemas) named(t reflect.Type) object {
	name := t.Name()
	ref := object{"$ref": "#/components/schemas/" + name}
	if s.made[name] != nil {
		return ref
	}
	properties := object{}
	out := object{"type": "object", "properties": properties, "additionalProperties": false}
	s.made[name] = out // before its fields: one may be of the same type
	var required []string
	for _, f := range reflect.VisibleFields(t) {
		tag, ok := f.Tag.Lookup("json")
		name, options, _ := strings.Cut(tag, ",")
		if !f.IsExported() || !ok || name == "-" {
			continue
		}
		schema := s.of(f.Type)
		optional := strings.Contains(options, "omit")
		switch {
		case optional:
		case f.Type.Kind() == reflect.Pointer:
			schema = object{"anyOf": []any{schema, object{"type": "null"}}}
		case f.Type.Kind() == reflect.Slice && t.PkgPath() != own && schema["type"] != nil:
			schema["type"] = []string{"array", "null"}
		}
		if about := f.Tag.Get("doc"); about != "" {
			schema["description"] = about
		}
		properties[name] = schema
		if !optional {
			required = append(required, name)
		}
	}
	if required != nil {
		slices.Sort(required)
		out["required"] = required
	}
	return ref
}
