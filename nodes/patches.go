package nodes

import (
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"time"

	"demarc/nodes/host"
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// patchSpread is by how much the nodes' runs of unattended-upgrades differ at the
// most (Ubuntu 22.04, apt-daily-upgrade.timer: RandomizedDelaySec=60m).
const patchSpread = time.Hour

// archives is where the machines get patches and node images from.
type archives struct {
	mu     *sync.Mutex // the fleet's
	roster *roster
	log    *timeline.Log

	seed    uint64
	created time.Time // of the cluster; zero if there is nothing new by itself
	kubelet string    // of the first nodes

	manual bool // nobody installs patches at night

	images  map[[2]string]*host.Image // by their version and the kubelet's
	archive host.Archive
	stocked int // days of the calendar whose patches are published
}

// patching is how a machine gets patches.
func (m *machine) patching() *host.Patching {
	h := fnv.New32a()
	fmt.Fprint(h, m.f.cfg.Seed, m.Name) // never fails
	delay := time.Duration(h.Sum32()) * time.Second % patchSpread
	return &host.Patching{
		Archive: &m.f.archive, Delay: delay.Truncate(time.Minute), Reach: m.f.subnet.webBlocked, Manual: func() bool { return m.f.manual },
	}
}

// SetNightly says whether unattended-upgrades run on the machines every night.
func (f *archives) SetNightly(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.manual == on {
		f.manual = !on
		for _, m := range f.roster.machines() {
			m.f.timers.Wake(m)
		}
	}
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
	case m.Edited.Seq != 0:
		from = m.Edited.Seq
	}
	m.Tell(now, "failed to patch", "node/"+m.Name, "unattended-upgrades: "+u.Failed, from)
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
	before, troubles := m.Root, len(m.Troubles)
	e := m.ActsOn(now, timeline.Provider, "patched", "node/"+m.Name, "unattended-upgrades installed "+strings.Join(words, ", "), cause)
	m.follow(now)
	if len(m.Troubles) == troubles && m.Root.Seq == e.Seq {
		m.Root = before
	}
}

// noteReboot says once that the machine waits for a reboot.
func (m *machine) noteReboot(now time.Time) {
	waits := m.OS.RebootRequired()
	if waits && !m.waits {
		pkgs, _ := m.OS.Read("/var/run/reboot-required.pkgs") // without it there is nothing to name
		m.Tell(now, "needs reboot", "node/"+m.Name, "a reboot makes effective: "+strings.Join(strings.Fields(string(pkgs)), ", "), m.Root.Seq)
	}
	m.waits = waits
}

// Patches are the patches of the archives, oldest first.
func (f *archives) Patches() []api.Patch {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stock(time.Now())
	out := []api.Patch{}
	for _, p := range f.archive.Patches() {
		out = append(out, f.describePatch(p))
	}
	return out
}

func (f *archives) describePatch(p host.Patch) api.Patch {
	out := api.Patch{
		Package: p.Package, Version: p.Version, Reboot: p.Reboot, Breaks: strings.TrimSuffix(p.Breaks, ".service"), Published: p.Published.UTC(),
		Withdrawn: p.Withdrawn, Event: p.Event, Nodes: []string{}, Waiting: []string{},
	}
	for _, m := range f.roster.machines() {
		switch {
		case m.deleted():
		case m.OS.Exposed(p.Package, p.Version):
			out.Waiting = append(out.Waiting, m.Name)
		default:
			out.Nodes = append(out.Nodes, m.Name)
		}
	}
	return out
}

// PublishPatch puts a patch into the archives. Cause is the event that it is for;
// 0 for none.
func (f *archives) PublishPatch(r api.PatchRequest, cause int64) (api.Patch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.stock(now)
	if r.Version == "" {
		r.Version = f.archive.NextVersion(f.newestImage(), r.Package)
	}
	breaks, known := map[string]string{"": "", "kubelet": host.Kubelet, "containerd": host.Containerd, host.BreaksBoot: host.BreaksBoot}[r.Breaks]
	if !known {
		return api.Patch{}, fmt.Errorf("a patch cannot break %q: want %s", r.Breaks, strings.Join(api.PatchBreaks, ", "))
	}
	p, err := f.publish(now, host.Patch{Package: r.Package, Version: r.Version, Reboot: r.Reboot, Breaks: breaks}, cause)
	if err != nil {
		return api.Patch{}, err
	}
	return f.describePatch(p), nil
}

// publish enters a patch and puts it on the timeline.
func (f *archives) publish(now time.Time, p host.Patch, cause int64) (host.Patch, error) {
	p.Published = now
	if err := f.archive.Publish(f.newestImage(), p); err != nil {
		return p, err
	}
	message := fmt.Sprintf("%s %s is in the archives", p.Package, p.Version)
	if p.Reboot {
		message += "; it needs a reboot"
	}
	e := f.log.Append(timeline.Event{Time: now, Actor: timeline.Provider, Verb: "published", Subject: "patch/" + p.Package, Cause: cause, Message: message})
	return f.archive.Note(p.Package, p.Version, e.Seq), nil
}

// WithdrawPatch keeps a patch from machines that do not have it yet.
func (f *archives) WithdrawPatch(pkg, version string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.archive.Withdraw(pkg, version)
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
func (f *archives) PatchNow(pkg string, cause int64) (left map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	left = map[string]string{}
	for _, m := range f.roster.machines() {
		switch {
		case m.deleted():
			continue
		case !m.Up() || m.Cut:
			left[m.Name] = m.Ill()
			continue
		}
		u := m.OS.Unattended(now, pkg)
		switch {
		case u.Failed != "":
			left[m.Name] = u.Failed
		case len(u.Held) > 0:
			left[m.Name] = "the customer holds the package"
		}
		m.patched(now, u, cause)
		m.f.timers.Wake(m)
	}
	return left
}

// NextVersion is the version of a package that would be published next; empty if
// the nodes do not have the package.
func (f *archives) NextVersion(pkg string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stock(time.Now())
	return f.archive.NextVersion(f.newestImage(), pkg)
}

// Exposed are the nodes that run a version of a package that is older than the one
// given, by index. Those whose image is at least image are not.
func (f *archives) Exposed(pkg, version, image string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := []string{}
	for _, m := range f.roster.machines() {
		newer := image != "" && m.OS.Image().Version >= image
		if !m.deleted() && !newer && m.OS.Exposed(pkg, version) {
			names = append(names, m.Name)
		}
	}
	return names
}

// newestImage is the newest node image. What is published is newer than what it has.
// The lock is held.
func (f *archives) newestImage() *host.Image { return f.imageOf("", f.kubelet) }

// NextImage is the node image that nodes with the oldest one would get: the newest, or,
// if all have that, the one of the week after. AKS brings one every week (Microsoft,
// "Upgrade Azure Kubernetes Service (AKS) node images").
func (f *archives) NextImage() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	newest := f.newestImage()
	for _, m := range f.roster.machines() {
		if !m.deleted() && m.OS.Image().Version < newest.Version {
			return newest.Version
		}
	}
	return newest.Next()
}
