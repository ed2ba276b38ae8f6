//go:build integration

package integration

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/fieldmap/winlog"
	"tocsin/internal/testkit/sigmagen"
)

// TestSigmaConvertedPackaged runs rules for Windows, under the shipped field map, and the queries that a converter made of
// them over events as Elastic's packages write them, on a node where all keywords fold case: what differs is where fields
// are, and what became of their values.
func TestSigmaConvertedPackaged(t *testing.T) {
	node := newNode(t)
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	index := node.Name("converted-packaged")
	var list []*converted
	for _, c := range conversions(t) {
		if c.base["winlog.channel"] == nil || slices.Contains(c.rule.Modifiers(), "re") || convertedDiffer[c.Path] == manyValues {
			continue
		}
		c.index, c.docs = index, c.packaged()
		list = append(list, c)
	}
	convertedIndex(t, node, index, list, map[string]bool{"source.ip": true, "destination.ip": true})
	found, reasons := 0, map[string]int{}
	for _, c := range list {
		own := func(ids []string) []string {
			return slices.DeleteFunc(ids, func(id string) bool { return !strings.HasPrefix(id, c.Path+"#") })
		}
		ours, theirs := own(c.ours(t, client, nil)), own(c.theirs(t, node))
		if len(ours) > 0 {
			found++
		}
		why := packagedDiffer[c.Path]
		switch differs := !slices.Equal(ours, theirs); {
		case differs && why == "":
			t.Errorf("%s differs: %.900s", c.Path, strings.Join(c.difference(ours, theirs), "\n"))
		case !differs && why != "":
			t.Errorf("%s is said to differ (%s), and does not", c.Path, why)
		case differs:
			reasons[why]++
		}
	}
	t.Logf("%d rules, %d of which find events; %d differ: %v", len(list), found, len(packagedDiffer), reasons)
	compatPage(t, reasons, fmt.Sprintf("%d rules for Windows", len(list)), fmt.Sprintf("%d rules find other events", len(packagedDiffer)))
	if found < len(list)*95/100 {
		t.Error("too few rules find events")
	}
}

// The reasons why rules and queries differ over events as packages write them.
const (
	// namedDirection: 'true' is looked for in network.direction, which has egress.
	namedDirection = "Initiated"
	// splitHashes: Hashes is removed, each hash stands in a field of its own.
	splitHashes = "Hashes"
	// unnamedData: data without names is param1, param2 and so on.
	unnamedData = "Data"
	// splitPayload: the data of PowerShell's events is split, and removed.
	splitPayload = "Payload"
	// nothingSaid: empty values and dashes are left out.
	nothingSaid = "empty or dash"
	// unsigned: Signed stays what it was.
	unsigned = "Signed"
	// anotherField: the query looks in another field.
	anotherField = "another field"
)

