//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/query"
	"tocsin/internal/run/catalog"
	sigmafiles "tocsin/internal/sigma"
	"tocsin/internal/splunk/pushdown"
	"tocsin/internal/testkit/conformance"
	"tocsin/internal/testkit/sigmagen"
	"tocsin/internal/translate/membership"
)

// converted is a rule beside the query that a converter made of it.
type converted struct {
	conformance.SigmaConverted

	text string
	rule *sigmagen.Rule
	// places are the fields of the query by the names of the rule; base is what it wants of its log source.
	places map[string][]string
	base   map[string][]string
	log    fieldmap.Log
	index  string
	// docs are events near the rule.
	docs []object
}

// conversions reads the rules that were converted.
func conversions(t *testing.T) []*converted {
	t.Helper()
	list, err := conformance.SigmaConversions("../../shared/conformance/sigma_convert.jsonl")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the conversions are not here: %v", err)
	}
	must(t, err)
	var out []*converted
	for _, c := range list {
		if len(c.Lucene) == 0 {
			continue
		}
		text, err := os.ReadFile(filepath.Join("../../shared/corpus/sigma/rules", c.Path))
		must(t, err)
		one := &converted{SigmaConverted: c, text: string(text), base: c.Base()}
		one.rule, err = sigmagen.Parse(one.text)
		must(t, err)
		library, _, err := sigmafiles.Load(t.Context(), sigmafiles.Options{}, diag.NewText(c.Path, one.text))
		must(t, err)
		one.log = library.Rules[0].LogSource
		one.places = one.attribute()
		for _, places := range one.places {
			for _, p := range places {
				delete(one.base, p) // The rule asks for it itself.
			}
		}
		out = append(out, one)
	}
	return out
}

// attribute finds the field of the query for each name of the rule.
func (c *converted) attribute() map[string][]string {
	fields := map[string]string{}
	for _, f := range c.Fields() {
		fields[strings.TrimSuffix(f, ".caseless")] = f
	}
	out := map[string][]string{}
	for _, name := range c.rule.Fields() {
		wanted := []string{name, "winlog.event_data." + name, name + "\x00"}
		for _, e := range fieldmap.Default().Events(c.log) {
			places, _ := e.Places(name)
			for _, p := range places {
				wanted = append(wanted, p.Fields()...)
			}
		}
		wanted = append(wanted, convertedNames[name]...)
		for _, f := range slices.Sorted(maps.Keys(fields)) {
			bare := strings.NewReplacer("*", "x").Replace(f)
			if slices.Contains(wanted, f) || strings.HasPrefix(f, "zeek.") && strings.HasSuffix(strings.Trim(f, "*"), "."+name) {
				out[name] = append(out[name], bare)
			}
		}
	}
	return out
}

// convertedNames are fields of the converter by the names of rules, where our map has others.
var convertedNames = map[string][]string{
	"AccountName": {"user.name"}, "Payload": {"powershell.file.script_block_text"}, "ServiceName": {"service.name"}, "Signed": {"file.code_signature.signed"},
	"SubjectUserName": {"user.name"}, "answers": {"dns.answers.name"}, "hostPath": {"kubernetes.audit.requestObject.spec.volumes.hostPath"},
	"user_agent": {"zeek.*user_agent*"},
}

// fieldMap is the map by which the rule asks for the fields that its query asks for.
func (c *converted) fieldMap(t *testing.T) *fieldmap.Map {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "[[logsource]]\nname = \"x\"\nindex = [%q]\nonly = true\n", c.index)
	for key, value := range map[string]string{"product": c.log.Product, "category": c.log.Category, "service": c.log.Service} {
		if value != "" {
			fmt.Fprintf(&b, "%s = %q\n", key, value)
		}
	}
	var where []string
	for _, field := range slices.Sorted(maps.Keys(c.base)) {
		var values []string
		for _, v := range c.base[field] {
			values = append(values, fmt.Sprintf("%q", v))
		}
		where = append(where, fmt.Sprintf("%s:(%s)", field, strings.Join(values, " or ")))
	}
	if len(where) > 0 {
		fmt.Fprintf(&b, "where = '%s'\n", strings.Join(where, " and "))
	}
	fmt.Fprintf(&b, "[logsource.fields]\n")
	for _, name := range slices.Sorted(maps.Keys(c.places)) {
		fmt.Fprintf(&b, "%q = [", name)
		for _, p := range c.places[name] {
			fmt.Fprintf(&b, "%q, ", p)
		}
		b.WriteString("]\n")
	}
	m, diags := fieldmap.Load(diag.NewText("own.toml", b.String()), membership.Check, pushdown.Check)
	if len(diags) > 0 {
		t.Fatal(c.Path, diags, b.String())
	}
	return &m
}

