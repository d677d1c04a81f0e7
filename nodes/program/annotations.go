package program

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Annotations of a pod that change what its containers do.
const (
	prefix = "demarc.dev/"
	// AnnotationReadyAfter is how long after the start the ports answer: 10s.
	AnnotationReadyAfter = prefix + "ready-after"
	// AnnotationExitAfter ends the container so long after its start: 30s.
	AnnotationExitAfter = prefix + "exit-after"
	// AnnotationExitCode is the code with which exit-after ends it: 1. Default 0.
	AnnotationExitCode = prefix + "exit-code"
	// AnnotationOOMAfter kills it for want of memory so long after its start.
	AnnotationOOMAfter = prefix + "oom-after"
	// AnnotationHTTPStatus is what requests are answered with, except those for
	// /healthz, /readyz, /livez, /health and /ready: 503.
	AnnotationHTTPStatus = prefix + "http-status"
	// AnnotationLatency is how long each answer takes: 200ms.
	AnnotationLatency = prefix + "latency"
	// AnnotationUnhealthyAfter has it answer 500 so long after its start.
	AnnotationUnhealthyAfter = prefix + "unhealthy-after"
	// AnnotationIgnoreSIGTERM is "true" for a program that must be killed.
	AnnotationIgnoreSIGTERM = prefix + "ignore-sigterm"
	// AnnotationPullSeconds is how long the first pull of an image on a node
	// takes; the node reads it.
	AnnotationPullSeconds = prefix + "pull-seconds"
)

// checks are how the value of each annotation is read.
var checks = map[string]func(string) error{
	AnnotationReadyAfter: isDuration, AnnotationExitAfter: isDuration, AnnotationOOMAfter: isDuration,
	AnnotationLatency: isDuration, AnnotationUnhealthyAfter: isDuration,
	AnnotationExitCode: isNumber(0, 255), AnnotationHTTPStatus: isNumber(100, 599), AnnotationPullSeconds: isSeconds,
	AnnotationIgnoreSIGTERM: func(v string) error { _, err := strconv.ParseBool(v); return err },
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

// Check finds mistakes in the annotations of demarc's prefix, in their order.
func Check(annotations map[string]string) (errs []error) {
	for name, value := range annotations {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		base, _, _ := strings.Cut(strings.TrimPrefix(name, prefix), ".")
		check, ok := checks[prefix+base]
		if !ok {
			errs = append(errs, fmt.Errorf("annotation %s: unknown", name))
		} else if err := check(value); err != nil {
			errs = append(errs, fmt.Errorf("annotation %s: %q: %w", name, value, err))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}

// annotation is a container's value of an annotation, if it has a good one.
func (s Spec) annotation(name string) (string, bool) {
	for _, key := range []string{name + "." + s.Container, name} {
		if v, ok := s.Annotations[key]; ok && checks[name](v) == nil {
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
