package kubelet

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"demarc/nodes/image"
	"demarc/nodes/timers"
	"demarc/sim/annotation"

	corev1 "k8s.io/api/core/v1"
)

// pullTime is how long the first pull of an image on a node takes: a common
// image from a registry of the same region.
const pullTime = 2 * time.Second

// missingImage is what an image's name contains if no registry has it.
const missingImage = "does-not-exist"

// pull is the dealings with a registry for the image of a container or a volume.
type pull struct {
	image  string
	policy corev1.PullPolicy
	field  string // of the pod that events point to; empty for the pod itself

	began   time.Time // of the pull under way
	until   time.Time
	failed  time.Time // of the last failure
	err     string    // of the last failure
	told    bool      // ImagePullBackOff was told
	backoff backoff
	ready   bool // for the start under way
	// reason and why are what is said of it while the image is not to be had.
	reason, why string
}

// of says what is pulled. Another image than before is pulled anew.
func (l *pull) of(image string, policy corev1.PullPolicy, field string) {
	if l.image != image {
		*l = pull{image: image}
	}
	l.policy, l.field = policy, field
}

// again makes the pull begin anew.
func (l *pull) again() { *l = pull{image: l.image, policy: l.policy, field: l.field} }

// waits notes why the image is not to be had.
func (l *pull) waits(reason, why string) { l.reason, l.why = reason, why }

type pullState int

const (
	pullDone pullState = iota
	pullUnderWay
	pullFailed
)

// ensureImages brings a container's image to the node, and those of the pod's volumes.
func (p *pod) ensureImages(c *container, now time.Time) pullState {
	if state := p.ensureVolumes(c, now); state != pullDone {
		return state
	}
	spec := c.spec()
	c.pull.of(spec.Image, spec.ImagePullPolicy, c.field())
	state := p.ensureImage(&c.pull, now)
	if state == pullFailed {
		c.lacks(now, &c.pull)
	}
	return state
}

// lacks notes that a container cannot be made without an image.
func (c *container) lacks(now time.Time, l *pull) {
	if c.waiting != l.reason || c.waitsFor != l.why {
		c.p.event(now, warning, "Failed", "Error: "+l.reason, c.field())
		c.waiting, c.waitsFor = l.reason, l.why
	}
}

// ensureImage brings an image to the node.
func (p *pod) ensureImage(l *pull, now time.Time) pullState {
	if l.ready {
		return pullDone
	}
	if err := image.CheckName(l.image); err != nil {
		p.invalidName(l, err, now)
		return pullFailed
	}
	if l.until.IsZero() {
		if state, waiting := p.pullBackoff(l, now); waiting {
			return state
		}
		if state, decided := p.beginPull(l, now); decided {
			return state
		}
	}
	if now.Before(l.until) {
		p.at(l.until)
		return pullUnderWay
	}
	return p.endPull(l, now)
}

// invalidName says that a name cannot be an image's.
func (p *pod) invalidName(l *pull, err error, now time.Time) {
	message := fmt.Sprintf("Failed to apply default image tag %q: %v", l.image, err)
	if l.why != message {
		p.event(now, warning, "InspectFailed", message, l.field)
		l.waits("InvalidImageName", message)
	}
	p.at(now.Add(syncPeriod))
}

// beginPull decides whether the image must be pulled, and starts to.
func (p *pod) beginPull(l *pull, now time.Time) (pullState, bool) {
	at, known := p.k.images[l.image]
	present := known && !at.After(now) || p.namespace == "kube-system" // on the node's disk image
	switch {
	case present && l.policy != corev1.PullAlways, present && p.namespace == "kube-system":
		p.event(now, normal, "Pulled", fmt.Sprintf("Container image %q already present on machine and can be accessed by the pod", l.image), l.field)
		l.ready = true
		return pullDone, true
	case !present && l.policy == corev1.PullNever:
		message := fmt.Sprintf("Container image %q is not present with pull policy of Never", l.image)
		if l.why != message {
			p.event(now, warning, "ErrImageNeverPull", message, l.field)
			l.waits("ErrImageNeverPull", message)
		}
		p.at(now.Add(syncPeriod))
		return pullFailed, true
	}
	if missing := p.missingSecrets(); len(missing) > 0 {
		p.event(now, warning, "FailedToRetrieveImagePullSecret", fmt.Sprintf("Unable to retrieve some image pull secrets (%s); attempting to pull the image may not succeed.", strings.Join(missing, ", ")), "")
	}
	p.event(now, normal, "Pulling", fmt.Sprintf("Pulling image %q", l.image), l.field)
	l.began = now
	switch {
	case p.k.unreachable(l.image) != "":
		l.until = timers.Tick(now.Add(dialPatience))
	case present: // only the registry is asked
		l.until = now
	case p.registryRefuses(l.image) != "":
		l.until = timers.Tick(now.Add(time.Second))
	case known: // another pod pulls it already
		l.until = at
	default:
		l.until = timers.Tick(now.Add(p.pullTime()))
		p.k.images[l.image] = l.until
	}
	return 0, false
}

// dialPatience is how long containerd tries to connect to a registry (containerd
// 1.7, core/remotes/docker: the dialer's timeout).
const dialPatience = 30 * time.Second