// events are those near the rule, under its names.
func (c *converted) events() []sigmagen.Event {
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.Path))
	return c.rule.Events(h.Sum64(), 4)
}

// documents are the events under the names of the query.
func (c *converted) documents() []object {
	var out []object
	for _, e := range c.events() {
		doc := object{"@timestamp": sigmaRowSlot.Add(-time.Minute).Format(time.RFC3339)}
		for field, values := range c.base {
			doc[field] = values[0]
		}
		for name, values := range e {
			if slices.Contains(c.rule.Addresses(), name) {
				values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { _, err := netip.ParseAddr(v); return err != nil })
			}
			if len(values) == 0 {
				continue
			}
			for _, p := range c.at(name) {
				doc[p] = values
			}
		}
		out = append(out, doc)
	}
	return out
}

func (c *converted) at(name string) []string {
	if p := c.places[name]; p != nil {
		return p
	}
	return []string{name}
}

// convertedSample is which of the rules that do not differ are tried, unless TOCSIN_SIGMA_ALL is set.
const convertedSample = 5

// TestSigmaConverted runs rules and the queries that a converter made of them over the same events on the node, where all
// keywords fold case and have a sub-field .caseless, and fields have the names that the converter gives them: what is
// left are differences of meaning.
func TestSigmaConverted(t *testing.T) {
	all := conversions(t)
	node := newNode(t)
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	groups := map[string][]*converted{}
	for i, c := range all {
		if os.Getenv("TOCSIN_SIGMA_ALL") == "" && (i%convertedSample != 0 && convertedDiffer[c.Path] == "" || convertedDiffer[c.Path] == manyValues) {
			continue
		}
		name := strings.Join(c.Pipeline, "-")
		if name == "" {
			name = c.log.Product + c.log.Category
		}
		c.index = node.Name("converted-" + strings.ReplaceAll(strings.ToLower(name), ".", "-"))
		c.docs = c.documents()
		groups[c.index] = append(groups[c.index], c)
	}
	var tally convertedTally
	for index, list := range groups {
		addresses := map[string]bool{}
		for _, c := range list {
			for _, name := range c.rule.Addresses() {
				for _, p := range c.at(name) {
					addresses[p] = true
				}
			}
		}
		convertedIndex(t, node, index, list, addresses)
		for _, c := range list {
			tally.add(t, c, c.ours(t, client, c.fieldMap(t)), c.theirs(t, node))
		}
	}
	tally.judge(t)
}

// convertedTally counts what differs.
type convertedTally struct {
	rules, matching, plain, plainDiffer, pairs, pairsDiffer int
}

func (s *convertedTally) add(t *testing.T, c *converted, ours, theirs []string) {
	t.Helper()
	s.rules++
	if len(ours) > 0 {
		s.matching++
	}
	ofRegex := slices.Contains(c.rule.Modifiers(), "re")
	if !ofRegex {
		s.plain++
	}
	for i := range c.docs {
		id := fmt.Sprintf("%s#%d", c.Path, i)
		s.pairs++
		if slices.Contains(ours, id) != slices.Contains(theirs, id) {
			s.pairsDiffer++
		}
	}
	why := convertedDiffer[c.Path]
	switch differs := !slices.Equal(ours, theirs); {
	case !differs && why != "":
		t.Errorf("%s is said to differ (%s), and does not", c.Path, why)
	case differs && why == "":
		t.Errorf("%s differs: %.900s", c.Path, strings.Join(c.difference(ours, theirs), "\n"))
	case differs && (why == regexTranslation) != ofRegex:
		t.Errorf("%s differs for another reason than %s", c.Path, why)
	case differs && !ofRegex:
		s.plainDiffer++
	}
}

