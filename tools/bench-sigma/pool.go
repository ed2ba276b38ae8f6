package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// pool is rules of all formats.
type pool struct {
	// hitting find events, others do not.
	hitting, others []source
	// library are the directories with what detections of Splunk need beside them.
	library []string
}

// source is a rule in its own format.
type source struct {
	format format
	id     string
	text   []byte
}

type format string

const (
	ofSigma   format = "yml"
	ofElastic format = "toml"
	ofSplunk  format = "escu"
)

// String says how many there are of each.
func (p *pool) String() string {
	n := map[format]int{}
	for _, list := range [][]source{p.hitting, p.others} {
		for _, s := range list {
			n[s.format]++
		}
	}
	return fmt.Sprintf("%d rules of Sigma, %d of Elastic and %d of Splunk, %d of which find events, and tuned copies of the others", n[ofSigma], n[ofElastic], n[ofSplunk], len(p.hitting))
}

// readPool reads the rules of a corpus beside those of Sigma. All search the same window of the same indices.
func (p *programs) readPool(ctx context.Context, corpus string, rules []rule) (*pool, error) {
	out, seen := &pool{}, map[string]bool{}
	for _, r := range rules {
		text, err := os.ReadFile(r.Path)
		if err != nil {
			return nil, err
		}
		seen[r.ID] = true
		out.others = append(out.others, source{ofSigma, r.ID, scheduled(text)})
	}
	if corpus == "" {
		return out, nil
	}
	add := func(dir, suffix string, read func([]byte) ([]byte, string, bool), f format) error {
		results, err := p.check(ctx, dir)
		if err != nil {
			return err
		}
		for _, r := range results {
			if r.Status != "valid" || !strings.HasSuffix(r.Path, suffix) {
				continue
			}
			text, err := os.ReadFile(r.Path)
			if err != nil {
				return err
			}
			if text, id, ok := read(text); ok && !seen[id] { // Sigma and Elastic share an id.
				seen[id] = true
				out.others = append(out.others, source{f, id, text})
			}
		}
		return nil
	}
	if err := add(filepath.Join(corpus, "elastic"), ".toml", elastic, ofElastic); err != nil {
		return nil, err
	}
	roots, err := filepath.Glob(filepath.Join(corpus, "escu2*"))
	if err != nil {
		return nil, err
	}
	for _, root := range roots {
		if err := add(root, ".yml", splunk, ofSplunk); err != nil {
			return nil, err
		}
		out.library = append(out.library, root)
	}
	return out, nil
}

var (
	elasticID    = regexp.MustCompile(`(?m)^rule_id = "(.*)"$`)
	elasticName  = regexp.MustCompile(`(?m)^name = "(.*)"$`)
	elasticQuery = regexp.MustCompile(`(?ms)^query = '''\n(.*?)'''$`)
	elasticType  = regexp.MustCompile(`(?m)^type = "(query|eql)"$`)
	elasticTime  = regexp.MustCompile(`(?m)^(from|interval|max_signals) = .*\n`)
	indexLine    = regexp.MustCompile(`(?ms)^index = \[.*?\]$`)
	// analysed are fields that only a search can match.
	analysed = regexp.MustCompile(`\b(message|error\.message|event\.original)\b`)
	isEQL    = regexp.MustCompile(`(?m)^type = "eql"$`)

	sigmaCondition = regexp.MustCompile(`(?m)^    condition: ([^#\r\n]+?)[ \t]*(?:#.*)?\r?$`)
	sigmaFolded    = regexp.MustCompile(`(?m)^    condition: .+\n {5,}`)
	sigmaDetection = regexp.MustCompile(`(?m)^detection:\r?\n`)

	splunkID   = regexp.MustCompile(`(?m)^id: (\S+)$`)
	splunkName = regexp.MustCompile(`(?m)^name: (.*)$`)
)

