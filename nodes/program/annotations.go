package program

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"demarc/sim/annotation"
	"demarc/sim/backend"

	"k8s.io/apimachinery/pkg/api/resource"
)

// annotation is a container's value of an annotation, if it has a good one.
func (s Spec) annotation(name string) (string, bool) {
	for _, key := range []string{name + "." + s.Container, name} {
		if v, ok := s.Annotations[key]; ok && annotation.Check(name, v) == nil {
			return v, true
		}
	}
	return "", false
}

func (s Spec) duration(name string) (time.Duration, bool) {
	v, ok := s.annotation(name)
	d, err := time.ParseDuration(v)
	return d, ok && err == nil
}

// Quantity is a container's value of an annotation that is an amount, if it has a good one.
func (s Spec) Quantity(name string) (resource.Quantity, bool) {
	v, ok := s.annotation(name)
	q, err := resource.ParseQuantity(v)
	return q, ok && err == nil
}

// backends are the real programs behind the container's ports.
func (s Spec) backends() backend.Set {
	if v, ok := s.annotation(annotation.Backend); ok {
		b, _ := backend.Parse(v) // it was checked
		return b
	}
	if s.Entry != nil {
		return s.Entry.Backend
	}
	return nil
}

// answersBy has real programs answer on a container's ports. One that is behind all is
// there as soon as the container is, and answers wherever it is asked.
func (b *Behaviour) answersBy(s Spec, set backend.Set) {
	if len(set) == 0 {
		return
	}
	b.Backend, b.Ports = set, append(slices.Clone(b.Ports), set.Ports()...)
	if set.All() {
		b.Ports, b.Open, b.ReadyAfter = slices.Concat(b.Ports, s.Ports, s.Asked), true, 0
	}
	if b.Handler == nil {
		b.Handler = http.NotFoundHandler() // on no port of its own
	}
}

// annotate applies the annotations to a plan.
func annotate(s Spec, b *Behaviour) {
	b.answersBy(s, s.backends())
	if d, ok := s.duration(annotation.ReadyAfter); ok {
		b.ReadyAfter = d
	}
	if d, ok := s.duration(annotation.ExitAfter); ok {
		b.ends(d, 0, "")
		if v, ok := s.annotation(annotation.ExitCode); ok {
			b.ExitCode, _ = strconv.Atoi(v)
		}
	}
	if d, ok := s.duration(annotation.OOMAfter); ok && (!b.Exits || d < b.ExitAfter) {
		// 128 + SIGKILL, which is how the kernel ends it.
		b.ends(d, 137, "OOMKilled")
	}
	if v, ok := s.annotation(annotation.IgnoreSIGTERM); ok {
		b.IgnoresTerm, _ = strconv.ParseBool(v)
	}
}

// ends makes a program end after d. A script goes on until then.
func (b *Behaviour) ends(d time.Duration, code int, reason string) {
	b.Exits, b.ExitAfter, b.ExitCode, b.ExitReason, b.ExitMessage = true, d, code, reason, ""
}