// judge wants nearly all to be equal: all but two of a hundred pairs of a rule and an event near it, and of the rules
// without regular expressions.
func (s *convertedTally) judge(t *testing.T) {
	t.Helper()
	reasons := map[string]int{}
	for _, why := range convertedDiffer {
		reasons[why]++
	}
	t.Logf("%d rules, %d of which find events; %d differ: %v; %d of %d without regular expressions; %d of %d pairs of rule and event",
		s.rules, s.matching, len(convertedDiffer), reasons, s.plainDiffer, s.plain, s.pairsDiffer, s.pairs)
	if os.Getenv("TOCSIN_SIGMA_ALL") == "" {
		return
	}
	compatPage(t, reasons, fmt.Sprintf("%d rules and their queries", s.rules), fmt.Sprintf("of the %d rules without", s.plain), fmt.Sprintf("%d pairs differ", s.pairsDiffer))
	if s.rules < 300 || s.matching < s.rules*95/100 || s.pairs < 100*s.rules/2 {
		t.Error("that is too little to compare")
	}
	if s.pairsDiffer*50 > s.pairs || s.plainDiffer*50 > s.plain {
		t.Error("more than two of a hundred differ")
	}
}

// compatPage wants the counts in docs/sigma-compat.md.
func compatPage(t *testing.T, reasons map[string]int, texts ...string) {
	t.Helper()
	page, err := conformance.ReadPage("sigma-compat.md")
	must(t, err)
	for why, n := range reasons {
		texts = append(texts, fmt.Sprintf("| %s | %d |", why, n))
	}
	text := strings.Join(strings.Fields(page.Text), " ")
	for _, want := range texts {
		if !strings.Contains(text, want) {
			t.Errorf("docs/sigma-compat.md does not say %q", want)
		}
	}
}

// TestSigmaCompatExamples asks the queries of docs/sigma-compat.md.
func TestSigmaCompatExamples(t *testing.T) {
	page, err := conformance.ReadPage("sigma-compat.md")
	must(t, err)
	node := newNode(t)
	index := node.Name("compat")
	node.CreateIndex(t, index, object{"properties": object{"F": object{"type": "keyword", "normalizer": "lowercase"}}})
	tried := 0
	for _, table := range page.Tables {
		if table.Head[0] != "item" {
			continue
		}
		for i, row := range table.Rows {
			tried++
			node.Must(t, "PUT", "/"+index+"/_doc/1?refresh=true", object{"F": conformance.Code(row[2])})
			answer := node.Must(t, "POST", "/"+index+"/_search", object{"query": object{"query_string": object{"query": conformance.Code(row[1]), "analyze_wildcard": true}}})
			if found := answer.At("hits", "total", "value").Int() == 1; found != (row[4] == "found") {
				t.Errorf("line %d: the query of pySigma finds it: %t", table.Place(i), found)
			}
		}
	}
	if tried == 0 {
		t.Error("the page has no examples")
	}
}

// The reasons why rules and queries differ.
const (
	// regexTranslation: Lucene's expressions match whole values, fold case under a normalizer, and know no anchors.
	regexTranslation = "regular expression"
	// booleanDirection: a boolean becomes egress or ingress, which the other events of the field are not.
	booleanDirection = "network.direction"
	// manyValues: the query string silently finds only some of thousands of values.
	manyValues = "too many values"
)

