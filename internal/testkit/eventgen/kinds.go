package eventgen

import (
	"strconv"
	"strings"
)

func (g *generator) file() Object {
	windows := g.onWindows()
	folder, separator := pick(g, linuxFolders), "/"
	if windows {
		folder, separator = pick(g, windowsFolders), `\`
	}
	extension := pick(g, extensions)
	name := pick(g, words) + g.hex(3) + "." + extension
	action := pick(g, []string{"creation", "modification", "deletion", "rename", "open"})
	kind := map[string]string{"creation": "creation", "deletion": "deletion"}[action]
	if kind == "" {
		kind = "change"
	}
	return g.base(windows, "endpoint.events.file", Object{
		"event": Object{"category": []any{"file"}, "type": []any{kind}, "action": action},
		"file": Object{
			"name": name, "path": folder + separator + name, "directory": folder, "extension": extension, "size": g.IntN(1e7), "owner": pick(g, users),
			"Ext": Object{"header_bytes": g.hex(32), "entropy": g.Float64() * 8, "original": Object{"name": name, "path": folder + separator + "~" + name}},
		},
		"process": g.running(windows),
	})
}

func (g *generator) network() Object {
	windows := g.onWindows()
	to := g.address()
	return g.base(windows, "endpoint.events.network", Object{
		"event":       Object{"category": []any{"network"}, "type": []any{"start"}, "action": pick(g, []string{"connection_attempted", "connection_accepted", "disconnect_received"})},
		"source":      Object{"ip": g.address(), "address": to, "port": 1024 + g.IntN(60000), "bytes": g.IntN(1e6)},
		"destination": Object{"ip": to, "address": to, "port": pick(g, []int{443, 80, 53, 445, 3389, 22, 8080, 5985, 88, 389}), "bytes": g.IntN(1e6), "geo": Object{"country_iso_code": "US", "continent_name": "North America"}},
		"network":     Object{"type": "ipv4", "transport": "tcp", "direction": pick(g, []string{"egress", "ingress"}), "bytes": g.IntN(1e6)},
		"process":     g.running(windows),
	})
}

func (g *generator) registry() Object {
	key := pick(g, registryKeys)
	value := pick(g, words)
	return g.base(true, "endpoint.events.registry", Object{
		"event": Object{"category": []any{"registry"}, "type": []any{"change"}, "action": "modification"},
		"registry": Object{
			"hive": "HKLM", "key": key, "path": `HKLM\` + key + `\` + value, "value": value,
			"data": Object{"type": "REG_SZ", "strings": []any{pick(g, windowsFolders) + `\` + pick(g, windowsPrograms)}, "bytes": g.hex(40)},
		},
		"process": g.running(true),
	})
}

func (g *generator) dns() Object {
	windows := g.onWindows()
	name := pick(g, words) + "." + pick(g, []string{"example.com", "example.org", "api.example.net", "windowsupdate.example"})
	return g.base(windows, "endpoint.events.network", Object{
		"event":   Object{"category": []any{"network"}, "type": []any{"protocol"}, "action": "lookup_requested"},
		"dns":     Object{"question": Object{"name": name, "type": "A", "registered_domain": name}, "resolved_ip": []any{g.address(), g.address()}},
		"network": Object{"protocol": "dns"},
		"process": g.running(windows),
	})
}

func (g *generator) logon() Object {
	code := pick(g, []string{"4624", "4625", "4634", "4648", "4672", "4688", "4720", "4732", "4769", "5136"})
	return g.base(true, "system.security", Object{
		"event":  Object{"category": []any{"authentication"}, "type": []any{"start"}, "action": pick(g, []string{"logged-in", "logon-failed", "logged-out", "added-user-account"}), "code": code, "provider": "Microsoft-Windows-Security-Auditing"},
		"source": Object{"ip": g.address(), "port": g.IntN(60000)},
		"winlog": Object{
			"channel": "Security", "event_id": code, "computer_name": "dc.example.com", "provider_name": "Microsoft-Windows-Security-Auditing", "record_id": g.IntN(1e7), "opcode": "Info",
			"logon": Object{"type": pick(g, []string{"Network", "Interactive", "Service", "RemoteInteractive"}), "id": "0x" + g.hex(6)},
			"event_data": Object{
				"TargetUserName": pick(g, users), "SubjectUserName": pick(g, users), "TargetUserSid": "S-1-5-21-1-2-" + strconv.Itoa(g.IntN(2000)), "LogonProcessName": "Kerberos", "AuthenticationPackageName": "Negotiate",
				"WorkstationName": "WS-" + g.hex(3), "IpAddress": g.address(), "Status": "0x0", "SubStatus": "0x0", "PrivilegeList": []any{"SeSecurityPrivilege", "SeBackupPrivilege"}, "ElevatedToken": "%%1842",
			},
			"keywords": []any{"Audit Success"}, "process": Object{"pid": 700, "thread": Object{"id": g.IntN(9000)}},
		},
	})
}

func (g *generator) script() Object {
	var text strings.Builder
	for range 30 + g.IntN(60) {
		text.WriteString(pick(g, cmdlets) + " " + pick(g, arguments) + ";\n")
	}
	return g.base(true, "windows.powershell_operational", Object{
		"event":      Object{"category": []any{"process"}, "type": []any{"info"}, "action": "Execute a Remote Command", "code": "4104", "provider": "Microsoft-Windows-PowerShell"},
		"powershell": Object{"file": Object{"script_block_text": text.String(), "script_block_id": g.entity(), "script_block_length": text.Len()}, "sequence": 1, "total": 1},
		"winlog":     Object{"channel": "Microsoft-Windows-PowerShell/Operational", "event_id": "4104", "record_id": g.IntN(1e7), "process": Object{"pid": g.IntN(9000)}},
		"file":       Object{"path": pick(g, windowsFolders) + `\` + pick(g, words) + ".ps1", "name": pick(g, words) + ".ps1"},
	})
}

func (g *generator) cloud() Object {
	action, user := pick(g, cloudActions), pick(g, users)
	service := pick(g, []string{"ec2", "iam", "s3", "sts", "kms", "lambda", "rds", "cloudtrail"}) + ".amazonaws.com"
	arn := "arn:aws:iam::" + strconv.Itoa(100000000000+g.IntN(1e9)) + ":user/" + user
	return Object{
		"@timestamp": g.at.Format("2006-01-02T15:04:05.000Z"), "ecs": Object{"version": "8.11.0"}, "tags": []any{"forwarded", "aws-cloudtrail"},
		"agent":       Object{"id": g.entity(), "type": "filebeat", "version": "8.19.0", "name": "collector"},
		"data_stream": Object{"type": "logs", "dataset": "aws.cloudtrail", "namespace": "default"},
		"event": Object{
			"id": g.entity(), "kind": "event", "module": "aws", "dataset": "aws.cloudtrail", "provider": service, "action": action, "outcome": pick(g, []string{"success", "success", "failure"}),
			"category": []any{"iam"}, "type": []any{"info"}, "created": g.at.Format("2006-01-02T15:04:05.000Z"), "original": strings.Repeat(`{\"eventVersion\":\"1.08\",`, 12),
		},
		"aws": Object{"cloudtrail": Object{
			"event_version": "1.08", "event_type": "AwsApiCall", "event_category": "Management", "read_only": g.IntN(2) == 0, "request_id": g.entity(), "recipient_account_id": "100000000000",
			"user_identity":      Object{"type": pick(g, []string{"IAMUser", "AssumedRole", "Root"}), "arn": arn, "access_key_id": "AKIA" + strings.ToUpper(g.hex(16)), "session_context": Object{"mfa_authenticated": "false", "creation_date": g.at.Format("2006-01-02T15:04:05Z")}},
			"request_parameters": "{instanceId=i-" + g.hex(17) + ", attribute=" + pick(g, words) + "}", "response_elements": "{_return=true}",
			"flattened": Object{"request_parameters": Object{"instanceId": "i-" + g.hex(17), "policyName": pick(g, words)}, "response_elements": Object{"_return": true}},
		}},
		"cloud":      Object{"provider": "aws", "region": pick(g, []string{"us-east-1", "eu-west-1", "us-west-2"}), "account": Object{"id": "100000000000"}},
		"related":    Object{"user": []any{user, arn}, "ip": []any{g.address()}},
		"source":     Object{"ip": g.address(), "address": g.address(), "geo": Object{"country_iso_code": "DE"}, "as": Object{"number": 64500 + g.IntN(30), "organization": Object{"name": "Example Net"}}},
		"user":       Object{"name": user, "id": g.hex(21)},
		"user_agent": Object{"original": pick(g, []string{"aws-cli/2.15.0 Python/3.11 Linux/5.15", "Boto3/1.34.0 md/Botocore#1.34", "console.amazonaws.com", "Terraform/1.6"}), "name": "aws-cli", "device": Object{"name": "Other"}},
	}
}
