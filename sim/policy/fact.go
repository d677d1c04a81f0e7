package policy

import (
	"regexp"
	"slices"
	"strings"

	"demarc/sim/timeline"
)

// Fact is an event as rules see it: what is on the timeline, and what follows from
// that and from the edition. CEL knows its fields by the names in the tags.
type Fact struct {
	Seq     int64  `cel:"seq"`
	Actor   string `cel:"actor"`
	Verb    string `cel:"verb"`
	Subject string `cel:"subject"`
	Message string `cel:"message"`
	// Kind is the first word of the subject, Name the rest, and Node the node that
	// it is or is a part of.
	Kind string `cel:"kind"`
	Name string `cel:"name"`
	Node string `cel:"node"`
	// Component is what the subject belongs to by the edition, Owner whose that is
	// and Managed whether it is managed.
	Component string `cel:"component"`
	Owner     string `cel:"owner"`
	Managed   bool   `cel:"managed"`
	// Party is who answers for it: provider, customer or upstream.
	Party string `cel:"party"`
	// Act is what kind of act it is: see the function act.
	Act string `cel:"act"`
	// Bad says that it tells of something that does not work.
	Bad bool `cel:"bad"`
	// Shell says that somebody was logged in to a node, Harmful that something
	// broke by it, and Consented that support had a consent at that time.
	Shell     bool `cel:"shell"`
	Harmful   bool `cel:"harmful"`
	Consented bool `cel:"consented"`
	// Rule and Access are of a rule of a network security group.
	Rule   string `cel:"rule"`
	Access string `cel:"access"`
	// Tags are tags that were set, and Untags ones that were removed.
	Tags   []string `cel:"tags"`
	Untags []string `cel:"untags"`
	// From and To are the first and the new size of a VM that was resized.
	From string `cel:"from"`
	To   string `cel:"to"`
	// Restores says that a VM has its first size again, or its tags as they were.
	Restores bool `cel:"restores"`
	// Stage is alpha, beta or stable, of a feature gate.
	Stage string `cel:"stage"`
}

// What is the event in words: its message, or else its verb and subject.
func (f *Fact) What() string {
	if f.Message != "" {
		return f.Message
	}
	return strings.TrimSpace(f.Verb + " " + f.Subject)
}

// fact is what the edition makes of one event, without what other events add.
func (e *Edition) fact(x timeline.Event) *Fact {
	c, _ := e.Component(x.Subject)
	return newFact(x, c)
}

func newFact(x timeline.Event, c Component) *Fact {
	f := &Fact{
		Seq: x.Seq, Actor: string(x.Actor), Verb: x.Verb, Subject: x.Subject, Message: x.Message,
		Kind: kindOf(x.Subject), Node: nodeOf(x.Subject), Tags: []string{}, Untags: []string{},
	}
	_, f.Name, _ = strings.Cut(x.Subject, "/")
	f.Component, f.Owner, f.Managed = c.Name, c.Owner, c.Managed
	f.Party = party(x, c)
	f.Bad = x.Verb == isOut || x.Verb == "noticed" || slices.Contains(broken, x.Verb) || strings.HasPrefix(x.Verb, "failed") || strings.HasPrefix(x.Verb, "gave up")
	f.readMessage()
	f.Act = f.act()
	f.Shell = f.Verb == "ran" && f.Kind == "node"
	return f
}

// reports are verbs by which the provider tells what it sees, or mends it. By them
// it does nothing that could break anything.
var reports = []string{"noticed", "repaired", "restored", "restarting", "restarted", "does not repair", "gave up on", "withdrew repair of"}

// party is who answers for an event: whoever did it, and for what controllers and
// machines do whoever owns it. What is shared fails at the provider's cost, and the
// platform below is the provider's.
func party(x timeline.Event, c Component) string {
	if c.Owner == Upstream {
		return Upstream
	}
	means := x.Actor == timeline.Node || x.Actor == timeline.Kubernetes || x.Actor == timeline.Provider && slices.Contains(reports, x.Verb)
	if x.Actor == timeline.Customer || means && c.Owner == Customer {
		return Customer
	}
	return Provider
}

// What messages of the timeline look like.
var (
	nsgRule  = regexp.MustCompile(`^network security group rule (\S+): (\w+) (\w+) (\S+) (?:from \S+ )?to (\S+), ports (\S+)`)
	nsgGone  = regexp.MustCompile(`^network security group rule (\S+) is deleted`)
	vmSize   = regexp.MustCompile(`as an IaaS resource from (\S+) to (\S+)`)
	vmTags   = regexp.MustCompile(`as an IaaS resource: map\[(.*)\]$`)
	stage    = regexp.MustCompile(`(?i)\b(alpha|beta|stable|GA)\b`)
	rebooted = regexp.MustCompile(`(^|[;&|]|sudo|systemctl|ran:)\s*(reboot|shutdown\s+-r\b|init 6)`)
	shutdown = regexp.MustCompile(`(^|[;&|]|sudo|systemctl|ran:)\s*(poweroff\b|halt\b|shutdown\b|init 0)`)
	packages = regexp.MustCompile(`\b(apt|apt-get|dpkg|snap|tdnf|dnf|yum|rpm)\b.*\b(install|remove|purge|upgrade|dist-upgrade|full-upgrade|autoremove|erase|downgrade)\b|\bdpkg\s+(-\w+\s+)*(-i|-r|-P)\b`)
)

