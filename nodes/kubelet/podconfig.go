package kubelet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"demarc/nodes/timers"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// ref names a ConfigMap or a Secret of a pod's namespace, or ClusterTrustBundles.
type ref struct {
	kind     string // configmap, secret, or as trustRef has it
	name     string
	selector string // of labels, if the name is a signer's
}

// podConfig is what the API server said of a pod's ConfigMaps, Secrets and claims.
type podConfig struct {
	version int               // counts answers; 0 before the first
	objects map[ref]*config   // nil for one that does not exist
	claims  map[string]*claim // by name
	noClass error             // why its RuntimeClass cannot be had
	refresh time.Time         // when to ask again; zero is not
	// Certificates of volumes, and when to look at them again; zero is not.
	credentials map[credentialKey]*credential
	renew       time.Time
}

// config is a ConfigMap or a Secret.
type config struct {
	data      map[string][]byte
	immutable bool
}

// content is the object's data; none if it does not exist.
func (c *config) content() map[string][]byte {
	if c == nil {
		return nil
	}
	return c.data
}

// selfContained says whether the pod needs nothing of the API server to start, beside itself.
func selfContained(pod *corev1.Pod) bool {
	return len(podRefs(pod)) == 0 && len(claimNames(pod)) == 0 && len(credentialSources(pod)) == 0 && pod.Spec.RuntimeClassName == nil
}

// configured says whether the pod's configuration is here, and asks for it when
// it is not or should be newer.
func (p *pod) configured(now time.Time) bool {
	if p.config.version == 0 && !selfContained(p.spec) {
		p.want = true
		return false
	}
	for _, due := range []*time.Time{&p.config.refresh, &p.config.renew} {
		if !due.IsZero() && !now.Before(*due) {
			*due = time.Time{}
			p.want = true
		}
		p.at(*due)
	}
	return true
}

// mounted says whether the pod's volumes are mounted. What cannot be is told, and tried
// again.
func (p *pod) mounted(now time.Time) bool {
	if !p.configured(now) {
		return false
	}
	waits := false
	for i := range p.spec.Spec.Volumes {
		err := p.attachable(&p.spec.Spec.Volumes[i], now)
		if err == nil {
			continue
		}
		waits = true
		if p.config.refresh.IsZero() && !p.want && err != errNotAttached {
			p.failedMount(now, err)
		}
	}
	if waits && p.config.refresh.IsZero() && !p.want {
		p.mounting.fail(now)
		p.config.refresh = timers.Tick(p.mounting.at)
	}
	if waits {
		p.at(p.config.refresh)
		return false
	}
	p.mounting = retry{}
	return true
}

// failedMount tells why a volume cannot be mounted.
func (p *pod) failedMount(now time.Time, err error) {
	reason := "FailedMount"
	if errors.As(err, new(blockError)) {
		reason = "FailedMapVolume"
	}
	p.event(now, warning, reason, err.Error(), "")
}

// mountable says what is missing for a volume.
func (c *podConfig) mountable(v corev1.Volume) error {
	for _, s := range volumeSources(v) {
		object := c.objects[s.ref]
		data := object.content()
		if s.optional {
			continue
		}
		switch {
		case object == nil && (s.kind == trustBundle || s.kind == trustBundles):
			return missingTrust(s.ref)
		case object == nil:
			return fmt.Errorf("%s %q not found", s.kind, s.name)
		}
		for _, item := range s.items {
			if _, ok := data[item.Key]; !ok {
				return fmt.Errorf("references non-existent %s key: %s", map[string]string{"configmap": "config", "secret": "secret"}[s.kind], item.Key)
			}
		}
	}
	if v.Projected != nil {
		for i, s := range v.Projected.Sources {
			if s.PodCertificate == nil {
				continue
			}
			if err := c.credentials[credentialKey{v.Name, i}].missing(); err != nil {
				return err
			}
		}
	}
	return nil
}

// volumeSource is one ConfigMap or Secret of a volume.
type volumeSource struct {
	ref
	optional bool
	items    []corev1.KeyToPath
}

