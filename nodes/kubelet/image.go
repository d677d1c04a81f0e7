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

// pull is a container's dealings with the registry.
type pull struct {
	began   time.Time // of the pull under way
	until   time.Time
	failed  time.Time // of the last failure
	err     string    // of the last failure
	told    bool      // ImagePullBackOff was told
	backoff backoff
	ready   bool // for the start under way
}

type pullState int

const (
	pullDone pullState = iota
	pullUnderWay
	pullFailed
)

// ensureImage brings a container's image to the node.
func (p *pod) ensureImage(c *container, now time.Time) pullState {
	spec := c.spec()
	if c.pull.ready {
		return pullDone
	}
	if err := image.CheckName(spec.Image); err != nil {
		p.invalidName(c, err, now)
		return pullFailed
	}
	if c.pull.until.IsZero() {
		if state, waiting := p.pullBackoff(c, now); waiting {
			return state
		}
		if state, decided := p.beginPull(c, spec, now); decided {
			return state
		}
	}
	if now.Before(c.pull.until) {
		p.at(c.pull.until)
		return pullUnderWay
	}
	return p.endPull(c, spec.Image, now)
}

// invalidName says that a name cannot be an image's.
func (p *pod) invalidName(c *container, err error, now time.Time) {
	message := fmt.Sprintf("Failed to apply default image tag %q: %v", c.spec().Image, err)
	if c.waiting != "InvalidImageName" || c.message != message {
		p.event(now, warning, "InspectFailed", message, c.field())
		p.event(now, warning, "Failed", "Error: InvalidImageName", c.field())
		c.waiting, c.message = "InvalidImageName", message
	}
	p.at(now.Add(syncPeriod))
}

// beginPull decides whether the image must be pulled, and starts to.
func (p *pod) beginPull(c *container, spec *corev1.Container, now time.Time) (pullState, bool) {
	at, known := p.k.images[spec.Image]
	present := known && !at.After(now) || p.namespace == "kube-system" // on the node's disk image
	switch {
	case present && spec.ImagePullPolicy != corev1.PullAlways, present && p.namespace == "kube-system":
		p.event(now, normal, "Pulled", fmt.Sprintf("Container image %q already present on machine and can be accessed by the pod", spec.Image), c.field())
		c.pull.ready = true
		return pullDone, true
	case !present && spec.ImagePullPolicy == corev1.PullNever:
		message := fmt.Sprintf("Container image %q is not present with pull policy of Never", spec.Image)
		if c.waiting != "ErrImageNeverPull" {
			p.event(now, warning, "ErrImageNeverPull", message, c.field())
			p.event(now, warning, "Failed", "Error: ErrImageNeverPull", c.field())
			c.waiting, c.waitsFor = "ErrImageNeverPull", message
		}
		p.at(now.Add(syncPeriod))
		return pullFailed, true
	}
	if missing := p.missingSecrets(); len(missing) > 0 {
		p.event(now, warning, "FailedToRetrieveImagePullSecret", fmt.Sprintf("Unable to retrieve some image pull secrets (%s); attempting to pull the image may not succeed.", strings.Join(missing, ", ")), "")
	}
	p.event(now, normal, "Pulling", fmt.Sprintf("Pulling image %q", spec.Image), c.field())
	c.pull.began = now
	switch {
	case p.k.unreachable(spec.Image) != "":
		c.pull.until = timers.Tick(now.Add(dialPatience))
	case present: // only the registry is asked
		c.pull.until = now
	case p.registryRefuses(spec.Image) != "":
		c.pull.until = timers.Tick(now.Add(time.Second))
	case known: // another pod pulls it already
		c.pull.until = at
	default:
		c.pull.until = timers.Tick(now.Add(p.pullTime()))
		p.k.images[spec.Image] = c.pull.until
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
func (p *pod) endPull(c *container, name string, now time.Time) pullState {
	took := c.pull.until.Sub(c.pull.began).Truncate(time.Millisecond)
	c.pull.until = time.Time{}
	ref := imageName(name)
	why := p.registryRefuses(name)
	if host := p.k.unreachable(name); host != "" {
		why = fmt.Sprintf("rpc error: code = DeadlineExceeded desc = failed to pull and unpack image %q: failed to resolve reference %q: "+
			"failed to do request: Head %q: dial tcp: i/o timeout", ref, ref, manifestURL(host, ref))
	}
	if why == "" {
		p.event(now, normal, "Pulled", fmt.Sprintf("Successfully pulled image %q in %v (%v including waiting). Image size: %d bytes.",
			name, took, took, imageSize(name)), c.field())
		c.pull = pull{ready: true}
		return pullDone
	}
	p.event(now, warning, "Failed", fmt.Sprintf("Failed to pull image %q: %s", name, why), c.field())
	p.event(now, warning, "Failed", "Error: ErrImagePull", c.field())
	c.waiting, c.waitsFor = "ErrImagePull", why
	c.pull.backoff.next(now, now)
	c.pull.failed, c.pull.err, c.pull.told = now, why, false
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
		if p.config.objects[ref{"secret", s.Name}] == nil {
			names = append(names, s.Name)
		}
	}
	return names
}

// pullBackoff says whether the kubelet waits before it asks the registry again.
func (p *pod) pullBackoff(c *container, now time.Time) (pullState, bool) {
	if c.pull.failed.IsZero() {
		return 0, false
	}
	end := c.pull.backoff.until(c.pull.failed)
	if !now.Before(end) {
		return 0, false
	}
	if told := timers.Tick(c.pull.failed.Add(relistPeriod)); now.Before(told) {
		p.at(told)
		return pullFailed, true
	}
	if !c.pull.told {
		c.pull.told = true
		message := fmt.Sprintf("Back-off pulling image %q", c.spec().Image)
		p.event(now, normal, "BackOff", message, c.field())
		p.event(now, warning, "Failed", "Error: ImagePullBackOff", c.field())
		c.waiting, c.waitsFor = "ImagePullBackOff", message+": ErrImagePull: "+c.pull.err
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