// packagedDiffer are the rules that differ, all of them.
var packagedDiffer = map[string]string{
	"rules-emerging-threats/2021/Exploits/CVE-2021-41379/win_vul_cve_2021_41379.yml":                             unnamedData,
	"rules-threat-hunting/windows/network_connection/net_connection_win_dfsvc_non_local_ip.yml":                  namedDirection,
	"rules-threat-hunting/windows/network_connection/net_connection_win_dllhost_non_local_ip.yml":                namedDirection,
	"rules-threat-hunting/windows/network_connection/net_connection_win_powershell_network_connection.yml":       namedDirection,
	"rules/windows/builtin/application/application_error/win_application_error_msmpeng_crash.yml":                unnamedData,
	"rules/windows/builtin/application/msiinstaller/win_msi_install_from_web.yml":                                unnamedData,
	"rules/windows/builtin/application/mssqlserver/win_mssql_add_sysadmin_account.yml":                           unnamedData,
	"rules/windows/builtin/application/mssqlserver/win_mssql_destructive_query.yml":                              unnamedData,
	"rules/windows/builtin/application/mssqlserver/win_mssql_disable_audit_settings.yml":                         unnamedData,
	"rules/windows/builtin/application/screenconnect/win_app_remote_access_tools_screenconnect_command_exec.yml": unnamedData,
	"rules/windows/builtin/security/account_management/win_security_successful_external_remote_smb_login.yml":    nothingSaid,
	"rules/windows/builtin/smbclient/security/win_smbclient_security_susp_failed_guest_logon.yml":                nothingSaid,
	"rules/windows/builtin/system/service_control_manager/win_system_service_install_pua_proceshacker.yml":       anotherField,
	"rules/windows/create_remote_thread/create_remote_thread_win_susp_password_dumper_lsass.yml":                 nothingSaid,
	"rules/windows/driver_load/driver_load_win_pua_system_informer.yml":                                          splitHashes,
	"rules/windows/driver_load/driver_load_win_windivert.yml":                                                    splitHashes,
	"rules/windows/image_load/image_load_side_load_vmguestlib.yml":                                               unsigned,
	"rules/windows/image_load/image_load_side_load_vmmap_dbghelp_signed.yml":                                     unsigned,
	"rules/windows/network_connection/net_connection_win_cmstp_initiated_connection.yml":                         namedDirection,
	"rules/windows/network_connection/net_connection_win_dialer_initiated_connection.yml":                        namedDirection,
	"rules/windows/network_connection/net_connection_win_finger.yml":                                             namedDirection,
	"rules/windows/network_connection/net_connection_win_regasm_network_activity.yml":                            namedDirection,
	"rules/windows/network_connection/net_connection_win_rundll32_net_connections.yml":                           namedDirection,
	"rules/windows/network_connection/net_connection_win_susp_malware_callback_ports_uncommon.yml":               namedDirection,
	"rules/windows/network_connection/net_connection_win_susp_outbound_smtp_connections.yml":                     namedDirection,
	"rules/windows/network_connection/net_connection_win_winlogon_net_connections.yml":                           namedDirection,
	"rules/windows/network_connection/net_connection_win_wordpad_uncommon_ports.yml":                             namedDirection,
	"rules/windows/network_connection/net_connection_win_wuauclt_network_connection.yml":                         anotherField,
	"rules/windows/powershell/powershell_classic/posh_pc_delete_volume_shadow_copies.yml":                        splitPayload,
	"rules/windows/powershell/powershell_classic/posh_pc_powercat.yml":                                           splitPayload,
	"rules/windows/powershell/powershell_classic/posh_pc_remote_powershell_session.yml":                          splitPayload,
	"rules/windows/powershell/powershell_module/posh_pm_active_directory_module_dll_import.yml":                  splitPayload,
	"rules/windows/powershell/powershell_module/posh_pm_bad_opsec_artifacts.yml":                                 splitPayload,
	"rules/windows/powershell/powershell_module/posh_pm_exploit_scripts.yml":                                     splitPayload,
	"rules/windows/powershell/powershell_module/posh_pm_get_addbaccount.yml":                                     splitPayload,
	"rules/windows/process_creation/proc_creation_win_cloudflared_quicktunnel_execution.yml":                     splitHashes,
}

// packaged are the events near a rule as packages write them. Fields of Windows have one value: the first of several, or
// all of them together.
func (c *converted) packaged() []object {
	var out []object
	for _, e := range c.events() {
		for _, join := range []func([]string) string{
			func(values []string) string { return values[0] },
			func(values []string) string { return strings.Join(values, " ") },
		} {
			if doc, _, err := winlog.Document(c.windowsEvent(e, join)); err == nil && addressed(doc) {
				out = append(out, doc)
			}
		}
	}
	return out
}

// windowsEvent is an event as its XML has it.
func (c *converted) windowsEvent(e sigmagen.Event, join func([]string) string) object {
	system := object{"Channel": c.base["winlog.channel"][0], "TimeCreated": object{"#attributes": object{"SystemTime": sigmaRowSlot.Add(-time.Minute).Format(time.RFC3339)}}}
	if codes := c.base["event.code"]; codes != nil {
		system["EventID"] = codes[0]
	}
	data := object{}
	for name, values := range e {
		switch name {
		case "EventID", "Channel", "Computer":
			system[name] = values[0]
		case "Provider_Name":
			system["Provider"] = object{"#attributes": object{"Name": values[0]}}
		default:
			data[name] = join(values)
		}
	}
	return object{"Event": object{"System": system, "EventData": data}}
}

// addressed reports whether addresses and ports of a document are some.
func addressed(doc object) bool {
	for _, side := range []string{"source", "destination"} {
		of, _ := doc[side].(object)
		if text, ok := of["ip"].(string); ok {
			if _, err := netip.ParseAddr(text); err != nil {
				return false
			}
		}
		if port, ok := of["port"].(string); ok {
			if _, err := strconv.Atoi(port); err != nil {
				return false
			}
		}
	}
	return true
}
