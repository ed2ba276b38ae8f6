package benchdecode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/buger/jsonparser"
	"github.com/bytedance/sonic"
	"github.com/bytedance/sonic/ast"
	jsoniter "github.com/json-iterator/go"
	"github.com/minio/simdjson-go"
	"github.com/tidwall/gjson"
	"github.com/valyala/fastjson"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/testkit/eventgen"
)

// wanted are the fields that the contestants return: some that every event has, some that few have,
// and some that none has, as with rules. Few ways to read JSON get to hundreds of fields in one pass;
// the real number is some 350.
var wanted = []string{
	"@timestamp", "event.category", "event.type", "event.action", "event.code", "event.dataset", "event.outcome", "event.provider", "host.os.type", "host.id", "user.id", "user.name",
	"process.name", "process.executable", "process.args", "process.command_line", "process.pe.original_file_name", "process.code_signature.subject_name", "process.code_signature.trusted",
	"process.parent.name", "process.parent.executable", "process.parent.args", "process.parent.command_line", "process.Ext.token.integrity_level_name", "process.hash.sha256",
	"file.path", "file.name", "file.extension", "file.Ext.header_bytes", "registry.path", "registry.data.strings", "destination.ip", "destination.port", "source.ip", "network.direction",
	"network.protocol", "dns.question.name", "winlog.event_id", "winlog.event_data.TargetUserName", "winlog.logon.type", "powershell.file.script_block_text", "cloud.provider",
	"aws.cloudtrail.user_identity.arn", "aws.cloudtrail.request_parameters", "azure.auditlogs.operation_name", "o365.audit.Operation", "okta.event_type", "kubernetes.audit.verb", "dll.name", "container.id",
}

var paths = func() [][]string {
	var out [][]string
	for _, name := range wanted {
		out = append(out, strings.Split(name, "."))
	}
	return out
}()

// sink receives the text of a scalar of a wanted field.
type sink func(field int, text string)

// contestant is a way to read: open makes a function that reads one event. Those that do not check
// the whole event are lax, and could not be used as they are.
type contestant struct {
	name string
	lax  bool
	open func() func(source []byte, found sink) error
}

var contestants = []contestant{
	{"encoding/json maps", false, openMaps},
	{"encoding/json tokens", false, openTokens},
	{"event.View (ours)", false, openView},
	{"fastjson", false, openFastjson},
	{"gjson", true, openGjson},
	{"sonic ast", true, openSonic},
	{"simdjson-go", false, openSimdjson},
	{"jsonparser", true, openJsonparser},
	{"jsoniter iterator", false, openJsoniter},
}

func values(found sink, field int, value any) {
	switch v := value.(type) {
	case map[string]any:
	case []any:
		for _, element := range v {
			values(found, field, element)
		}
	default:
		if text, ok := mapping.ScalarText(value); ok {
			found(field, text)
		}
	}
}

func openMaps() func([]byte, sink) error {
	return func(source []byte, found sink) error {
		dec := json.NewDecoder(bytes.NewReader(source))
		dec.UseNumber()
		var object map[string]any
		if err := dec.Decode(&object); err != nil {
			return err
		}
		for i, path := range paths {
			at := object
			for _, key := range path[:len(path)-1] {
				at, _ = at[key].(map[string]any)
			}
			values(found, i, at[path[len(path)-1]])
		}
		return nil
	}
}

// tree is the wanted names by their parts.
type tree struct {
	below map[string]*tree
	field int
}

var names = func() *tree {
	root := &tree{below: map[string]*tree{}, field: -1}
	for i, path := range paths {
		at := root
		for _, key := range path {
			if at.below[key] == nil {
				at.below[key] = &tree{below: map[string]*tree{}, field: -1}
			}
			at = at.below[key]
		}
		at.field = i
	}
	return root
}()

var nothing = &tree{field: -1}

func (t *tree) step(key string) *tree {
	if next := t.below[key]; next != nil {
		return next
	}
	return nothing
}

func openTokens() func([]byte, sink) error {
	return func(source []byte, found sink) error {
		dec := json.NewDecoder(bytes.NewReader(source))
		dec.UseNumber()
		return tokens(dec, names, found)
	}
}

