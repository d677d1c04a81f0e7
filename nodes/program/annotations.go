package program

import (
	"fmt"
	"strconv"
	"time"
)

// Annotations of a pod that change what its containers do.
const (
	prefix                   = "demarc.dev/"
	AnnotationReadyAfter     = prefix + "ready-after"
	AnnotationExitAfter      = prefix + "exit-after"
	AnnotationExitCode       = prefix + "exit-code"
	AnnotationOOMAfter       = prefix + "oom-after"
	AnnotationHTTPStatus     = prefix + "http-status"
	AnnotationLatency        = prefix + "latency"
	AnnotationUnhealthyAfter = prefix + "unhealthy-after"
	AnnotationIgnoreSIGTERM  = prefix + "ignore-sigterm"
	AnnotationPullSeconds    = prefix + "pull-seconds" // the node reads it
)

// Annotation is what a pod may be annotated with.
type Annotation struct {
	Name, Example, Doc string
	check              func(value string) error
}

// Annotations are all that there are.
var Annotations = []Annotation{
	{AnnotationReadyAfter, "10s", "the ports answer so long after the start", isDuration},
	{AnnotationExitAfter, "30s", "the container ends so long after its start", isDuration},
	{AnnotationExitCode, "1", "the exit code with which exit-after ends it; 0 by default", isNumber(0, 255)},
	{AnnotationOOMAfter, "5m", "the container is OOMKilled so long after its start", isDuration},
	{AnnotationHTTPStatus, "503", "the status of every answer, except for /healthz, /readyz, /livez, /health and /ready", isNumber(100, 599)},
	{AnnotationLatency, "200ms", "how long each answer takes", isDuration},
	{AnnotationUnhealthyAfter, "10m", "every answer is 500 so long after the start", isDuration},
	{AnnotationIgnoreSIGTERM, "true", "the program ignores SIGTERM and must be killed", isBool},
	{AnnotationPullSeconds, "40", "how long the first pull of an image takes on a node", isSeconds},
}

// checkOf checks the value of an annotation, nil if there is none of that name.
func checkOf(name string) func(string) error {
	for _, a := range Annotations {
		if a.Name == name {
			return a.check
		}
	}
	return nil
}

func isBool(v string) error {
	_, err := strconv.ParseBool(v)
	return err
}

func isDuration(v string) error {
	d, err := time.ParseDuration(v)
	if err == nil && d < 0 {
		err = fmt.Errorf("duration %s is negative", v)
	}
	return err
}

func isSeconds(v string) error {
	f, err := strconv.ParseFloat(v, 64)
	if err == nil && !(f >= 0) {
		err = fmt.Errorf("%s is not a number of seconds", v)
	}
	return err
}

func isNumber(low, high int) func(string) error {
	return func(v string) error {
		n, err := strconv.Atoi(v)
		if err == nil && (n < low || n > high) {
			err = fmt.Errorf("%d is not between %d and %d", n, low, high)
		}
		return err
	}
}

// annotation is a container's value of an annotation, if it has a good one.
func (s Spec) annotation(name string) (string, bool) {
	for _, key := range []string{name + "." + s.Container, name} {
		if v, ok := s.Annotations[key]; ok && checkOf(name)(v) == nil {
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

// annotate applies the annotations to a plan.
func annotate(s Spec, b *Behaviour) {
	if d, ok := s.duration(AnnotationReadyAfter); ok {
		b.ReadyAfter = d
	}
	if d, ok := s.duration(AnnotationExitAfter); ok {
		b.ends(d, 0, "")
		if v, ok := s.annotation(AnnotationExitCode); ok {
			b.ExitCode, _ = strconv.Atoi(v)
		}
	}
	if d, ok := s.duration(AnnotationOOMAfter); ok && (!b.Exits || d < b.ExitAfter) {
		// 128 + SIGKILL, which is how the kernel ends it.
		b.ends(d, 137, "OOMKilled")
	}
	if v, ok := s.annotation(AnnotationIgnoreSIGTERM); ok {
		b.IgnoresTerm, _ = strconv.ParseBool(v)
	}
}

// ends makes a program end after d. A script goes on until then.
func (b *Behaviour) ends(d time.Duration, code int, reason string) {
	b.Exits, b.ExitAfter, b.ExitCode, b.ExitReason, b.ExitMessage = true, d, code, reason, ""
}