// convertedDiffer are the rules that differ from their queries, all of them.
var convertedDiffer = map[string]string{
	"rules-emerging-threats/2023/Exploits/CVE-2023-36884/proxy_exploit_cve_2023_36884_office_windows_html_rce_extenstion_ip_pattern_traffic.yml": regexTranslation,
	"rules-emerging-threats/2023/TA/UNC4841-Barracuda-ESG-Zero-Day-Exploitation/file_event_lnx_apt_unc4841_exfil_mail_pattern.yml":               regexTranslation,
	"rules-threat-hunting/linux/file/file_event/file_event_lnx_susp_long_filename_pattern.yml":                                                   regexTranslation,
	"rules-threat-hunting/windows/file/file_event/file_event_win_python_path_configuration_files.yml":                                            regexTranslation,
	"rules-threat-hunting/windows/powershell/powershell_script/posh_ps_registry_reconnaissance.yml":                                              regexTranslation,
	"rules/linux/process_creation/proc_creation_lnx_susp_curl_fileupload.yml":                                                                    regexTranslation,
	"rules/linux/process_creation/proc_creation_lnx_susp_inod_listing.yml":                                                                       regexTranslation,
	"rules/windows/driver_load/driver_load_win_vuln_drivers.yml":                                                                                 manyValues,
	"rules/windows/network_connection/net_connection_win_adws_unusual_connection.yml":                                                            booleanDirection,
	"rules/windows/pipe_created/pipe_created_hktl_cobaltstrike_re.yml":                                                                           regexTranslation,
	"rules/windows/powershell/powershell_module/posh_pm_invoke_obfuscation_obfuscated_iex.yml":                                                   regexTranslation,
	"rules/windows/powershell/powershell_module/posh_pm_invoke_obfuscation_stdin.yml":                                                            regexTranslation,
	"rules/windows/powershell/powershell_module/posh_pm_invoke_obfuscation_var.yml":                                                              regexTranslation,
	"rules/windows/powershell/powershell_module/posh_pm_invoke_obfuscation_via_stdin.yml":                                                        regexTranslation,
	"rules/windows/powershell/powershell_module/posh_pm_invoke_obfuscation_via_use_clip.yml":                                                     regexTranslation,
	"rules/windows/powershell/powershell_script/posh_ps_invoke_obfuscation_clip.yml":                                                             regexTranslation,
	"rules/windows/powershell/powershell_script/posh_ps_invoke_obfuscation_stdin.yml":                                                            regexTranslation,
	"rules/windows/powershell/powershell_script/posh_ps_invoke_obfuscation_via_stdin.yml":                                                        regexTranslation,
	"rules/windows/powershell/powershell_script/posh_ps_invoke_obfuscation_via_use_clip.yml":                                                     regexTranslation,
	"rules/windows/process_creation/proc_creation_win_curl_download_direct_ip_susp_extensions.yml":                                               regexTranslation,
	"rules/windows/process_creation/proc_creation_win_curl_ntlm_hash_leak_attempt.yml":                                                           regexTranslation,
	"rules/windows/process_creation/proc_creation_win_hktl_invoke_obfuscation_var.yml":                                                           regexTranslation,
	"rules/windows/process_creation/proc_creation_win_hktl_invoke_obfuscation_via_stdin.yml":                                                     regexTranslation,
	"rules/windows/process_creation/proc_creation_win_hktl_invoke_obfuscation_via_use_clip.yml":                                                  regexTranslation,
	"rules/windows/process_creation/proc_creation_win_powershell_run_script_from_input_stream.yml":                                               regexTranslation,
	"rules/windows/process_creation/proc_creation_win_rundll32_webdav_client_susp_execution.yml":                                                 regexTranslation,
	"rules/windows/process_creation/proc_creation_win_susp_copy_system_dir.yml":                                                                  regexTranslation,
	"rules/windows/process_creation/proc_creation_win_susp_network_command.yml":                                                                  regexTranslation,
	"rules/windows/process_creation/proc_creation_win_susp_obfuscated_ip_download.yml":                                                           regexTranslation,
	"rules/windows/process_creation/proc_creation_win_wget_download_direct_ip.yml":                                                               regexTranslation,
	"rules/windows/process_creation/proc_creation_win_wget_download_susp_locations.yml":                                                          regexTranslation,
	"rules/windows/process_creation/proc_creation_win_xwizard_runwizard_com_object_exec.yml":                                                     regexTranslation,
}

