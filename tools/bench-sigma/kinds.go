package main

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	system32     = `C:\Windows\System32\`
	programFiles = `C:\Program Files\`
	microsoft    = "Microsoft Corporation"
	windows      = "Microsoft® Windows® Operating System"
)

// of returns one of some texts, in which %x is some hexadecimal digits, %d a number and %u a user.
func (g *generator) of(texts ...string) string {
	text := texts[g.IntN(len(texts))]
	for at := strings.IndexByte(text, '%'); at >= 0 && at+1 < len(text); {
		filled := text[at : at+2]
		switch text[at+1] {
		case 'x':
			filled = g.hex(10)
		case 'd':
			filled = strconv.Itoa(g.IntN(100_000))
		case 'u':
			filled = g.user()
		}
		text = text[:at] + filled + text[at+2:]
		next := strings.IndexByte(text[at+len(filled):], '%')
		if next < 0 {
			break
		}
		at += len(filled) + next
	}
	return text
}

func (g *generator) hex(digits int) string {
	text := fmt.Sprintf("%016x%016x%016x%016x", g.Uint64(), g.Uint64(), g.Uint64(), g.Uint64())
	return text[:digits]
}

func (g *generator) guid() string {
	h := g.hex(32)
	return "{" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:] + "}"
}

func (g *generator) user() string        { return fmt.Sprintf("staff%03d", g.IntN(250)) }
func (g *generator) workstation() string { return fmt.Sprintf("PC%04d.office.example", g.IntN(500)) }

func (g *generator) address() string {
	return fmt.Sprintf("10.%d.%d.%d", g.IntN(12), g.IntN(256), 1+g.IntN(254))
}

func (g *generator) account() string {
	return g.of(`OFFICE\%u`, `OFFICE\%u`, `OFFICE\%u`, `NT AUTHORITY\SYSTEM`, `NT AUTHORITY\LOCAL SERVICE`)
}

// program is one that runs on every machine.
func (g *generator) program() string {
	return g.of(system32+"svchost.exe", system32+"lsass.exe", `C:\Windows\explorer.exe`, programFiles+`Mozilla Firefox\firefox.exe`,
		programFiles+`Backup\backupd.exe`, `C:\Users\%u\AppData\Local\Slack\slack.exe`, programFiles+`7-Zip\7z.exe`, system32+"SearchIndexer.exe")
}

// usual makes an event of the kinds that make up the most of what a fleet sends.
func (g *generator) usual() {
	switch dice := g.IntN(100); {
	case dice < 26:
		g.process(g.usualProcess())
	case dice < 36:
		g.linux(g.of("/usr/sbin/sshd", "/usr/bin/bash", "/usr/bin/ps", "/usr/bin/awk", "/usr/bin/rsync"), g.of("-D -R", "-c 'test -f /srv/%u/%d'", "aux", "-F: {print} /var/log/app-%d.log", "-a /srv/ backup%d:/srv/"))
	case dice < 50:
		g.network()
	case dice < 64:
		g.file()
	case dice < 74:
		g.registry()
	case dice < 80:
		g.name()
	case dice < 92:
		g.library()
	default:
		g.access()
	}
}

// processed is what tells one process from another.
type processed struct{ image, line, parent, original, about, company, product string }

func (g *generator) usualProcess() processed {
	switch g.IntN(7) {
	case 0:
		return processed{system32 + "svchost.exe", g.of("-k netsvcs -p -s gpsvc", "-k LocalService -p", "-k utcsvc -p -s DiagTrack"), system32 + "services.exe", "svchost.exe", "Host Process for Windows Services", microsoft, windows}
	case 1:
		return processed{programFiles + `Mozilla Firefox\firefox.exe`, g.of(`-contentproc --channel=%d -childID %d -isForBrowser -prefsHandle %d -parentBuildID %x -win32kLockedDown tab`), programFiles + `Mozilla Firefox\firefox.exe`, "firefox.exe", "Firefox", "Mozilla Corporation", "Firefox"}
	case 2:
		return processed{system32 + "conhost.exe", "0x4", g.program(), "CONHOST.EXE", "Console Window Host", microsoft, windows}
	case 3:
		return processed{programFiles + `Backup\backupd.exe`, g.of(`--volume C: --job %d --catalog C:\ProgramData\Backup\%x.cat`, "--verify %x"), system32 + "services.exe", "backupd.exe", "Backup Agent", "Example AG", "Backup"}
	case 4:
		return processed{system32 + "taskhostw.exe", g.of("SYSTEM", "{222A245B-E637-4AE9-A93F-A59CA119A75E}", "NGCKeyPregen"), system32 + "svchost.exe", "taskhostw.exe", "Host Process for Windows Tasks", microsoft, windows}
	case 5:
		return processed{programFiles + `Microsoft Office\root\Office16\EXCEL.EXE`, g.of(`"C:\Users\%u\Documents\budget %d.xlsx"`, "/dde"), `C:\Windows\explorer.exe`, "Excel.exe", "Microsoft Excel", microsoft, "Microsoft Office"}
	}
	return processed{`C:\Users\` + g.user() + `\AppData\Local\Slack\slack.exe`, g.of("--type=gpu-process --user-data-dir=C:\\Users\\%u\\AppData\\Roaming\\Slack --gpu-preferences=%x --field-trial-handle=%d"), `C:\Windows\explorer.exe`, "slack.exe", "Slack", "Slack Technologies", "Slack"}
}

func (g *generator) process(p processed) {
	g.source("windows", categories[1], 1, g.workstation())
	g.text("RuleName", "-")
	g.text("ProcessGuid", g.guid())
	g.number("ProcessId", 4*g.IntN(9000))
	g.text("Image", p.image)
	g.text("FileVersion", g.of("10.0.22621.1", "%d.0.1"))
	g.text("Description", p.about)
	g.text("Product", p.product)
	g.text("Company", p.company)
	g.text("OriginalFileName", p.original)
	g.text("CommandLine", `"`+p.image+`" `+p.line)
	g.text("CurrentDirectory", g.of(system32, `C:\Users\%u\`))
	g.text("User", g.account())
	g.text("LogonGuid", g.guid())
	g.text("LogonId", "0x"+g.hex(5))
	g.number("TerminalSessionId", g.IntN(3))
	g.text("IntegrityLevel", g.of("Low", "Medium", "Medium", "High", "System"))
	g.text("Hashes", "MD5="+strings.ToUpper(g.hex(32))+",SHA256="+strings.ToUpper(g.hex(64))+",IMPHASH="+strings.ToUpper(g.hex(32)))
	g.text("ParentProcessGuid", g.guid())
	g.number("ParentProcessId", 4*g.IntN(9000))
	g.text("ParentImage", p.parent)
	g.text("ParentCommandLine", p.parent+g.of("", " -session %d", " /background"))
	g.text("ParentUser", g.account())
}

func (g *generator) linux(image, arguments string) {
	g.source("linux", categories[1], 1, g.of("app%d", "db%d"))
	g.text("ProcessGuid", g.guid())
	g.number("ProcessId", 300+g.IntN(60_000))
	g.text("Image", image)
	g.text("CommandLine", image+" "+arguments)
	g.text("CurrentDirectory", g.of("/", "/srv", "/home/%u"))
	g.text("User", g.of("root", "www-data", "%u"))
	g.text("ParentImage", g.of("/usr/lib/systemd/systemd", "/usr/bin/bash", "/usr/sbin/cron"))
	g.text("ParentCommandLine", g.of("/sbin/init", "-bash", "/usr/sbin/cron -f -P"))
}
