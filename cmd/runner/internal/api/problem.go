package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// Problem is an error in the form of problem details (RFC 9457).
type Problem struct {
	Type   string `json:"type" doc:"about:blank: the status says what kind of problem it is."`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// Error implements error.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Detail
}

// NewProblem returns a problem with a status and a text for people.
func NewProblem(status int, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

// NotFound is a request for what is not there.
func NotFound(detail string) *Problem { return NewProblem(http.StatusNotFound, detail) }

// Invalid is a request that makes no sense.
func Invalid(detail string) *Problem { return NewProblem(http.StatusBadRequest, detail) }

// Conflict is a request that the state of things does not allow.
func Conflict(detail string) *Problem { return NewProblem(http.StatusConflict, detail) }

// Busy is a request that came at a time when too many others run.
func Busy() *Problem {
	return NewProblem(http.StatusServiceUnavailable, "too many requests run, try again in a moment")
}

// ProblemOf returns an error as a problem. What is not the request's fault is a failure of what the service depends on.
func ProblemOf(err error, redact func(string) string) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return NewProblem(http.StatusRequestEntityTooLarge, tooLarge.Error())
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return NewProblem(http.StatusGatewayTimeout, "it took too long")
	}
	return NewProblem(http.StatusBadGateway, redact(strings.Join(strings.Fields(err.Error()), " ")))
}

// WriteProblem answers with a problem.
func WriteProblem(w http.ResponseWriter, p *Problem) {
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	data, err := json.Marshal(p)
	if err == nil {
		_, _ = w.Write(append(data, '\n'))
	}
}
