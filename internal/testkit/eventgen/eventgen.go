// Package eventgen generates events in the Elastic Common Schema, as agents write them, for benchmarks and
// differential tests: processes, files, registry, network, DNS, logons, PowerShell, cloud audit. Events have one
// to three KB. Their kinds, the repetition of values, and the small number of fields that rules use are similar to
// those of a real fleet.
//
// Events are a function of a seed and a number. They contain no real data.
package eventgen

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"time"
)

// Object is a JSON object of an event.
type Object = map[string]any

// start is the time of the first event. Events are 200 ms apart.
var start = time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)

const apart = 200 * time.Millisecond

// Event returns event number n of a seed as JSON.
func Event(seed uint64, n int) []byte {
	text, err := json.Marshal(Source(seed, n))
	if err != nil {
		panic(err) // The event has only text and numbers.
	}
	return text
}

// Source returns event number n of a seed.
func Source(seed uint64, n int) Object {
	g := generator{rand.New(rand.NewPCG(seed, uint64(n))), start.Add(time.Duration(n) * apart)}
	kind := kinds[0]
	for at, i := g.IntN(100), 0; i < len(kinds); i++ {
		if kind = kinds[i]; at < kind.share {
			break
		}
		at -= kind.share
	}
	return kind.make(&g)
}

// kinds are the kinds of events with their share in percent.
var kinds = []struct {
	share int
	make  func(*generator) Object
}{
	{34, (*generator).process},
	{18, (*generator).file},
	{16, (*generator).network},
	{10, (*generator).registry},
	{6, (*generator).dns},
	{6, (*generator).logon},
	{3, (*generator).script},
	{7, (*generator).cloud},
}

type generator struct {
	*rand.Rand
	at time.Time
}

// pick prefers the values at the front, as a few programs cause most of the events.
func pick[T any](g *generator, values []T) T {
	return values[min(g.IntN(len(values)), g.IntN(len(values)))]
}

func (g *generator) hex(n int) string {
	var b strings.Builder
	for range n {
		fmt.Fprintf(&b, "%x", g.IntN(16))
	}
	return b.String()
}

func (g *generator) address() string {
	if g.IntN(3) > 0 {
		return fmt.Sprintf("10.%d.%d.%d", g.IntN(4), g.IntN(256), g.IntN(256))
	}
	return fmt.Sprintf("%d.%d.%d.%d", 1+g.IntN(223), g.IntN(256), g.IntN(256), 1+g.IntN(254))
}

func (g *generator) entity() string { return g.hex(8) + "-" + g.hex(4) + "-" + g.hex(16) }

// base returns the fields that every endpoint event has.
func (g *generator) base(windows bool, dataset string, fields Object) Object {
	family, name := "windows", fmt.Sprintf("WS-%04d", g.IntN(400))
	os := Object{"family": "windows", "type": "windows", "name": "Windows", "kernel": "10.0.19045", "platform": "windows", "full": "Windows 10 Pro 22H2 (10.0.19045)", "version": "22H2 (10.0.19045)"}
	user := Object{"id": fmt.Sprintf("S-1-5-21-%d-%d-%d", g.IntN(1e9), g.IntN(1e9), 1000+g.IntN(400)), "name": pick(g, users), "domain": "EXAMPLE"}
	if !windows {
		family, name = "linux", fmt.Sprintf("srv-%04d", g.IntN(400))
		os = Object{"family": "debian", "type": "linux", "name": "Linux", "kernel": "5.15.0-91-generic", "platform": "debian", "full": "Debian 12.4", "version": "12.4"}
		user = Object{"id": "1000", "name": pick(g, users), "group": Object{"id": "1000", "name": "users"}}
	}
	at := g.at.Format("2006-01-02T15:04:05.000000000Z")
	event := Object{
		"id": "N" + g.hex(15), "kind": "event", "module": "endpoint", "dataset": dataset, "created": at, "agent_id_status": "verified",
		"ingested": g.at.Add(7 * time.Second).Format(time.RFC3339), "sequence": g.IntN(1e7), "outcome": "unknown",
	}
	source := Object{
		"@timestamp": at,
		"agent":      Object{"id": g.entity(), "type": "endpoint", "version": "8.19.0", "build": Object{"original": "version: 8.19.0, compiled: Mon Nov 3 17:00:00 2025"}},
		"ecs":        Object{"version": "8.10.0"}, "message": "Endpoint " + family + " event",
		"data_stream": Object{"type": "logs", "dataset": dataset, "namespace": "default"},
		"elastic":     Object{"agent": Object{"id": g.entity()}},
		"event":       event,
		"host": Object{
			"id": g.hex(32), "name": name, "hostname": name, "architecture": "x86_64", "os": os,
			"ip": []any{g.address(), "127.0.0.1", "::1", "fe80::" + g.hex(4)}, "mac": []any{"00-50-56-" + g.hex(2) + "-" + g.hex(2) + "-" + g.hex(2)},
		},
		"user": user,
	}
	for name, value := range fields {
		if inner, ok := source[name].(Object); ok {
			maps.Copy(inner, value.(Object)) //nolint:forcetypeassert // What is an object above is one here.
			continue
		}
		source[name] = value
	}
	return source
}