func tokens(dec *json.Decoder, at *tree, found sink) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		if at.field >= 0 {
			values(found, at.field, token)
		}
		return nil
	}
	for dec.More() {
		next := at
		if delim == '{' {
			key, err := dec.Token()
			if err != nil {
				return err
			}
			next = at.step(key.(string))
		}
		if err := tokens(dec, next, found); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

func openView() func([]byte, sink) error {
	fields := make([]mapping.Field, len(wanted))
	for i, name := range wanted {
		fields[i] = mapping.Field{Name: name, Type: mapping.Keyword}
	}
	v := event.NewSelection(fields, nil).NewView()
	return func(source []byte, found sink) error {
		if err := v.Read(source); err != nil {
			return err
		}
		for i := range wanted {
			for _, text := range v.Texts(i) {
				found(i, text)
			}
		}
		return nil
	}
}

func openFastjson() func([]byte, sink) error {
	var p fastjson.Parser
	return func(source []byte, found sink) error {
		root, err := p.ParseBytes(source)
		if err != nil {
			return err
		}
		for i, path := range paths {
			fastjsonValues(found, i, root.Get(path...))
		}
		return nil
	}
}

func fastjsonValues(found sink, field int, v *fastjson.Value) {
	if v == nil {
		return
	}
	switch v.Type() {
	case fastjson.TypeArray:
		for _, element := range v.GetArray() {
			fastjsonValues(found, field, element)
		}
	case fastjson.TypeString:
		found(field, string(v.GetStringBytes()))
	case fastjson.TypeNumber, fastjson.TypeTrue, fastjson.TypeFalse:
		found(field, v.String())
	}
}

func openGjson() func([]byte, sink) error {
	var walk func(v gjson.Result, at *tree, found sink)
	walk = func(v gjson.Result, at *tree, found sink) {
		switch {
		case v.IsObject():
			v.ForEach(func(key, member gjson.Result) bool {
				if next := at.step(key.String()); next != nothing {
					walk(member, next, found)
				}
				return true
			})
		case v.IsArray():
			v.ForEach(func(_, element gjson.Result) bool { walk(element, at, found); return true })
		case at.field >= 0 && v.Type == gjson.Number:
			found(at.field, v.Raw)
		case at.field >= 0 && v.Type != gjson.Null:
			found(at.field, v.String())
		}
	}
	return func(source []byte, found sink) error {
		walk(gjson.ParseBytes(source), names, found)
		return nil
	}
}

func openSonic() func([]byte, sink) error {
	var walk func(n *ast.Node, at *tree, found sink) error
	walk = func(n *ast.Node, at *tree, found sink) error {
		switch n.TypeSafe() {
		case ast.V_OBJECT:
			return n.ForEach(func(path ast.Sequence, member *ast.Node) bool {
				next := at.step(*path.Key)
				return next == nothing || walk(member, next, found) == nil
			})
		case ast.V_ARRAY:
			return n.ForEach(func(_ ast.Sequence, element *ast.Node) bool { return walk(element, at, found) == nil })
		case ast.V_NULL:
			return nil
		default:
			if at.field >= 0 {
				value, err := n.InterfaceUseNumber()
				if err != nil {
					return err
				}
				values(found, at.field, value)
			}
			return nil
		}
	}
	return func(source []byte, found sink) error {
		root, err := sonic.Get(source)
		if err != nil {
			return err
		}
		return walk(&root, names, found)
	}
}

func openSimdjson() func([]byte, sink) error {
	if !simdjson.SupportedCPU() {
		return nil
	}
	var parsed *simdjson.ParsedJson
	var walk func(i *simdjson.Iter, typ simdjson.Type, at *tree, found sink) error
	walk = func(i *simdjson.Iter, typ simdjson.Type, at *tree, found sink) error {
		switch typ {
		case simdjson.TypeObject:
			object, err := i.Object(nil)
			if err != nil {
				return err
			}
			var member simdjson.Iter
			for {
				key, typ, err := object.NextElementBytes(&member)
				if err != nil || typ == simdjson.TypeNone {
					return err
				}
				if next := at.below[string(key)]; next != nil {
					if err := walk(&member, typ, next, found); err != nil {
						return err
					}
				}
			}
		case simdjson.TypeArray:
			array, err := i.Array(nil)
			if err != nil {
				return err
			}
			elements := array.Iter()
			for typ := elements.Advance(); typ != simdjson.TypeNone; typ = elements.Advance() {
				if err := walk(&elements, typ, at, found); err != nil {
					return err
				}
			}
		case simdjson.TypeNull, simdjson.TypeNone:
		default:
			if at.field >= 0 {
				text, err := i.StringCvt() // It has no text of a number: 5.70 is 5.7.
				if err != nil {
					return err
				}
				found(at.field, text)
			}
		}
		return nil
	}
	return func(source []byte, found sink) error {
		var err error
		if parsed, err = simdjson.Parse(source, parsed, simdjson.WithCopyStrings(false)); err != nil {
			return err
		}
		i := parsed.Iter()
		i.Advance()
		typ, root, err := i.Root(nil)
		if err != nil {
			return err
		}
		return walk(root, typ, names, found)
	}
}

func openJsonparser() func([]byte, sink) error {
	var walk func(data []byte, typ jsonparser.ValueType, at *tree, found sink) error
	walk = func(data []byte, typ jsonparser.ValueType, at *tree, found sink) error {
		switch typ {
		case jsonparser.Object:
			return jsonparser.ObjectEach(data, func(key, member []byte, typ jsonparser.ValueType, _ int) error {
				next := at.below[string(key)]
				if next == nil {
					return nil
				}
				return walk(member, typ, next, found)
			})
		case jsonparser.Array:
			var inner error
			_, err := jsonparser.ArrayEach(data, func(element []byte, typ jsonparser.ValueType, _ int, _ error) {
				if inner == nil {
					inner = walk(element, typ, at, found)
				}
			})
			if len(bytes.Trim(data, "[] \n")) == 0 {
				return nil
			}
			return max2(err, inner)
		case jsonparser.String:
			if at.field < 0 {
				return nil
			}
			text, err := jsonparser.ParseString(data)
			found(at.field, text)
			return err
		case jsonparser.Number, jsonparser.Boolean:
			if at.field >= 0 {
				found(at.field, string(data))
			}
		}
		return nil
	}
	return func(source []byte, found sink) error { return walk(source, jsonparser.Object, names, found) }
}

func max2(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func openJsoniter() func([]byte, sink) error {
	iter := jsoniter.NewIterator(jsoniter.ConfigCompatibleWithStandardLibrary)
	var walk func(at *tree, found sink)
	walk = func(at *tree, found sink) {
		switch iter.WhatIsNext() {
		case jsoniter.ObjectValue:
			iter.ReadMapCB(func(_ *jsoniter.Iterator, key string) bool {
				if next := at.step(key); next != nothing {
					walk(next, found)
				} else {
					iter.Skip()
				}
				return iter.Error == nil
			})
		case jsoniter.ArrayValue:
			iter.ReadArrayCB(func(*jsoniter.Iterator) bool { walk(at, found); return iter.Error == nil })
		case jsoniter.StringValue:
			if text := iter.ReadString(); at.field >= 0 {
				found(at.field, text)
			}
		case jsoniter.NumberValue:
			if text := iter.ReadNumber(); at.field >= 0 {
				found(at.field, text.String())
			}
		case jsoniter.BoolValue:
			if b := iter.ReadBool(); at.field >= 0 {
				found(at.field, fmt.Sprint(b))
			}
		default:
			iter.Skip()
		}
	}
	return func(source []byte, found sink) error {
		iter.ResetBytes(source)
		iter.Error = nil
		walk(names, found)
		return iter.Error
	}
}

func events() [][]byte {
	out := make([][]byte, 1000)
	for i := range out {
		out[i] = eventgen.Event(1, i)
	}
	return out
}

// TestContestantsAgree: a contestant that finds something else has not run the same race.
func TestContestantsAgree(t *testing.T) {
	want := map[int][]string{}
	for _, c := range contestants {
		read := c.open()
		if read == nil {
			continue
		}
		for n, source := range events() {
			var got []string
			if err := read(source, func(field int, text string) { got = append(got, wanted[field]+"="+strings.Clone(text)) }); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			slices.Sort(got)
			if want[n] == nil {
				want[n] = got
			}
			if !slices.Equal(want[n], got) {
				t.Fatalf("%s of %s:\n%q, want\n%q", c.name, source, got, want[n])
			}
		}
	}
}

// BenchmarkDecode prints a table: of every few events the best time of all rounds, taken by turns.
func BenchmarkDecode(b *testing.B) {
	const few = 250
	events := events()
	size := 0
	for _, source := range events {
		size += len(source)
	}
	best := make([][]time.Duration, len(contestants))
	reads := make([]func([]byte, sink) error, len(contestants))
	for i, c := range contestants {
		best[i] = make([]time.Duration, len(events)/few)
		reads[i] = c.open()
	}
	n := 0
	for b.Loop() {
		for part := range len(events) / few {
			for i, read := range reads {
				if read == nil {
					continue
				}
				start := time.Now()
				for _, source := range events[part*few : (part+1)*few] {
					if err := read(source, func(int, string) { n++ }); err != nil {
						b.Fatal(err)
					}
				}
				if took := time.Since(start); best[i][part] == 0 || took < best[i][part] {
					best[i][part] = took
				}
			}
		}
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(table, "\nreader\tus/event\tMB/s\tto ours\tchecks all\t(%d bytes an event, %d fields)\n", size/len(events), len(wanted))
	var ours time.Duration
	sums := make([]time.Duration, len(contestants))
	for i := range contestants {
		for _, d := range best[i] {
			sums[i] += d
		}
		if strings.Contains(contestants[i].name, "ours") {
			ours = sums[i]
		}
	}
	for i, c := range contestants {
		if reads[i] != nil {
			fmt.Fprintf(table, "%s\t%.1f\t%.0f\t%.2f\t%t\t\n", c.name, sums[i].Seconds()*1e6/float64(len(events)), float64(size)/1e6/sums[i].Seconds(), float64(sums[i])/float64(ours), !c.lax)
		}
	}
	if err := table.Flush(); err != nil {
		b.Fatal(err)
	}
}
