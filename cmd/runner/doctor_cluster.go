package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
	"tocsin/internal/query"
)

// cluster connects to Elasticsearch and checks it.
func (d *doctor) cluster(ctx context.Context, plans []query.Plan) *backend {
	if !d.addresses(ctx) {
		return nil
	}
	b, err := d.openElastic(ctx)
	if err != nil {
		d.unreachable(err)
		return nil
	}
	client, err := d.client()
	if err != nil {
		d.unreachable(err)
		return b
	}
	defer func() { _ = client.Close(ctx) }()
	d.identity(ctx, client)
	d.health(ctx, client)
	d.clocks(ctx, b)
	d.disks(ctx, client)
	if len(plans) == 0 {
		return b
	}
	use := d.global.useOf(plans)
	places, err := d.placesOf(client, use)
	if err != nil {
		d.add("configuration", statusFail, "", err.Error(), "check --namespace")
		return b
	}
	use.Installs = d.installed(ctx, &places) || d.cmd.First
	d.misfits(ctx, places)
	d.blocks(ctx, client)
	d.privileges(ctx, client, use)
	return b
}

// addresses calls each address by itself, and reports whether one of them answers.
func (d *doctor) addresses(ctx context.Context) bool {
	all, answered := d.global.Elasticsearch, false
	defer func() { d.global.Elasticsearch = all }()
	var first error
	for _, one := range all {
		d.global.Elasticsearch = []string{one}
		client, err := d.client()
		if err != nil { // the same for every address
			d.add("connection", statusFail, "", oneLine(err.Error()), "")
			d.unreached = err
			return false
		}
		info, err := client.Ping(ctx)
		_ = client.Close(ctx)
		if err != nil {
			said := d.notConnected(ctx, err)
			text, advice := said.Error(), ""
			if e, ok := errors.AsType[*failure.Error](said); ok {
				text, advice = plainly(e).Error(), d.advice(ctx, e)
			}
			d.add("connection", statusFail, client.String(), oneLine(text), advice)
			if first == nil {
				first = said
			}
			continue
		}
		d.add("connection", statusOK, client.String(), "it answers", "")
		if !answered {
			d.version(info)
		}
		answered = true
	}
	if !answered {
		d.unreached = first
	}
	return answered
}

// The versions that are supported, as docs/install.md says.
const (
	leastMajor, leastMinor = 8, 16
	mostMajor              = 8
)

var versionNumber = regexp.MustCompile(`^(\d+)\.(\d+)`)

