package kubelet

import (
	"hash/fnv"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"demarc/nodes/coredns"
	"demarc/nodes/network"
	"demarc/sim/timeline"
)

// corefiles are what a server of names in the container reads: the file, with all that is
// mounted from ConfigMaps and the like. Not ok says that the file is none of those. The lock
// is held.
func (c *container) corefiles(file string) (coredns.Files, bool) {
	if kept, ok := c.p.k.ks.corefiles[c.id]; ok && c.log == nil {
		return kept, true
	}
	files := coredns.Files{"/etc/resolv.conf": []byte(c.p.resolvConf()), "/etc/hosts": []byte(c.p.hosts())}
	known := false
	for _, m := range c.program.Mounts {
		v, ok := m.Volume.(*projection)
		if !ok {
			continue
		}
		at := path.Clean(m.Path)
		known = known || file == at || strings.HasPrefix(file, at+"/")
		for name, text := range v.texts() {
			if rest, inside := strings.CutPrefix("/"+name, strings.TrimSuffix(path.Join("/", m.Sub), "/")); inside && (rest == "" || rest[0] == '/') {
				files[path.Join(at, rest)] = text
			}
		}
	}
	return files, known
}

// jitter is a number below 1 that is the instance's own.
func (c *container) jitter() float64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(c.id)) // it never fails
	return float64(h.Sum32()) / (1 << 32)
}

// serveNames has a server of names log where its container does. One that an earlier engine
// ran with another configuration than is mounted has seen that.
func (c *container) serveNames() {
	c.looksAt = time.Time{}
	if c.behaviour.Names == nil {
		return
	}
	c.behaviour.Names.LogTo(c.log)
	if _, ok := c.p.k.ks.corefiles[c.id]; ok {
		delete(c.p.k.ks.corefiles, c.id)
		c.reload()
	}
}

// reconfigured has the servers of names look for a new configuration, when they do next.
func (p *pod) reconfigured(now time.Time) {
	for _, c := range p.containers {
		if s := c.behaviour.Names; s != nil && c.state == running {
			c.looksAt = s.LooksAt(now)
		}
	}
}

// reload has a server of names look for a new configuration.
func (c *container) reload() {
	c.looksAt = time.Time{}
	s := c.behaviour.Names
	if files, ok := c.corefiles(s.File()); ok {
		s.Reload(files, c.jitter())
	}
}

// configuredBy is the newest event of a ConfigMap that the container's pod mounts; 0 if there
// is none.
func (c *container) configuredBy() int64 {
	var subjects []string
	for _, v := range c.p.spec.Spec.Volumes {
		for _, s := range volumeSources(v) {
			if s.kind == "configmap" {
				subjects = append(subjects, "configmap/"+c.p.namespace+"/"+s.name)
			}
		}
	}
	events, _ := c.p.k.ks.Log.Kept(0)
	for _, e := range slices.Backward(events) {
		if slices.Contains(subjects, e.Subject) {
			return e.Seq
		}
	}
	return 0
}

// names is the server of names at a port of the pod; nil if nobody knows how it answers. The
// lock is not held.
func (p *pod) names(port int32) network.NameServer {
	p.k.ks.Lock.Lock()
	defer p.k.ks.Lock.Unlock()
	for _, udp := range []bool{true, false} {
		if c := p.listener(port, udp); c != nil && c.behaviour.Names != nil {
			return c.behaviour.Names.At(port)
		}
	}
	return nil
}

// Misconfigured is why a server of names in kube-system with a label k8s-app does not start:
// the event of its configuration; not ok says that all do. The lock is held.
func (ks *Kubelets) Misconfigured(app string) (cause timeline.Event, ok bool) {
	for _, p := range ks.pods {
		if p.namespace != "kube-system" || p.spec.Labels["k8s-app"] != app || p.over {
			continue
		}
		for _, c := range p.containers {
			if c.behaviour.Misconfigured {
				return ks.Log.Get(c.configuredBy())
			}
		}
	}
	return timeline.Event{}, false
}

// Corefiles are the configurations of the servers of names that run with another one than is
// mounted, by container. The lock is held.
func (ks *Kubelets) Corefiles() map[string]coredns.Files {
	out := map[string]coredns.Files{}
	for _, p := range ks.pods {
		for _, c := range p.containers {
			s := c.behaviour.Names
			if s == nil || c.state != running {
				continue
			}
			if mounted, ok := c.corefiles(s.File()); ok && !maps.EqualFunc(s.Files(), mounted, func(a, b []byte) bool { return string(a) == string(b) }) {
				out[c.id] = s.Files()
			}
		}
	}
	maps.Copy(out, ks.corefiles) // of those that do not run yet
	return out
}

// KeepCorefiles takes what [Kubelets.Corefiles] said in an earlier engine.
func (ks *Kubelets) KeepCorefiles(kept map[string]coredns.Files) { ks.corefiles = kept }
