package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestTable writes generated tables: columns are aligned, no line is wider than the terminal where its columns can be
// narrowed enough, and nothing is cut where everything fits or there is no terminal.
func TestTable(t *testing.T) {
	text := rapid.StringMatching(`[a-zä ]{0,5}[a-zä]{0,60}`)
	rapid.Check(t, func(rt *rapid.T) {
		columns := rapid.IntRange(1, 7).Draw(rt, "columns")
		width := rapid.SampledFrom([]int{0, 20, 40, 80, 120, 1000}).Draw(rt, "width")
		heat := rapid.Bool().Draw(rt, "coloured last column")
		var out bytes.Buffer
		head := make([]string, columns)
		widest := make([]int, columns)
		for i := range head {
			head[i] = fmt.Sprint("C", i)
			widest[i] = 2
		}
		tab := newTable(&out, head...)
		tab.width = width
		rows := rapid.SliceOfN(rapid.SliceOfN(text, columns, columns), 1, 8).Draw(rt, "rows")
		for _, row := range rows {
			cells := make([]any, columns)
			for i, c := range row {
				cells[i] = c
				if !heat || i < columns-1 {
					widest[i] = max(widest[i], utf8.RuneCountInString(c))
				}
			}
			if heat {
				tab.cells("\x1b[1m##\x1b[0m", cells[:columns-1]...)
			} else {
				tab.row(cells...)
			}
		}
		if err := tab.flush(); err != nil {
			rt.Fatal(err)
		}
		all, least := gap*(columns-1), gap*(columns-1)
		for i, w := range widest {
			all += w
			if least += min(w, narrowest); heat && i == columns-1 {
				least += w - min(w, narrowest)
			}
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != len(rows)+1 {
			rt.Fatalf("%d lines", len(lines))
		}
		for i, line := range lines {
			plain := strings.NewReplacer("\x1b[1m", "", "\x1b[0m", "").Replace(line)
			if n := utf8.RuneCountInString(plain); width > 0 && n > max(width, least) {
				rt.Errorf("line of %d in %d:\n%s", n, width, out.String())
			}
			if i == 0 || width > 0 && all > width {
				continue
			}
			for c, cell := range rows[i-1] {
				if (!heat || c < columns-1) && !strings.Contains(line, cell) {
					rt.Errorf("%q is cut in %d:\n%s", cell, width, out.String())
				}
			}
			if heat && !strings.HasSuffix(line, "\x1b[1m##\x1b[0m") {
				rt.Errorf("no colours:\n%s", out.String())
			}
		}
		for c := range columns { // every column begins where its head does
			at := strings.Index(lines[0], head[c])
			for _, line := range lines[1:] {
				runes := []rune(line)
				if at > 0 && at <= len(runes) && (runes[at-1] != ' ' || runes[at-2] != ' ') {
					rt.Errorf("column %d is not aligned:\n%s", c, out.String())
				}
			}
		}
	})
}
