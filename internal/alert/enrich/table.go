package enrich

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Rows reads the documents of an index as rows: the texts of each column, in the order of the document.
type Rows func(ctx context.Context, index string, columns []string, visit func(map[string][]string) error) error

const (
	// maxFile and maxRows bound what is kept of one source.
	maxFile = 512 << 20
	maxRows = 2_000_000
	// maxValue is the length of a value that is kept, in bytes: longer ones are not indexed by alerts.
	maxValue = 8191
)

// entries are the values to add, by key: in the order of fields.
type entries struct {
	fields []string
	rows   map[string][]any
	// twice is the number of rows whose key another row has, which is the one that counts.
	twice int
}

var errTooMany = fmt.Errorf("it has more than %d rows", maxRows)

// add keeps a row. Of rows with one key, the first counts.
func (e *entries) add(s *settings, values func(column string) []string) error {
	for _, key := range values(s.key) {
		key = s.normal(key)
		if key == "" {
			continue
		}
		if _, has := e.rows[key]; has {
			e.twice++
			continue
		}
		if len(e.rows) >= maxRows {
			return errTooMany
		}
		row := make([]any, len(e.fields))
		for i, field := range e.fields {
			row[i] = plainly(values(s.add[field]))
		}
		e.rows[key] = row
	}
	return nil
}

// plainly returns texts as the value of a field: nil, a text, or a list.
func plainly(texts []string) any {
	texts = slices.DeleteFunc(slices.Clone(texts), func(t string) bool { return strings.TrimSpace(t) == "" || len(t) > maxValue })
	switch len(texts) {
	case 0:
		return nil
	case 1:
		return strings.Clone(strings.TrimSpace(texts[0]))
	}
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = strings.Clone(strings.TrimSpace(text))
	}
	return list
}

// normal returns a key as keys are compared.
func (s *settings) normal(key string) string {
	key = strings.TrimSpace(key)
	if s.fold {
		key = strings.ToLower(key)
	}
	return strings.Clone(key)
}

func (s *settings) newEntries() *entries {
	fields := make([]string, 0, len(s.add))
	for field := range s.add {
		fields = append(fields, field)
	}
	slices.Sort(fields)
	return &entries{fields: fields, rows: map[string][]any{}}
}

// readCSV reads a table whose first line names its columns.
func (s *settings) readCSV() (*entries, error) {
	f, err := os.Open(s.file)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has more than %d MiB", s.file, maxFile>>20) //nolint:err113 // for people
	}
	r := csv.NewReader(withoutMark(f))
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%s: the line with the names of the columns: %w", s.file, err)
	}
	at := map[string]int{}
	for i, name := range head {
		at[strings.Clone(strings.TrimSpace(name))] = i
	}
	for _, column := range s.columns() {
		if _, has := at[column]; !has {
			return nil, fmt.Errorf("%s has no column %q", s.file, column) //nolint:err113 // for people
		}
	}
	e := s.newEntries()
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return e, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.file, err)
		}
		err = e.add(s, func(column string) []string {
			if i := at[column]; i < len(record) {
				return record[i : i+1]
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.file, err)
		}
	}
}

// readIndex reads a table from the documents of an index.
func (s *settings) readIndex(ctx context.Context, rows Rows) (*entries, error) {
	if rows == nil {
		return nil, errNoIndex
	}
	e := s.newEntries()
	err := rows(ctx, s.index, s.columns(), func(row map[string][]string) error {
		return e.add(s, func(column string) []string { return row[column] })
	})
	if err != nil {
		return nil, fmt.Errorf("read index %s: %w", s.index, err)
	}
	return e, nil
}

var errNoIndex = errors.New("there is no cluster to read an index from")

// withoutMark skips a byte order mark, which spreadsheets write.
func withoutMark(f *os.File) io.Reader {
	mark := make([]byte, 3)
	n, _ := io.ReadFull(f, mark)
	if string(mark[:n]) == "\xef\xbb\xbf" {
		return f
	}
	return io.MultiReader(strings.NewReader(string(mark[:n])), f)
}
