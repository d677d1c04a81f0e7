package nodes

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"demarc/nodes/host"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// patchSpread is by how much the nodes' runs of unattended-upgrades differ at the
// most (Ubuntu 22.04, apt-daily-upgrade.timer: RandomizedDelaySec=60m).
const patchSpread = time.Hour

// patches is what the fleet knows of the archives.
type patches struct {
	archive host.Archive
	stocked int // days of the calendar whose patches are published
}

// patching is how a machine gets patches.
func (m *machine) patching() *host.Patching {
	h := fnv.New32a()
	fmt.Fprint(h, m.f.cfg.Seed, m.name) // never fails
	delay := time.Duration(h.Sum32()) * time.Second % patchSpread
	return &host.Patching{Archive: &m.f.patches.archive, Delay: delay.Truncate(time.Minute), Reach: m.f.subnet.webBlocked}
}

// patched puts a run of unattended-upgrades on the timeline, and lets it have its
// effects. Cause is the event that it was begun for; 0 for the night.
func (m *machine) patched(now time.Time, u host.Upgrade, cause int64) {
	if len(u.Installed) > 0 {
		m.installed(now, u, cause)
	}
	if u.Failed == "" {
		return
	}
	from := cause
	switch {
	case strings.Contains(u.Failed, "network security group rule"):
		from = m.f.subnet.root.Seq
	case m.edited.Seq != 0:
		from = m.edited.Seq
	}
	m.f.log.Append(timeline.Event{
		Time: now, Actor: timeline.Node, Verb: "failed to patch", Subject: "node/" + m.name, Cause: from, Message: "unattended-upgrades: " + u.Failed,
	})
}

// installed is the part of patched about what was installed. What breaks by a patch
// comes from whoever published it; whatever happens later does not.
func (m *machine) installed(now time.Time, u host.Upgrade, cause int64) {
	var words []string
	for _, p := range u.Installed {
		words = append(words, p.Package+" "+p.Version)
		if cause == 0 || p.Breaks != "" {
			cause = p.Event
		}
	}
	before, troubles := m.root, len(m.troubles)
	e := m.actsOn(now, timeline.Provider, "patched", "node/"+m.name, "unattended-upgrades installed "+strings.Join(words, ", "), cause)
	m.follow(now)
	if len(m.troubles) == troubles && m.root.Seq == e.Seq {
		m.root = before
	}
}

// noteReboot says once that the machine waits for a reboot.
func (m *machine) noteReboot(now time.Time) {
	waits := m.os.RebootRequired()
	if waits && !m.waits {
		pkgs, _ := m.os.Read("/var/run/reboot-required.pkgs") // without it there is nothing to name
		m.f.log.Append(timeline.Event{
			Time: now, Actor: timeline.Node, Verb: "needs reboot", Subject: "node/" + m.name, Cause: m.root.Seq,
			Message: "a reboot makes effective: " + strings.Join(strings.Fields(string(pkgs)), ", "),
		})
	}
	m.waits = waits
}

// Patches are the patches of the archives, oldest first.
func (f *Fleet) Patches() []api.Patch {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stock(time.Now())
	out := []api.Patch{}
	for _, p := range f.patches.archive.Patches() {
		out = append(out, f.describePatch(p))
	}
	return out
}

func (f *Fleet) describePatch(p host.Patch) api.Patch {
	out := api.Patch{
		Package: p.Package, Version: p.Version, Reboot: p.Reboot, Breaks: strings.TrimSuffix(p.Breaks, ".service"), Published: p.Published.UTC(),
		Withdrawn: p.Withdrawn, Event: p.Event, Nodes: []string{}, Waiting: []string{},
	}
	for _, m := range f.machines() {
		switch {
		case m.stopped == deleted:
		case m.os.Exposed(p.Package, p.Version):
			out.Waiting = append(out.Waiting, m.name)
		default:
			out.Nodes = append(out.Nodes, m.name)
		}
	}
	return out
}

