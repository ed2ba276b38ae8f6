package main

import (
	"bufio"
	"encoding/json"
	"maps"
	"os"
	"strings"
)

// ecs are the fields of ECS in which Elastic's rules look for what Sigma's names say.
var ecs = map[string]string{
	"Image": "process.executable", "CommandLine": "process.command_line", "ParentImage": "process.parent.executable", "ParentCommandLine": "process.parent.command_line",
	"CurrentDirectory": "process.working_directory", "OriginalFileName": "process.pe.original_file_name", "TargetFilename": "file.path", "TargetObject": "registry.path",
	"ImageLoaded": "dll.path", "QueryName": "dns.question.name", "DestinationIp": "destination.ip", "SourceIp": "source.ip", "Protocol": "network.transport",
}

// kinds are event.category and event.type by Sigma's category.
var kinds = map[string][2]string{
	"process_creation": {"process", "start"}, "network_connection": {"network", "start"}, "image_load": {"library", "start"}, "file_event": {"file", "creation"},
	"registry_set": {"registry", "change"}, "registry_event": {"registry", "change"}, "dns_query": {"network", "info"}, "process_access": {"process", "access"},
}

// withECS returns the file with the same events that have the names of ECS besides.
func withECS(e events) (events, error) {
	out := events{e.n, strings.TrimSuffix(e.path, ".ndjson") + "-ecs.ndjson"}
	if _, err := os.Stat(out.path); err == nil {
		return out, nil
	}
	from, err := os.Open(e.path)
	if err != nil {
		return out, err
	}
	defer func() { _ = from.Close() }()
	to, err := os.Create(out.path + ".part")
	if err != nil {
		return out, err
	}
	w := bufio.NewWriterSize(to, 1<<20)
	dec, enc := json.NewDecoder(bufio.NewReaderSize(from, 1<<20)), json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for dec.More() {
		var event map[string]any
		if err := dec.Decode(&event); err != nil {
			return out, err
		}
		maps.Copy(event, ecsOf(event))
		if err := enc.Encode(event); err != nil {
			return out, err
		}
	}
	if err := w.Flush(); err != nil {
		return out, err
	}
	if err := to.Close(); err != nil {
		return out, err
	}
	return out, os.Rename(to.Name(), out.path)
}

func ecsOf(event map[string]any) map[string]any {
	out := map[string]any{}
	for name, field := range ecs {
		if v, ok := event[name]; ok {
			out[field] = v
		}
	}
	base := func(field, from string) {
		if path, ok := out[from].(string); ok {
			out[field] = path[strings.LastIndexAny(path, `\/`)+1:]
		}
	}
	base("process.name", "process.executable")
	base("process.parent.name", "process.parent.executable")
	base("file.name", "file.path")
	base("dll.name", "dll.path")
	if user, ok := event["User"].(string); ok {
		out["user.name"] = user[strings.LastIndexByte(user, '\\')+1:]
	}
	if category, ok := event["category"].(string); ok {
		out["event.category"], out["event.type"] = kinds[category][0], kinds[category][1]
	}
	out["host.os.type"] = event["product"]
	return out
}
