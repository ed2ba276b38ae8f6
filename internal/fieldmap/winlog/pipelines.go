package winlog

import (
	"slices"
	"strconv"
	"strings"
)

// pipeline does what the pipeline of the event's data stream does, and names the stream.
func (d *document) pipeline() string {
	stream := map[string]string{
		"Microsoft-Windows-Sysmon/Operational":           "windows.sysmon_operational",
		"Microsoft-Windows-PowerShell/Operational":       "windows.powershell_operational",
		"PowerShellCore/Operational":                     "windows.powershell_operational",
		"Windows PowerShell":                             "windows.powershell",
		"Microsoft-Windows-Windows Defender/Operational": "windows.windows_defender",
		"Security":    "system.security",
		"System":      "system.system",
		"Application": "system.application",
	}[text(d.get("winlog.channel"))]
	if stream == "" {
		stream = "winlog.winlogs"
	}
	d.set("event.dataset", stream)
	switch stream {
	case "windows.sysmon_operational":
		d.sysmon()
	case "system.security":
		d.security()
	case "windows.powershell_operational":
		d.powershell()
	case "windows.powershell":
		d.powershellClassic()
	}
	d.empty("", "-")
	if o, ok := d.get("winlog.event_data").(Object); ok && len(o) == 0 {
		if w, ok := d.get("winlog").(Object); ok {
			delete(w, "event_data")
		}
	}
	return "logs-" + stream + "-default"
}

// kinds are the category, the type and the action of the events of Sysmon by their number.
var kinds = map[string][3]string{
	"1": {"process", "start", "Process creation"}, "2": {"file", "change", "A process changed a file creation time"},
	"3": {"network", "start", "Network connection"}, "5": {"process", "end", "Process terminated"}, "6": {"driver", "start", "Driver loaded"},
	"7": {"process", "change", "Image loaded"}, "8": {"process", "change", "CreateRemoteThread"}, "10": {"process", "access", "ProcessAccess"},
	"11": {"file", "creation", "FileCreate"}, "12": {"registry", "change", "RegistryEvent (Object create and delete)"},
	"13": {"registry", "change", "RegistryEvent (Value Set)"}, "14": {"registry", "change", "RegistryEvent (Key and Value Rename)"},
	"16": {"configuration", "change", "ServiceConfigurationChange"}, "22": {"network", "connection", "DNSEvent (DNS query)"},
}

func (d *document) sysmon() {
	d.empty("", "-", "{00000000-0000-0000-0000-000000000000}")
	code := text(d.get("event.code"))
	if kind, ok := kinds[code]; ok {
		d.set("event.category", []any{kind[0]})
		d.set("event.type", []any{kind[1]})
		d.set("event.action", kind[2])
	}
	d.move("RuleName", "rule.name")
	if code == "25" {
		d.move("Type", "message")
	}
	d.hashes(code)
	for _, m := range [][2]string{
		{"ProcessGuid", "process.entity_id"},
		{"Image", "process.executable"},
		{"SourceProcessGuid", "process.entity_id"},
		{"SourceProcessGUID", "process.entity_id"},
		{"SourceImage", "process.executable"},
		{"Destination", "process.executable"},
		{"CommandLine", "process.command_line"},
		{"CurrentDirectory", "process.working_directory"},
		{"ParentProcessGuid", "process.parent.entity_id"},
		{"ParentImage", "process.parent.executable"},
		{"ParentCommandLine", "process.parent.command_line"},
		{"TargetFilename", "file.path"},
		{"Device", "file.path"},
		{"PipeName", "file.name"},
		{"ImageLoaded", "file.path"},
		{"Protocol", "network.transport"},
		{"SourceHostname", "source.domain"},
		{"DestinationHostname", "destination.domain"},
		{"SourceIp", "source.ip"},
		{"DestinationIp", "destination.ip"},
		{"QueryName", "dns.question.name"},
	} {
		d.move(m[0], m[1])
	}
	for _, m := range [][2]string{
		{"ProcessId", "process.pid"},
		{"SourceProcessId", "process.pid"},
		{"SourceThreadId", "process.thread.id"},
		{"ParentProcessId", "process.parent.pid"},
		{"SourcePort", "source.port"},
		{"DestinationPort", "destination.port"},
	} {
		d.number(m[0], m[1])
	}
	pe := "process.pe."
	if code == "7" {
		pe = "file.pe."
	}
	d.move("OriginalFileName", pe+"original_file_name")
	d.copy("Company", pe+"company")
	d.copy("Description", pe+"description")
	d.copy("FileVersion", pe+"file_version")
	d.copy("Product", pe+"product")
	d.copy("Signature", "file.code_signature.subject_name")
	d.copy("SignatureStatus", "file.code_signature.status")
	d.names()
	d.directions()
	d.user("User")
	if code == "12" || code == "13" || code == "14" {
		d.registry()
	}
	d.drop("ProcessId", "ParentProcessId", "SourceProcessId", "SourceThreadId", "SourcePort", "SourcePortName", "DestinationPort", "DestinationPortName",
		"User", "Initiated", "SourceIsIpv6", "DestinationIsIpv6", "QueryResults", "UtcTime", "Hash", "Hashes", "TargetObject")
}