// difference tells what one finds and the other does not.
func (c *converted) difference(ours, theirs []string) []string {
	docs := c.docs
	var out []string
	say := func(who string, a, b []string) {
		for _, id := range a {
			if slices.Contains(b, id) {
				continue
			}
			var n int
			text := id
			if rest, ok := strings.CutPrefix(id, c.Path+"#"); ok {
				_, _ = fmt.Sscan(rest, &n)
				doc, _ := json.Marshal(docs[n])
				text = string(doc)
			}
			out = append(out, who+" "+text)
			return
		}
	}
	say("only ours:", ours, theirs)
	say("only theirs:", theirs, ours)
	return out
}

// convertedIndex makes an index of the events near rules: texts fold case, and have a sub-field .caseless.
func convertedIndex(t *testing.T, node *Node, index string, list []*converted, addresses map[string]bool) {
	t.Helper()
	lower := object{"type": "keyword", "normalizer": "lowercase"}
	properties := object{"@timestamp": object{"type": "date"}}
	for field := range addresses {
		properties[field] = object{"type": "ip"}
	}
	node.Must(t, "PUT", "/"+index, object{"settings": object{"number_of_replicas": 0, "number_of_shards": 1}, "mappings": object{
		"properties": properties,
		"dynamic_templates": []object{{"strings": object{"match_mapping_type": "string", "mapping": object{
			"type": "keyword", "normalizer": "lowercase", "fields": object{"caseless": lower},
		}}}},
	}})
	var bulk bytes.Buffer
	for _, c := range list {
		for i, doc := range c.docs {
			must(t, json.NewEncoder(&bulk).Encode(object{"create": object{"_index": index, "_id": fmt.Sprintf("%s#%d", c.Path, i)}}))
			must(t, json.NewEncoder(&bulk).Encode(doc))
		}
		if bulk.Len() > 4<<20 {
			node.Bulk(t, bulk.String())
			bulk.Reset()
		}
	}
	if bulk.Len() > 0 {
		node.Bulk(t, bulk.String())
	}
	node.Refresh(t, index)
}

// ours are the ids of the events that the rule finds under a field map; nil is the shipped one.
func (c *converted) ours(t *testing.T, client *elastic.Client, m *fieldmap.Map) []string {
	t.Helper()
	options := catalog.Options{Map: m, Sigma: catalog.Sigma{Index: []string{c.index}, RunUnmapped: true}}
	set, diags, err := catalog.LoadFS(t.Context(), options, fstest.MapFS{"r.yml": {Data: []byte(c.text)}}, ".")
	must(t, err)
	must(t, diags.Err())
	plan, diags := set.Plan(set.Rules()[0])
	must(t, diags.Err())
	src := query.Source{Events: client, At: sigmaRowSlot, Window: plan.Rule().Window(sigmaRowSlot)}
	prepared, diags, err := plan.Prepare(t.Context(), src)
	must(t, err)
	if prepared == nil {
		t.Fatal(c.Path, diags)
	}
	var out []string
	_, err = prepared.Execute(t.Context(), src, src.Window, func(hits []query.Hit) (bool, error) {
		for _, h := range hits {
			out = append(out, h.Event.ID)
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(c.Path, err)
	}
	slices.Sort(out)
	return out
}

// theirs are the ids of the events that the queries find.
func (c *converted) theirs(t *testing.T, node *Node) []string {
	t.Helper()
	var each []object
	for _, q := range c.Lucene {
		each = append(each, object{"query_string": object{"query": q, "analyze_wildcard": true}})
	}
	answer := node.Must(t, "POST", "/"+c.index+"/_search", object{
		"size": 10000, "_source": false, "track_total_hits": true, "query": object{"bool": object{"should": each, "minimum_should_match": 1}},
	})
	var out []string
	for _, hit := range answer.At("hits", "hits").List() {
		out = append(out, hit.At("_id").String())
	}
	if total := answer.At("hits", "total", "value").Int(); total != int64(len(out)) {
		t.Fatalf("%s: the query finds %d events, and %d were read", c.Path, total, len(out))
	}
	slices.Sort(out)
	return out
}