func volumeSources(v corev1.Volume) []volumeSource {
	var out []volumeSource
	add := func(kind, name string, optional *bool, items []corev1.KeyToPath) {
		out = append(out, volumeSource{ref{kind: kind, name: name}, ptr.Deref(optional, false), items})
	}
	if s := v.ConfigMap; s != nil {
		add("configmap", s.Name, s.Optional, s.Items)
	}
	if s := v.Secret; s != nil {
		add("secret", s.SecretName, s.Optional, s.Items)
	}
	if v.Projected != nil {
		for _, src := range v.Projected.Sources {
			if s := src.ConfigMap; s != nil {
				add("configmap", s.Name, s.Optional, s.Items)
			}
			if s := src.Secret; s != nil {
				add("secret", s.Name, s.Optional, s.Items)
			}
			if s := src.ClusterTrustBundle; s != nil {
				out = append(out, volumeSource{ref: trustRef(s), optional: ptr.Deref(s.Optional, false)})
			}
		}
	}
	return out
}

// podRefs is every ConfigMap and Secret that a pod uses, each once.
func podRefs(pod *corev1.Pod) []ref {
	var out []ref
	put := func(r ref) {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	add := func(kind, name string) { put(ref{kind: kind, name: name}) }
	for _, s := range pod.Spec.ImagePullSecrets {
		add("secret", s.Name)
	}
	for _, v := range pod.Spec.Volumes {
		for _, s := range volumeSources(v) {
			put(s.ref)
		}
	}
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for _, c := range list {
			envRefs(c, add)
		}
	}
	return out
}

func envRefs(c corev1.Container, add func(kind, name string)) {
	for _, e := range c.EnvFrom {
		if e.ConfigMapRef != nil {
			add("configmap", e.ConfigMapRef.Name)
		}
		if e.SecretRef != nil {
			add("secret", e.SecretRef.Name)
		}
	}
	for _, e := range c.Env {
		if e.ValueFrom == nil {
			continue
		}
		if r := e.ValueFrom.ConfigMapKeyRef; r != nil {
			add("configmap", r.Name)
		}
		if r := e.ValueFrom.SecretKeyRef; r != nil {
			add("secret", r.Name)
		}
	}
}

// configAge is how old an answer may be that another pod got: a kubelet's own
// cache of ConfigMaps is refreshed each minute (kubernetes 1.37,
// pkg/kubelet/apis/config/v1beta1/defaults.go: syncFrequency).
const configAge = time.Minute

// configCache keeps what the API server said of ConfigMaps and Secrets, for all
// nodes: many pods of a namespace use the same few.
type configCache struct {
	mu      sync.Mutex
	entries map[configKey]configEntry
}

type configKey struct {
	namespace string
	ref
}

type configEntry struct {
	data *config
	at   time.Time
}

// forget drops an object that has changed, or all of a kind for one without a name.
func (c *configCache) forget(k configKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.entries, func(known configKey, _ configEntry) bool { return known == k || k.name == "" && known.kind == k.kind })
}

func (c *configCache) get(k configKey, now time.Time) (*config, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[k]
	return e.data, ok && now.Sub(e.at) < configAge
}

func (c *configCache) put(k configKey, data *config, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.entries, func(_ configKey, e configEntry) bool { return now.Sub(e.at) >= configAge })
	c.entries[k] = configEntry{data, now}
}

// lookUp asks the API server for ConfigMaps and Secrets. Those that do not
// exist are nil.
func (ks *Kubelets) lookUp(ctx context.Context, namespace string, refs []ref) (map[ref]*config, error) {
	out := map[ref]*config{}
	for _, r := range refs {
		key := configKey{namespace, r}
		if data, ok := ks.config.get(key, time.Now()); ok {
			out[r] = data
			continue
		}
		data, err := ks.getConfig(ctx, key)
		switch {
		case apierrors.IsNotFound(err):
			out[r] = nil
		case err != nil:
			return nil, fmt.Errorf("get %s %s/%s: %w", r.kind, namespace, r.name, err)
		default:
			out[r] = data
			ks.config.put(key, data, time.Now())
		}
	}
	return out, nil
}

func (ks *Kubelets) getConfig(ctx context.Context, k configKey) (*config, error) {
	if k.kind == trustBundle || k.kind == trustBundles {
		return ks.getTrust(ctx, k.ref)
	}
	if k.kind == "secret" {
		s, err := ks.Client.CoreV1().Secrets(k.namespace).Get(ctx, k.name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return &config{maps.Clone(s.Data), ptr.Deref(s.Immutable, false)}, nil
	}
	cm, err := ks.Client.CoreV1().ConfigMaps(k.namespace).Get(ctx, k.name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	c := &config{map[string][]byte{}, ptr.Deref(cm.Immutable, false)}
	for key, v := range cm.Data {
		c.data[key] = []byte(v)
	}
	maps.Copy(c.data, cm.BinaryData)
	return c, nil
}
