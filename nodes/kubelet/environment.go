package kubelet

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"demarc/nodes/program"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// What a container's program can be given. References make much of little.
const (
	maxArgument  = 128 << 10 // bytes of an argument or a variable, as Linux has it
	maxArguments = 2 << 20   // and of all of them
)

var errArguments = errors.New("failed to start container: exec: argument list too long")

// programSpec is what a container's program is given. An error says which part
// of its configuration is missing, in the kubelet's words, or that it is too much.
func (p *pod) programSpec(c *container) (program.Spec, error) {
	spec := c.spec()
	env, err := p.environment(spec)
	if err != nil {
		return program.Spec{}, err
	}
	mounts, err := p.mounts(spec, env, time.Now())
	if err != nil {
		return program.Spec{}, err
	}
	s := program.Spec{
		Image:       spec.Image,
		WorkingDir:  spec.WorkingDir,
		Hostname:    p.hostname(),
		PodIP:       p.ip.String(),
		Namespace:   p.namespace,
		Pod:         p.name,
		Container:   c.name,
		Annotations: p.spec.Annotations,
		Mounts:      mounts,

		ReadOnlyRoot: spec.SecurityContext != nil && ptr.Deref(spec.SecurityContext.ReadOnlyRootFilesystem, false),
	}
	s.UID, s.GID = p.runsAs(spec)
	s.Groups = p.groups()
	s.Sysctls = p.sysctls()
	s.NoNewPrivileges = spec.SecurityContext != nil && !ptr.Deref(spec.SecurityContext.AllowPrivilegeEscalation, true)
	s.NetAdmin = administersNetwork(spec.SecurityContext)
	c.imageOf(&s)
	for _, a := range spec.Command {
		s.Command = append(s.Command, env.argument(a))
	}
	for _, a := range spec.Args {
		s.Args = append(s.Args, env.argument(a))
	}
	if env.tooLong {
		return program.Spec{}, errArguments
	}
	for _, port := range spec.Ports {
		switch port.Protocol {
		case corev1.ProtocolUDP:
			s.UDPPorts = append(s.UDPPorts, port.ContainerPort)
		case corev1.ProtocolTCP, "":
			s.Ports = append(s.Ports, port.ContainerPort)
		}
	}
	s.Env, s.Files = env.list(), scripts(mounts, slices.Concat(s.Command, s.Args))
	return s, nil
}

// hostname is the pod's own name for itself.
func (p *pod) hostname() string {
	switch {
	case p.spec.Spec.HostNetwork:
		return p.k.m.Name
	case p.spec.Spec.Hostname != "":
		return p.spec.Spec.Hostname
	}
	return p.name[:min(len(p.name), 63)] // the longest label of a DNS name
}

// variables are environment variables in the order of their first definition.
type variables struct {
	names   []string
	values  map[string]string
	size    int  // of them and of the arguments, in bytes
	tooLong bool // more than a program can be given
}

func (v *variables) set(name, value string) {
	if old, ok := v.values[name]; !ok {
		v.names = append(v.names, name)
	} else {
		v.size -= len(name) + len(old)
	}
	v.values[name] = value
	v.count(len(name) + len(value))
}

// count counts a variable or an argument.
func (v *variables) count(size int) {
	v.size += size
	v.tooLong = v.tooLong || size > maxArgument || v.size > maxArguments
}

// argument is a part of the command line, without references.
func (v *variables) argument(s string) string {
	if v.tooLong {
		return ""
	}
	s = expand(s, v)
	v.count(len(s))
	return s
}

func (v *variables) list() []string {
	out := make([]string, len(v.names))
	for i, n := range v.names {
		out[i] = n + "=" + v.values[n]
	}
	return out
}

// reference is $(NAME), or $$, which stands for one $.
var reference = regexp.MustCompile(`\$\$|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)`)

// expand replaces references to variables that are known, and leaves others.
func expand(s string, v *variables) string {
	left := maxArgument
	return reference.ReplaceAllStringFunc(s, func(m string) string {
		if m == "$$" {
			return "$"
		}
		value, ok := v.values[m[2:len(m)-1]]
		if !ok {
			return m
		}
		if left -= len(value); left < 0 {
			v.tooLong = true
			return ""
		}
		return value
	})
}