// PublishPatch puts a patch into the archives. Cause is the event that it is for;
// 0 for none.
func (f *Fleet) PublishPatch(r api.PatchRequest, cause int64) (api.Patch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.stock(now)
	if r.Version == "" {
		r.Version = f.patches.archive.NextVersion(f.newestImage(), r.Package)
	}
	p := host.Patch{Package: r.Package, Version: r.Version, Reboot: r.Reboot}
	switch r.Breaks {
	case "":
	case "kubelet":
		p.Breaks = host.Kubelet
	case "containerd":
		p.Breaks = host.Containerd
	case host.BreaksBoot:
		p.Breaks = host.BreaksBoot
	default:
		return api.Patch{}, fmt.Errorf("a patch cannot break %q: want %s", r.Breaks, strings.Join(api.PatchBreaks, ", "))
	}
	p, err := f.publish(now, p, cause)
	if err != nil {
		return api.Patch{}, err
	}
	return f.describePatch(p), nil
}

// publish enters a patch and puts it on the timeline.
func (f *Fleet) publish(now time.Time, p host.Patch, cause int64) (host.Patch, error) {
	p.Published = now
	if err := f.patches.archive.Publish(f.newestImage(), p); err != nil {
		return p, err
	}
	message := fmt.Sprintf("%s %s is in the archives", p.Package, p.Version)
	if p.Reboot {
		message += "; it needs a reboot"
	}
	e := f.log.Append(timeline.Event{Time: now, Actor: timeline.Provider, Verb: "published", Subject: "patch/" + p.Package, Cause: cause, Message: message})
	return f.patches.archive.Note(p.Package, p.Version, e.Seq), nil
}

// WithdrawPatch keeps a patch from machines that do not have it yet.
func (f *Fleet) WithdrawPatch(pkg, version string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.patches.archive.Withdraw(pkg, version)
	if err != nil {
		return err
	}
	f.log.Append(timeline.Event{
		Actor: timeline.Provider, Verb: "withdrawn", Subject: "patch/" + pkg, Cause: p.Event, Message: pkg + " " + version + " is taken back; nodes that have it keep it",
	})
	return nil
}

// PatchNow lets every machine that runs install one package's patch at once, without
// waiting for the night. left are those that did not get it, with the reason.
func (f *Fleet) PatchNow(pkg string, cause int64) (left map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	left = map[string]string{}
	for _, m := range f.machines() {
		switch {
		case m.stopped == deleted:
			continue
		case !m.Up() || m.cut:
			left[m.name] = m.ill()
			continue
		}
		u := m.os.Unattended(now, pkg)
		switch {
		case u.Failed != "":
			left[m.name] = u.Failed
		case len(u.Held) > 0:
			left[m.name] = "the customer holds the package"
		}
		m.patched(now, u, cause)
		f.timers.Wake(m)
	}
	return left
}

// NextVersion is the version of a package that would be published next; empty if
// the nodes do not have the package.
func (f *Fleet) NextVersion(pkg string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stock(time.Now())
	return f.patches.archive.NextVersion(f.newestImage(), pkg)
}

// Exposed are the nodes that run a version of a package that is older than the one
// given, by index. Those whose image is at least image are not.
func (f *Fleet) Exposed(pkg, version, image string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := []string{}
	for _, m := range f.machines() {
		newer := image != "" && m.os.Image().Version >= image
		if m.stopped != deleted && !newer && m.os.Exposed(pkg, version) {
			names = append(names, m.name)
		}
	}
	return names
}

// newestImage is the newest node image. What is published is newer than what it has.
// The lock is held.
func (f *Fleet) newestImage() *host.Image { return f.imageOf("", f.cfg.KubeletVersion) }

// NextImage is the node image that nodes with the oldest one would get: the newest, or,
// if all have that, the one of the week after. AKS brings one every week (Microsoft,
// "Upgrade Azure Kubernetes Service (AKS) node images").
func (f *Fleet) NextImage() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	newest := f.newestImage()
	for _, m := range f.machines() {
		if m.stopped != deleted && m.os.Image().Version < newest.Version {
			return newest.Version
		}
	}
	return newest.Next()
}