func (g *generator) onWindows() bool { return g.IntN(3) > 0 }

// program is a program with its typical arguments.
func (g *generator) program(windows bool) (name, path string, args []any) {
	if windows {
		name = pick(g, windowsPrograms)
		path = pick(g, windowsFolders) + `\` + name
	} else {
		name = pick(g, linuxPrograms)
		path = pick(g, linuxFolders) + "/" + name
	}
	args = append(args, path)
	for range g.IntN(6) {
		args = append(args, pick(g, arguments))
	}
	return name, path, args
}

func commandLine(args []any) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = fmt.Sprint(a)
	}
	return strings.Join(words, " ")
}

// running returns the process fields of an event.
func (g *generator) running(windows bool) Object {
	name, path, args := g.program(windows)
	parent, parentPath, parentArgs := g.program(windows)
	p := Object{
		"name": name, "executable": path, "pid": g.IntN(30000), "entity_id": g.entity(), "args": args, "args_count": len(args), "command_line": commandLine(args),
		"hash": Object{"md5": g.hex(32), "sha1": g.hex(40), "sha256": g.hex(64)},
		"parent": Object{
			"name": parent, "executable": parentPath, "pid": g.IntN(30000), "entity_id": g.entity(), "args": parentArgs, "args_count": len(parentArgs),
			"command_line": commandLine(parentArgs),
		},
		"Ext": Object{"ancestry": []any{g.entity(), g.entity(), g.entity()}},
	}
	if windows {
		trusted := g.IntN(4) > 0
		p["code_signature"] = Object{"exists": trusted, "trusted": trusted, "status": "trusted", "subject_name": pick(g, signers)}
		p["pe"] = Object{"original_file_name": strings.ToUpper(name), "imphash": g.hex(32)}
		p["Ext"] = Object{
			"ancestry": []any{g.entity(), g.entity(), g.entity()}, "token": Object{"integrity_level_name": pick(g, []string{"medium", "high", "system"}), "elevation": false},
			"code_signature": []any{Object{"exists": trusted, "trusted": trusted, "status": "trusted", "subject_name": pick(g, signers)}},
		}
	} else {
		p["working_directory"] = "/home/" + pick(g, users)
		p["group_leader"] = Object{"name": parent, "executable": parentPath, "entity_id": g.entity(), "args": parentArgs}
		p["session_leader"] = Object{"name": parent, "executable": parentPath, "entity_id": g.entity()}
		p["entry_leader"] = Object{"name": "sshd", "executable": "/usr/sbin/sshd", "entity_id": g.entity(), "entry_meta": Object{"type": "sshd", "source": Object{"ip": g.address()}}}
	}
	return p
}

func (g *generator) process() Object {
	windows := g.onWindows()
	types := []any{"start"}
	action := "start"
	switch {
	case g.IntN(4) == 0:
		types, action = []any{"end"}, "end"
	case !windows:
		action = "exec"
	}
	return g.base(windows, "endpoint.events.process", Object{
		"event":   Object{"category": []any{"process"}, "type": types, "action": action, "code": "1"},
		"process": g.running(windows),
	})
}
