package eventgen

// The values that events are made from, frequent values first.
var (
	users = []string{"alice", "bob", "carol", "SYSTEM", "root", "dave", "erin", "svc-backup", "www-data", "frank", "Administrator", "grace"}

	windowsPrograms = []string{
		"svchost.exe", "chrome.exe", "explorer.exe", "msedge.exe", "Teams.exe", "OUTLOOK.EXE", "conhost.exe", "RuntimeBroker.exe", "SearchIndexer.exe", "WINWORD.EXE", "MsMpEng.exe", "cmd.exe",
		"powershell.exe", "EXCEL.EXE", "taskhostw.exe", "services.exe", "lsass.exe", "rundll32.exe", "msiexec.exe", "wmiprvse.exe", "schtasks.exe", "net.exe", "reg.exe", "regsvr32.exe", "mshta.exe",
		"python.exe", "java.exe", "node.exe", "git.exe", "code.exe", "certutil.exe", "bitsadmin.exe", "whoami.exe", "nltest.exe", "wscript.exe", "cscript.exe", "sc.exe", "vssadmin.exe", "wevtutil.exe", "PsExec64.exe",
	}
	linuxPrograms = []string{
		"bash", "sh", "systemd", "cron", "python3", "sshd", "grep", "sed", "cat", "ls", "nginx", "postgres", "java", "node", "dockerd", "containerd-shim", "runc", "curl", "wget", "find", "awk", "ps", "id",
		"sudo", "chmod", "tar", "git", "perl", "nc", "crontab", "openssl", "useradd", "base64", "iptables",
	}
	windowsFolders = []string{
		`C:\Windows\System32`, `C:\Program Files\Google\Chrome\Application`, `C:\Program Files (x86)\Microsoft\Edge\Application`, `C:\Windows`, `C:\Users\alice\AppData\Local\Temp`,
		`C:\Users\bob\AppData\Roaming\Microsoft`, `C:\ProgramData\Microsoft\Windows Defender\Platform\4.18`, `C:\Windows\SysWOW64`, `C:\Program Files\Microsoft Office\root\Office16`, `C:\Users\carol\Downloads`,
		`C:\Windows\System32\WindowsPowerShell\v1.0`, `C:\Users\Public`, `C:\Windows\Temp`, `C:\Tools`,
	}
	linuxFolders = []string{"/usr/bin", "/bin", "/usr/sbin", "/usr/lib/systemd", "/opt/app/bin", "/var/log", "/etc", "/tmp", "/home/bob/.cache", "/usr/local/bin", "/var/lib/docker", "/dev/shm", "/root"}
	arguments    = []string{
		"-k", "--type=renderer", "--enable-features=NetworkService", "-c", "-p", "/c", "-l", "--config=/etc/app/app.yaml", "-NoProfile", "netsvcs", "--lang=en-US", "-ExecutionPolicy", "Bypass", "/s", "/q", "-Embedding",
		"https://updates.example.com/v1/packages", "-enc", "SQBFAFgA", "C:\\Users\\alice\\Documents\\report.docx", "/var/log/syslog", "--color=auto", "-rf", "add", "query", "user", "group", "/domain", "-o", "ControlPath=none", "stop", "delete",
		"shadows", "create", "127.0.0.1", "4444", "/etc/passwd", "-urlcache", "-split", "lsass", "comsvcs.dll,MiniDump", "--no-sandbox", "x:/y",
	}
	extensions   = []string{"tmp", "log", "dll", "exe", "json", "txt", "docx", "pf", "ps1", "lnk", "conf", "so", "py", "sh", "zip", "dat", "js", "xml", "service", "vbs"}
	words        = []string{"cache", "update", "report", "index", "session", "config", "data", "setup", "backup", "module", "driver", "profile", "history", "policy", "runtime", "shell", "agent", "worker"}
	signers      = []string{"Microsoft Windows", "Microsoft Corporation", "Google LLC", "Microsoft Windows Publisher", "Mozilla Corporation", "Example Software Ltd", "Adobe Inc."}
	registryKeys = []string{
		`SYSTEM\ControlSet001\Services\bam\State\UserSettings`, `SOFTWARE\Microsoft\Windows\CurrentVersion\Explorer\FeatureUsage`, `SOFTWARE\Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\Tasks`,
		`SOFTWARE\Microsoft\Windows\CurrentVersion\Run`, `SYSTEM\ControlSet001\Services\Tcpip\Parameters`, `SOFTWARE\Policies\Microsoft\Windows Defender`, `SYSTEM\ControlSet001\Control\Lsa`, `SOFTWARE\Classes\CLSID`,
	}
	cmdlets      = []string{"Get-Item", "Write-Output", "Set-Location", "Get-ChildItem", "Import-Module", "Where-Object", "ForEach-Object", "Invoke-WebRequest", "New-Object", "Start-Process", "ConvertTo-Json", "Get-WmiObject"}
	cloudActions = []string{
		"DescribeInstances", "GetObject", "AssumeRole", "ListBuckets", "PutObject", "GetCallerIdentity", "DescribeSecurityGroups", "Decrypt", "CreateUser", "AttachUserPolicy", "RunInstances", "DeleteTrail", "ConsoleLogin",
		"CreateAccessKey", "PutBucketPolicy", "StopLogging", "ModifySnapshotAttribute", "AuthorizeSecurityGroupIngress",
	}
)
