package main

import (
	"bytes"
	"io"
	"regexp"

	"tocsin/internal/diag"
)

// painter is a writer that colours diagnostics. It expects whole lines, and colours nothing else.
type painter struct{ w io.Writer }

var (
	// severityLine is the first line of a diagnostic, caretLine the one with the caret.
	severityLine = regexp.MustCompile(`^((?:\S.*?:\d+:\d+: |\S+: )?)(error|warning|note): `)
	caretLine    = regexp.MustCompile(`^( +\| *)(\^+)$`)
)

// severityPaints are the colours of the words of [diag.Severity].
var severityPaints = map[string]string{"error": "1;31", "warning": "1;33", "note": "1;36"}

func (p painter) Write(text []byte) (int, error) {
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		body := bytes.TrimSuffix(line, []byte("\n"))
		switch {
		case severityLine.Match(body):
			m := severityLine.FindSubmatch(body)
			out.Write(m[1])
			out.WriteString("\x1b[" + severityPaints[string(m[2])] + "m" + string(m[2]) + "\x1b[0m: ")
			out.Write(body[len(m[0]):])
		case caretLine.Match(body):
			out.Write(caretLine.ReplaceAll(body, []byte("$1\x1b[1;31m$2\x1b[0m")))
		default:
			out.Write(body)
		}
		out.Write(line[len(body):])
	}
	if _, err := p.w.Write(out.Bytes()); err != nil {
		return 0, err //nolint:wrapcheck // it is a writer
	}
	return len(text), nil
}

// painted returns a writer for text with diagnostics: in colours, if there are some. Control sequences of foreign text are
// escaped.
func painted(w io.Writer) io.Writer {
	if paints(w) {
		return diag.ShownWriter(painter{w})
	}
	return diag.ShownWriter(w)
}