// environment is a container's environment, the API server's address first.
func (p *pod) environment(c *corev1.Container) (*variables, error) {
	v := &variables{values: map[string]string{}}
	v.set("HOSTNAME", p.hostname())
	p.links(v)
	for _, from := range c.EnvFrom {
		if err := p.envFrom(v, from); err != nil {
			return nil, err
		}
	}
	for _, e := range c.Env {
		if v.tooLong {
			return nil, errArguments
		}
		if e.ValueFrom == nil {
			v.set(e.Name, expand(e.Value, v))
			continue
		}
		value, ok, err := p.envValue(c, e.ValueFrom)
		if err != nil {
			return nil, err
		}
		if ok {
			v.set(e.Name, value)
		}
	}
	return v, nil
}

func (p *pod) envFrom(v *variables, from corev1.EnvFromSource) error {
	var r ref
	var optional *bool
	switch {
	case from.ConfigMapRef != nil:
		r, optional = ref{kind: "configmap", name: from.ConfigMapRef.Name}, from.ConfigMapRef.Optional
	case from.SecretRef != nil:
		r, optional = ref{kind: "secret", name: from.SecretRef.Name}, from.SecretRef.Optional
	default:
		return nil
	}
	object := p.config.objects[r]
	if object == nil {
		if ptr.Deref(optional, false) {
			return nil
		}
		return fmt.Errorf("%s %q not found", r.kind, r.name)
	}
	for _, key := range slices.Sorted(maps.Keys(object.data)) {
		v.set(from.Prefix+key, string(object.data[key]))
	}
	return nil
}

// envValue resolves one variable; ok is false for an optional one without value.
func (p *pod) envValue(c *corev1.Container, from *corev1.EnvVarSource) (value string, ok bool, err error) {
	switch {
	case from.FieldRef != nil:
		return p.field(from.FieldRef.FieldPath), true, nil
	case from.ResourceFieldRef != nil:
		return p.resourceField(c, from.ResourceFieldRef), true, nil
	case from.ConfigMapKeyRef != nil:
		r := from.ConfigMapKeyRef
		return p.key(ref{kind: "configmap", name: r.Name}, "ConfigMap", r.Key, r.Optional)
	case from.SecretKeyRef != nil:
		r := from.SecretKeyRef
		return p.key(ref{kind: "secret", name: r.Name}, "Secret", r.Key, r.Optional)
	}
	return "", false, nil
}

func (p *pod) key(r ref, kind, key string, optional *bool) (string, bool, error) {
	object := p.config.objects[r]
	if value, ok := object.content()[key]; ok {
		return string(value), true, nil
	}
	switch {
	case ptr.Deref(optional, false):
		return "", false, nil
	case object == nil:
		return "", false, fmt.Errorf("%s %q not found", r.kind, r.name)
	}
	return "", false, fmt.Errorf("couldn't find key %s in %s %s/%s", key, kind, p.namespace, r.name)
}

// field is a field of the pod, as the downward API has it.
func (p *pod) field(name string) string {
	if key, ok := subscript(name, "metadata.labels"); ok {
		return p.spec.Labels[key]
	}
	if key, ok := subscript(name, "metadata.annotations"); ok {
		return p.spec.Annotations[key]
	}
	switch name {
	case "metadata.labels":
		return formatMap(p.spec.Labels)
	case "metadata.annotations":
		return formatMap(p.spec.Annotations)
	case "metadata.name":
		return p.name
	case "metadata.namespace":
		return p.namespace
	case "metadata.uid":
		return string(p.uid)
	case "spec.nodeName":
		return p.k.m.Name
	case "spec.serviceAccountName":
		return p.spec.Spec.ServiceAccountName
	case "status.hostIP", "status.hostIPs":
		return p.k.m.IP.String()
	case "status.podIP", "status.podIPs":
		return p.ip.String()
	}
	return ""
}

func subscript(name, field string) (string, bool) {
	key, ok := strings.CutPrefix(name, field+"['")
	return strings.TrimSuffix(key, "']"), ok
}

// resourceField is a request or limit of a container, in units of the divisor.
func (p *pod) resourceField(c *corev1.Container, f *corev1.ResourceFieldSelector) string {
	kind, name, _ := strings.Cut(f.Resource, ".")
	list := c.Resources.Requests
	if kind == "limits" {
		list = c.Resources.Limits
	}
	q, ok := list[corev1.ResourceName(name)]
	if !ok && kind == "limits" {
		q = allocatable(p.k.m)[corev1.ResourceName(name)]
	}
	divisor := f.Divisor.MilliValue()
	if divisor == 0 {
		divisor = 1000
	}
	return fmt.Sprint((q.MilliValue() + divisor - 1) / divisor)
}