// unreachable is the registry of an image, if the machine cannot reach it.
func (k *Kubelet) unreachable(image string) (registry string) {
	registry, _, _ = strings.Cut(imageName(image), "/")
	if registry == "docker.io" {
		registry = "registry-1.docker.io"
	}
	if !k.ks.Blocked(k.m.OS, registry) {
		return ""
	}
	return registry
}

func manifestURL(registry, ref string) string {
	_, rest, _ := strings.Cut(ref, "/")
	name, version, digest := strings.Cut(rest, "@")
	if !digest {
		i := strings.LastIndex(rest, ":")
		name, version = rest[:i], rest[i+1:]
	}
	return "https://" + registry + "/v2/" + name + "/manifests/" + version
}

// pullTime is how long a first pull takes for this pod.
func (p *pod) pullTime() time.Duration {
	if s, err := strconv.ParseFloat(p.spec.Annotations[annotation.PullSeconds], 64); err == nil && s >= 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	return pullTime
}

// endPull is the registry's answer.
func (p *pod) endPull(l *pull, now time.Time) pullState {
	name := l.image
	took := l.until.Sub(l.began).Truncate(time.Millisecond)
	l.until = time.Time{}
	ref := imageName(name)
	why := p.registryRefuses(name)
	if host := p.k.unreachable(name); host != "" {
		why = fmt.Sprintf("rpc error: code = DeadlineExceeded desc = failed to pull and unpack image %q: failed to resolve reference %q: "+
			"failed to do request: Head %q: dial tcp: i/o timeout", ref, ref, manifestURL(host, ref))
	}
	if why == "" {
		p.event(now, normal, "Pulled", fmt.Sprintf("Successfully pulled image %q in %v (%v including waiting). Image size: %d bytes.",
			name, took, took, imageSize(name)), l.field)
		l.again()
		l.ready = true
		return pullDone
	}
	p.event(now, warning, "Failed", fmt.Sprintf("Failed to pull image %q: %s", name, why), l.field)
	l.waits("ErrImagePull", why)
	l.backoff.next(now, now)
	l.failed, l.err, l.told = now, why, false
	p.at(timers.Tick(now.Add(relistPeriod)))
	return pullFailed
}

// registryRefuses is why an image's registry does not give it, in containerd's words; empty
// if it does.
func (p *pod) registryRefuses(name string) string {
	ref, n := imageName(name), image.Split(name)
	entry := p.k.ks.Images.Lookup(name)
	missing := p.missingSecrets()
	secrets := len(p.spec.Spec.ImagePullSecrets)
	// Who names secrets for an image that nobody knows says that it is private.
	private := p.k.ks.Images.Private(name) || entry == nil && secrets > 0
	switch {
	case strings.Contains(name, missingImage), entry != nil && !entry.Exists(n):
		return fmt.Sprintf("rpc error: code = NotFound desc = failed to pull and unpack image %q: failed to resolve reference %q: %s: not found", ref, ref, ref)
	case private && len(missing) == secrets:
		return fmt.Sprintf("rpc error: code = Unknown desc = failed to pull and unpack image %q: failed to resolve reference %q: failed to authorize: failed to fetch anonymous token: "+
			"unexpected status from GET request to https://%s/oauth2/token?scope=%s&service=%s: 401 Unauthorized", ref, ref, n.Registry, url.QueryEscape("repository:"+n.Repository+":pull"), n.Registry)
	}
	return ""
}

// missingSecrets are those of the pod's imagePullSecrets that do not exist.
func (p *pod) missingSecrets() (names []string) {
	for _, s := range p.spec.Spec.ImagePullSecrets {
		if p.config.objects[ref{kind: "secret", name: s.Name}] == nil {
			names = append(names, s.Name)
		}
	}
	return names
}

// pullBackoff says whether the kubelet waits before it asks the registry again.
func (p *pod) pullBackoff(l *pull, now time.Time) (pullState, bool) {
	if l.failed.IsZero() {
		return 0, false
	}
	end := l.backoff.until(l.failed)
	if !now.Before(end) {
		return 0, false
	}
	if told := timers.Tick(l.failed.Add(relistPeriod)); now.Before(told) {
		p.at(told)
		return pullFailed, true
	}
	if !l.told {
		l.told = true
		message := fmt.Sprintf("Back-off pulling image %q", l.image)
		p.event(now, normal, "BackOff", message, l.field)
		l.waits("ImagePullBackOff", message+": ErrImagePull: "+l.err)
	}
	p.at(end)
	return pullFailed, true
}

// imageName is an image's full name, as containerd has it.
func imageName(name string) string { return image.Split(name).String() }

// imageID is the digest that a registry would have for an image.
func imageID(image string) string {
	name := imageName(image)
	if strings.Contains(name, "@") {
		return name
	}
	return name[:strings.LastIndex(name, ":")] + "@sha256:" + hexID("image", name)
}

// imageSize is a repeatable size of 20 to 120 MB.
func imageSize(image string) int {
	n, _ := strconv.ParseUint(hexID("size", imageName(image))[:8], 16, 64) // eight hex digits
	return 20_000_000 + int(n%100_000_000)
}