// elastic returns a rule of Elastic on single events, which searches the events of the files.
func elastic(text []byte) (out []byte, id string, ok bool) {
	name, query := elasticID.FindSubmatch(text), elasticQuery.FindSubmatch(text)
	if name == nil || query == nil || !elasticType.Match(text) || !indexLine.Match(text) || bytes.ContainsAny(query[1], "|[") || analysed.Match(query[1]) {
		return nil, "", false
	}
	text = indexLine.ReplaceAll(elasticTime.ReplaceAll(text, nil), []byte("index = [\"events-*\"]\nfrom = \"now-1h\"\nmax_signals = 10000000"))
	return text, string(name[1]), true
}

// splunk returns a detection of Splunk as it is.
func splunk(text []byte) (out []byte, id string, ok bool) {
	name := splunkID.FindSubmatch(text)
	if name == nil || !bytes.Contains(text, []byte("\nsearch:")) || !splunkName.Match(text) {
		return nil, "", false
	}
	return text, string(name[1]), true
}

// tuned returns a copy that leaves out what one user does; false where that cannot be written at the end of the rule.
func (s source) tuned(number, i int) (source, bool) {
	if number == 0 {
		return s, true
	}
	s.id = fmt.Sprintf("%08x-0000-4000-8000-%012x", number, i)
	user := fmt.Sprintf("tuned%d", number)
	switch s.format {
	case ofSigma:
		if len(sigmaCondition.FindAll(s.text, -1)) != 1 || sigmaFolded.Match(s.text) || len(sigmaDetection.FindAll(s.text, -1)) != 1 {
			return s, false
		}
		s.text = sigmaCondition.ReplaceAll(s.text, []byte("    condition: ($1) and not filter_tuned"))
		s.text = sigmaDetection.ReplaceAll(s.text, []byte("detection:\n    filter_tuned:\n        User|endswith: '"+user+"'\n"))
		s.text = sigmaID.ReplaceAll(s.text, []byte("id: "+s.id))
	case ofElastic:
		query := bytes.TrimSpace(elasticQuery.FindSubmatch(s.text)[1])
		tuned := fmt.Sprintf("(%s) and not user.name:%s", query, user)
		if isEQL.Match(s.text) {
			head, rest, ok := bytes.Cut(query, []byte(" where "))
			if !ok {
				return s, false
			}
			tuned = fmt.Sprintf("%s where (%s) and not user.name : %q", head, rest, user)
		}
		s.text = bytes.Replace(s.text, query, []byte(tuned), 1)
		s.text = elasticID.ReplaceAll(s.text, []byte(`rule_id = "`+s.id+`"`))
		s.text = elasticName.ReplaceAll(s.text, []byte(`name = "$1 `+user+`"`))
	case ofSplunk:
		s.text = splunkID.ReplaceAll(s.text, []byte("id: "+s.id))
		s.text = splunkName.ReplaceAll(s.text, []byte("name: $1 "+user))
	}
	return s, true
}

// write writes n rules into a directory: those that find events, others spread over all formats, and tuned copies.
func (p *pool) write(dir string, n int) error {
	if err := fresh(dir); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, "detections"), 0o755); err != nil {
		return err
	}
	for _, root := range p.library {
		for _, part := range []string{"macros", "lookups", "data_sources", "deployments"} {
			from := filepath.Join(root, part)
			if _, err := os.Stat(from); err != nil {
				continue
			}
			if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(from)); err != nil {
				return err
			}
		}
	}
	written := 0
	write := func(s source) error {
		path := filepath.Join(dir, fmt.Sprintf("%05d.%s", written, s.format))
		if s.format == ofSplunk {
			path = filepath.Join(dir, "detections", fmt.Sprintf("%05d.yml", written))
		}
		written++
		return os.WriteFile(path, s.text, 0o600)
	}
	for _, s := range p.hitting {
		if err := write(s); err != nil {
			return err
		}
	}
	for number := 0; written < n; number++ {
		before, want := written, n-written
		for i := range p.others {
			// Of the last round, some of all formats.
			if want < len(p.others) && i*want/len(p.others) == (i+1)*want/len(p.others) {
				continue
			}
			if s, ok := p.others[i].tuned(number, i); ok && written < n {
				if err := write(s); err != nil {
					return err
				}
			}
		}
		if written == before {
			return errors.New("there are no rules to copy")
		}
	}
	return nil
}