// version checks the version of the cluster.
func (d *doctor) version(info elastic.Info) {
	m := versionNumber.FindStringSubmatch(info.Version)
	if m == nil {
		d.add("version", statusWarn, info.Name, fmt.Sprintf("the version %q is not known", info.Version), "")
		return
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	text := "Elasticsearch " + info.Version
	supported := fmt.Sprintf("%d.%d and later %d.x are supported", leastMajor, leastMinor, mostMajor)
	switch {
	case major < leastMajor || major == leastMajor && minor < leastMinor:
		d.add("version", statusFail, info.Name, text+" is too old", supported)
	case major > mostMajor:
		d.add("version", statusWarn, info.Name, text+" has not been tried with this release", supported)
	default:
		d.add("version", statusOK, info.Name, text, "")
	}
}

// soonExpires is the time before the end of an API key from which it is a warning.
const soonExpires = 14 * 24 * time.Hour

// identity checks the credentials.
func (d *doctor) identity(ctx context.Context, client *elastic.Client) {
	who, guarded, err := client.Identify(ctx)
	switch {
	case err != nil:
		d.unknown("credentials", "", err)
		return
	case !guarded:
		d.add("credentials", statusWarn, "", "the cluster has no security: anyone can read events and change alerts", "turn its security on")
		return
	}
	text := "user " + who.User
	if who.Key != "" {
		text = "API key " + who.Key + " of user " + who.User
	}
	left := time.Until(who.Expires)
	switch {
	case who.Expires.IsZero():
		d.add("credentials", statusOK, "", text, "")
	case left < soonExpires:
		d.add("credentials", statusWarn, "", fmt.Sprintf("%s expires %s", text, who.Expires.Format(time.RFC3339)), "make another one with runner setup apikey, and replace the file: a running service reads it again")
	default:
		d.add("credentials", statusOK, "", fmt.Sprintf("%s, which expires %s", text, who.Expires.Format(time.RFC3339)), "")
	}
}

// health checks the state of the cluster.
func (d *doctor) health(ctx context.Context, client *elastic.Client) {
	colour, busy, err := client.Health(ctx)
	switch {
	case err != nil:
		d.unknown("health", "", err)
	case colour == "red":
		d.add("health", statusFail, "", "the cluster is red: a primary shard is missing", "GET _cluster/allocation/explain says why")
	case busy != "":
		d.add("health", statusWarn, "", busy, "catch-up and backfill wait for that")
	default:
		d.add("health", statusOK, "", "the cluster is "+colour, "")
	}
}

// The differences of the clocks that are a warning, and a failure.
const (
	skewed    = time.Second
	tooSkewed = 5 * time.Minute
)

// clocks compares the clocks of machine and cluster.
func (d *doctor) clocks(ctx context.Context, b *backend) {
	if err := d.clock.Compare(ctx, b.serverTime); err != nil {
		d.unknown("clock", "", err)
		return
	}
	ahead := d.clock.Ahead()
	text := "this machine's clock agrees with the cluster's"
	if ahead.Abs() <= skewed {
		d.add("clock", statusOK, "", text, "")
		return
	}
	side, s := "behind", statusWarn
	if ahead < 0 {
		side = "ahead of"
	}
	if ahead.Abs() > tooSkewed {
		s = statusFail
	}
	d.add("clock", s, "", fmt.Sprintf("this machine's clock is %s %s the cluster's", ahead.Abs().Round(time.Second), side), "set both with NTP: slots wait until both clocks have passed them")
}

// The shares of a disk from which Elasticsearch keeps new shards off a node, and makes indices read-only, by default; a
// large disk with much room left is not full.
const (
	fullDisk    = 0.85
	blockedDisk = 0.95
	muchRoom    = 100 << 30
)

// disks checks the room on the nodes.
func (d *doctor) disks(ctx context.Context, client *elastic.Client) {
	disks, err := client.Disks(ctx)
	if err != nil {
		d.unknown("disk", "", err)
		return
	}
	watched, err := client.DiskWatched(ctx)
	if err != nil {
		d.unknown("disk", "thresholds", err)
	}
	const advice = "make room on the node, or add one: beyond the flood stage of 95 % (by default) indices become read-only"
	tight := 0
	for _, disk := range disks {
		used := disk.Used()
		text := fmt.Sprintf("%.0f %% of the disk is used", 100*used)
		switch {
		case disk.Free > muchRoom:
			continue
		case used >= blockedDisk && watched:
			d.add("disk", statusFail, disk.Node, text, advice)
		case used >= fullDisk:
			d.add("disk", statusWarn, disk.Node, text, advice)
		default:
			continue
		}
		tight++
	}
	if tight == 0 && len(disks) > 0 {
		d.add("disk", statusOK, "", "there is room on "+count(len(disks), "node"), "")
	}
}

// blocks checks what does not let the runner write or read.
func (d *doctor) blocks(ctx context.Context, client *elastic.Client) {
	blocks, err := client.Blocks(ctx)
	if err != nil {
		d.unknown("blocks", "", err)
		return
	}
	bad := false
	for _, b := range blocks {
		ours := slices.ContainsFunc(elastic.Prefixes(d.global.Namespace), func(p string) bool { return b.Index == p || strings.HasPrefix(b.Index, p+"-") })
		switch advice := "remove the block: PUT " + b.Index + "/_settings {\"index.blocks.read_only_allow_delete\": null, \"index.blocks.write\": null, \"index.blocks.read_only\": null}"; {
		case b.Index == "":
			d.add("blocks", statusFail, "cluster", b.Why, "PUT _cluster/settings {\"persistent\": {\"cluster.blocks.read_only\": null, \"cluster.blocks.read_only_allow_delete\": null}}")
		case ours && strings.Contains(b.Why, "flood-stage") || ours && strings.Contains(b.Why, "read-only / allow delete"):
			d.add("blocks", statusFail, b.Index, b.Why, "make room on the node; the cluster removes the block then, or: "+strings.TrimPrefix(advice, "remove the block: "))
		case ours && (b.Writes || b.Reads):
			d.add("blocks", statusFail, b.Index, b.Why, advice)
		default:
			continue
		}
		bad = true
	}
	if !bad {
		d.add("blocks", statusOK, "", "nothing keeps the runner from writing", "")
	}
}

// privileges checks what the user may do of what the service does.
func (d *doctor) privileges(ctx context.Context, client *elastic.Client, use elastic.Use) {
	role, err := client.Behind(ctx, use.Role())
	if err != nil {
		d.unknown("privileges", "", err)
		return
	}
	lacks, guarded, err := client.Lacking(ctx, role)
	switch {
	case err != nil:
		d.unknown("privileges", "", err)
		return
	case !guarded:
		return
	case len(lacks) == 0:
		d.add("privileges", statusOK, "", "nothing is missing"+map[bool]string{true: " for a run that makes templates and indices"}[use.Installs], "")
	}
	flag := ""
	if use.Installs {
		flag = " --first"
	}
	for _, l := range lacks {
		advice := "grant it: runner setup role" + flag + " prints the role"
		if use.Installs && (l.Privilege == "manage" || l.Privilege == "manage_index_templates" || l.Privilege == "create_index") {
			advice = "grant it for the first run (runner setup role --first), or let an administrator run: runner setup templates --apply"
		}
		s := statusFail
		if l.Privilege == "view_index_metadata" && slices.ContainsFunc(role.Indices[:1], func(g elastic.Grant) bool { return slices.Contains(g.Names, l.Index) }) {
			s = statusWarn // of events: rules run, each with a search of its own
		}
		d.add("privileges", s, l.String(), "it is missing", advice)
	}
}
