package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/rule/folder"
	"tocsin/internal/rule/form"
)

// fmtCmd gives rule files their normal form.
type fmtCmd struct {
	Paths []string `arg:"" help:"Rule files in TOML, and directories. - is standard input, whose normal form is written to standard output."`
	Check bool     `help:"Change nothing, and list the files that would change. The exit code is 1 when there are any."`
}

// Run is the subcommand.
func (c *fmtCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text"); err != nil {
		return err
	}
	files, err := tomlFiles(c.Paths)
	if err != nil {
		return err
	}
	failed := false
	for _, name := range files {
		if ctx.Err() != nil {
			return ctx.Err() //nolint:wrapcheck // it is the caller's own
		}
		changes, err := c.file(a, name)
		if err != nil && !errors.Is(err, errFailed) {
			return err
		}
		failed = failed || err != nil || changes && c.Check
	}
	if failed {
		return errFailed
	}
	return nil
}

// file formats one file, and reports whether that changes it.
func (c *fmtCmd) file(a *app, name string) (bool, error) {
	data, err := readInput(a.in, name)
	if err != nil {
		return false, usagef("fmt: %w", err)
	}
	out, diags, err := form.TOML(diag.NewText(name, string(data)))
	switch {
	case err != nil:
		return false, fmt.Errorf("fmt: %s: %w", name, err)
	case diags.HasErrors():
		return false, errors.Join(errFailed, a.show(diags))
	case name == "-" && !c.Check:
		_, err := io.WriteString(a.screen, out)
		return false, wrapWrite(err)
	case bytes.Equal(data, []byte(out)):
		return false, nil
	}
	if !c.Check {
		if err := replaceFile(name, []byte(out)); err != nil {
			return true, usagef("fmt: %w", err)
		}
	}
	_, err = fmt.Fprintln(a.out, name)
	return true, wrapWrite(err)
}

func readInput(in io.Reader, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(in) //nolint:wrapcheck // the caller says what it was doing
	}
	return os.ReadFile(name) //nolint:gosec,wrapcheck // the user names the file
}

// tomlFiles returns the files that paths mean: of a directory, every file in TOML at any depth that is not hidden.
func tomlFiles(paths []string) ([]string, error) {
	var out []string
	good, err := readable("fmt", paths)
	if err != nil {
		return nil, err
	}
	var walker folder.Walker // as the loader of rules, which follows links
	for _, p := range good {
		if info, err := os.Stat(p); err != nil || !info.IsDir() {
			out = append(out, p)
			continue
		}
		err := walker.Walk(folder.Disk{Dir: p}, ".", func(name string, d fs.DirEntry, err error) error {
			hidden := name != "." && strings.HasPrefix(path.Base(name), ".")
			switch {
			case err != nil:
				return err
			case d.IsDir() && hidden:
				return fs.SkipDir
			case !d.IsDir() && d.Type()&fs.ModeSymlink == 0 && !hidden && path.Ext(name) == ".toml":
				out = append(out, filepath.Join(p, filepath.FromSlash(name)))
			}
			return nil
		})
		if err != nil {
			return nil, usagef("fmt: %w", err)
		}
	}
	return out, nil
}

// replaceFile writes a file anew: completely, or not at all.
func replaceFile(name string, data []byte) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target // a link stays one
	}
	mode := os.FileMode(0o644)
	if info, err := os.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	temp, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = temp.Write(data)
	err = errors.Join(err, temp.Chmod(mode), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(temp.Name()))
	}
	return nil
}