// hashes are split by algorithm, and put beside the process or the file.
func (d *document) hashes(code string) {
	said := d.said("Hashes") + d.said("Hash")
	d.drop("Hash", "Hashes")
	of := "process"
	switch {
	case slices.Contains([]string{"6", "7", "15", "26", "29"}, code):
		of = "file"
	case !slices.Contains([]string{"1", "23", "24", "25"}, code):
		return
	}
	for part := range strings.SplitSeq(said, ",") {
		name, value, ok := strings.Cut(strings.ToLower(part), "=")
		switch {
		case !ok || strings.Trim(value, "0") == "":
		case name == "imphash":
			d.set(of+".pe.imphash", value)
		default:
			d.set(of+".hash."+name, value)
		}
	}
}

// names puts the last parts of paths beside them.
func (d *document) names() {
	for path, name := range map[string]string{"process.executable": "process.name", "process.parent.executable": "process.parent.name", "file.path": "file.name"} {
		if p, ok := d.get(path).(string); ok && strings.Contains(p, `\`) {
			d.set(name, base(p))
		}
	}
}

func (d *document) directions() {
	switch d.said("Initiated") {
	case "true":
		d.set("network.direction", "egress")
	case "false":
		d.set("network.direction", "ingress")
	}
	switch d.said("SourceIsIpv6") {
	case "true":
		d.set("network.type", "ipv6")
	case "false":
		d.set("network.type", "ipv4")
	}
}

// user splits a user with its domain.
func (d *document) user(name string) {
	if parts := strings.Split(d.said(name), `\`); len(parts) == 2 {
		d.set("user.domain", parts[0])
		d.set("user.name", parts[1])
	}
}

func (d *document) registry() {
	path := d.said("TargetObject")
	d.set("registry.path", path)
	d.set("registry.value", base(path))
	details := d.said("Details")
	kind := "REG_SZ"
	if number, ok := strings.CutPrefix(details, "DWORD ("); ok {
		if n, err := strconv.ParseInt(strings.TrimSuffix(number, ")"), 0, 64); err == nil {
			details, kind = strconv.FormatInt(n, 10), "SZ_DWORD"
		}
	}
	if details != "" {
		d.set("registry.data.strings", []any{details})
		d.set("registry.data.type", kind)
	}
}

func (d *document) security() {
	d.empty("")
	d.copy("SubjectUserSid", "user.id")
	d.copy("SubjectUserName", "user.name")
	d.copy("SubjectDomainName", "user.domain")
	d.copy("SubjectLogonId", "winlog.logon.id")
	d.copy("ServiceName", "service.name")
	if text(d.get("event.code")) == "4688" {
		d.number("NewProcessId", "process.pid")
		d.number("ProcessId", "process.parent.pid")
		d.drop("NewProcessId")
		d.move("NewProcessName", "process.executable")
		d.move("ParentProcessName", "process.parent.executable")
		d.copy("CommandLine", "process.command_line")
		d.set("event.category", []any{"process"})
		d.set("event.type", []any{"start"})
	} else {
		d.number("ProcessId", "process.pid")
		d.drop("ProcessId")
		d.move("ProcessName", "process.executable")
	}
	if ip := d.said("IpAddress"); ip != "-" {
		d.move("IpAddress", "source.ip")
	}
	d.number("IpPort", "source.port")
	if d.get("source.port") != nil {
		d.drop("IpPort")
	}
	d.move("WorkstationName", "source.domain")
	d.names()
}

func (d *document) powershell() {
	o, _ := d.get("winlog.event_data").(Object)
	for name, value := range o {
		if short := strings.Join(strings.Fields(name), ""); short != name {
			o[short] = value
			delete(o, name)
		}
	}
	d.move("ScriptBlockText", "powershell.file.script_block_text")
	d.move("ScriptBlockId", "powershell.file.script_block_id")
	d.move("Path", "file.path")
	if text(d.get("event.code")) == "4103" {
		d.lines(d.said("ContextInfo"), map[string]string{"Host Application": "process.command_line", "Host Name": "process.title"})
		var details []any
		for line := range strings.Lines(d.said("Payload")) {
			if head, value, ok := strings.Cut(strings.TrimSpace(line), "): "); ok {
				kind, command, _ := strings.Cut(head, "(")
				details = append(details, Object{"type": kind, "related_command": command, "value": value})
			}
		}
		if details != nil {
			d.set("powershell.command.invocation_details", details)
		}
		d.set("message", d.said("Payload")+"\n"+d.said("ContextInfo"))
		d.drop("Payload", "ContextInfo")
	}
	d.user("User")
	d.drop("User")
	d.names()
}

// lines finds names and values in the lines of a text.
func (d *document) lines(text string, paths map[string]string) {
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(line, "="); ok {
			if path := paths[strings.TrimSpace(name)]; path != "" {
				d.set(path, strings.TrimSpace(value))
			}
		}
	}
}

func (d *document) powershellClassic() {
	d.lines(d.said("param3"), map[string]string{
		"HostApplication": "process.command_line", "HostName": "process.title", "EngineVersion": "powershell.engine.version", "ProviderName": "powershell.provider.name",
	})
	d.set("message", strings.Join([]string{d.said("param1"), d.said("param2"), d.said("param3")}, "\n"))
	d.drop("param1", "param2", "param3")
}