// readMessage takes out of the message what the timeline says nowhere else. To
// match takes long, and most messages are of pods.
func (f *Fact) readMessage() {
	if m := stage.FindStringSubmatch(f.Message); f.Kind == "featuregate" && m != nil {
		f.Stage = strings.ToLower(m[1])
	}
	if f.Kind != "nsg" && f.Kind != "node" {
		return
	}
	if m := nsgRule.FindStringSubmatch(f.Message); m != nil {
		f.Rule, f.Access = m[1], strings.ToLower(m[2])
	}
	if m := nsgGone.FindStringSubmatch(f.Message); m != nil {
		f.Rule = m[1]
	}
	if m := vmSize.FindStringSubmatch(f.Message); m != nil {
		f.From, f.To = m[1], m[2]
	}
	for _, tag := range tagsOf(f.Message) {
		if tag.value == "" {
			f.Untags = append(f.Untags, tag.name)
		} else {
			f.Tags = append(f.Tags, tag.name)
		}
	}
}

// tag is a tag of a VM; without a value it was removed.
type tag struct{ name, value string }

// tagsOf are the tags that a message says were changed.
func tagsOf(message string) (list []tag) {
	m := vmTags.FindStringSubmatch(message)
	if m == nil {
		return nil
	}
	for _, word := range strings.Fields(m[1]) {
		name, value, _ := strings.Cut(word, ":")
		list = append(list, tag{name, value})
	}
	return list
}

func (t tag) system() bool { return strings.HasPrefix(strings.ToLower(t.name), systemTag) }

// act is the kind of an act: iaas, tag or system-tag (of a cloud resource), nsg or
// nsg-egress (a rule that blocks outbound port 443), shell, package or reboot (on a
// node), power, network, boot or fault (of something), kube (on a node, by the API
// server), escalation, consent, refused, preview, gate, patch, needs-reboot,
// upgrade, or else its verb.
func (f *Fact) act() string {
	switch {
	case f.Verb == "tagged":
		return f.tagAct()
	case strings.Contains(f.Message, "as an IaaS resource"):
		return "iaas"
	case f.Kind == "nsg":
		return f.nsgAct()
	case f.Kind == "patch":
		return "patch"
	case f.Verb == "was refused":
		return "refused"
	case f.Verb == "ran" && f.Kind == "node":
		return f.shellAct()
	case f.Kind == "feature":
		return "preview"
	case f.Kind == "featuregate":
		return "gate"
	}
	if act, ok := acts[f.Verb]; ok {
		return act
	}
	return f.Verb
}

// acts are the acts that a verb alone tells.
var acts = map[string]string{
	"escalated": "escalation", "granted consent": "consent", "revoked consent": "consent", "used consent": "consent", "consent expired": "consent",
	"powered-off": "power", "powered-on": "power", "repowered": "power", "cut": "network", "failed to boot": "boot",
	"crashed": "fault", "stopped": "fault", "hung": "fault", "slowed": "fault", "partitioned": "fault", "flapping": "fault", "wiped": "fault",
	"corrupted": "fault", "filled": "fault", "failed": "fault", "killed": "fault", "removed": "fault",
	"patched": "patch", "needs reboot": "needs-reboot", "upgraded": "upgrade", "upgrading": "upgrade", "started upgrade of": "upgrade",
	"cordoned": "kube", "uncordoned": "kube", "drained": "kube", "labelled": "kube", "annotated": "kube",
}

// systemTag begins the names of tags that AKS itself sets.
const systemTag = "aks-managed-"

func (f *Fact) tagAct() string {
	if slices.ContainsFunc(tagsOf(f.Message), tag.system) {
		return "system-tag"
	}
	return "tag"
}

func (f *Fact) shellAct() string {
	switch {
	case packages.MatchString(f.Message):
		return "package"
	case rebooted.MatchString(f.Message):
		return "reboot"
	case shutdown.MatchString(f.Message):
		return "power"
	}
	return "shell"
}

// required are destinations in which there is something that AKS needs.
var required = regexp.MustCompile(`^(\*|Internet|AzureCloud.*|MicrosoftContainerRegistry.*|0\.0\.0\.0/0)$`)

func (f *Fact) nsgAct() string {
	m := nsgRule.FindStringSubmatch(f.Message)
	if m == nil || !strings.EqualFold(m[2], "Deny") || !strings.EqualFold(m[3], "Outbound") || strings.EqualFold(m[4], "Udp") {
		return "nsg"
	}
	if required.MatchString(m[5]) && slices.ContainsFunc(strings.Split(m[6], ","), covers443) {
		return "nsg-egress"
	}
	return "nsg"
}
