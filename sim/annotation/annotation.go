// Package annotation is the set of annotations by which a pod says what its simulated
// containers do. [All] lists them, and [Check] finds what is wrong with one; what they
// change is in package nodes/program.
package annotation

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/sim/backend"
	"demarc/sim/fault"

	"k8s.io/apimachinery/pkg/api/resource"
)

// domain is before the slash in the names of all of them.
const domain = "demarc.dev"

// Names of annotations. With .CONTAINER behind it a name is for that container alone.
const (
	ReadyAfter     = domain + "/ready-after"
	ExitAfter      = domain + "/exit-after"
	ExitCode       = domain + "/exit-code"
	OOMAfter       = domain + "/oom-after"
	HTTPStatus     = domain + "/http-status"
	Latency        = domain + "/latency"
	UnhealthyAfter = domain + "/unhealthy-after"
	CPU            = domain + "/cpu"
	Memory         = domain + "/memory"
	Deny           = domain + "/deny"
	Backend        = domain + "/backend"
	IgnoreSIGTERM  = domain + "/ignore-sigterm"
	PullSeconds    = domain + "/pull-seconds" // the node reads it
)

// Annotation is what a pod may be annotated with.
type Annotation struct {
	Name, Example, Doc string
	check              func(value string) error
}

// All are all that there are.
var All = []Annotation{
	{ReadyAfter, "10s", "the ports answer so long after the start", isDuration},
	{ExitAfter, "30s", "the container ends so long after its start", isDuration},
	{ExitCode, "1", "the exit code with which exit-after ends it; 0 by default", isNumber(0, 255)},
	{OOMAfter, "5m", "the container is OOMKilled so long after its start", isDuration},
	{HTTPStatus, "503", "the status of every answer, except for /healthz, /readyz, /livez, /health and /ready", isNumber(100, 599)},
	{Latency, "200ms", "how long each answer takes", isDuration},
	{UnhealthyAfter, "10m", "every answer is 500 so long after the start", isDuration},
	{CPU, "250m", "the CPU that the container uses, as kubectl top and autoscalers see it", isQuantity},
	{Memory, "300Mi", "the memory that the container uses, as kubectl top and autoscalers see it", isQuantity},
	{Deny, "no team label", "as a webhook it denies every AdmissionReview, with this message; it allows them otherwise", isText},
	{Backend, "127.0.0.1:9443", "a real program on this machine is behind the container's ports; 8443=127.0.0.1:9443,80=127.0.0.1:8080 is for single ports", isBackend},
	{IgnoreSIGTERM, "true", "the program ignores SIGTERM and must be killed", isBool},
	{PullSeconds, "40", "how long the first pull of an image takes on a node", isSeconds},
}

// Mistake is what is wrong with an annotation. Suggestion is the key that was probably
// meant, if it is the key.
type Mistake struct{ Key, Message, Suggestion string }

func (m Mistake) String() string {
	if m.Suggestion == "" {
		return m.Message
	}
	return fmt.Sprintf("%s (did you mean %q?)", m.Message, m.Suggestion)
}

// Ours says whether a key is one of these annotations, or was meant to be.
func Ours(key string) bool {
	prefix, _, ok := strings.Cut(key, "/")
	return ok && fault.Suggest(prefix, []string{domain}) != ""
}

// Check says what is wrong with an annotation of a pod; nil if it is right, or not one
// of ours.
func Check(key, value string) *Mistake {
	if !Ours(key) {
		return nil
	}
	prefix, rest, _ := strings.Cut(key, "/")
	name, container, forOne := strings.Cut(rest, ".")
	names := make([]string, 0, len(All))
	for _, a := range All {
		short := strings.TrimPrefix(a.Name, domain+"/")
		if prefix == domain && short == name {
			if err := a.check(value); err != nil {
				return &Mistake{Key: key, Message: fmt.Sprintf("annotation %s: %v; an example is %q", key, err, a.Example)}
			}
			return nil
		}
		names = append(names, short)
	}
	m := &Mistake{Key: key, Message: "there is no annotation " + key + "; demarc help annotations lists them"}
	if near := fault.Suggest(name, names); near != "" {
		m.Suggestion = domain + "/" + near
		if forOne {
			m.Suggestion += "." + container
		}
	}
	return m
}

// Mistakes are what is wrong with the annotations of a pod, in the order of their keys.
func Mistakes(annotations map[string]string) (list []Mistake) {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if m := Check(key, annotations[key]); m != nil {
			list = append(list, *m)
		}
	}
	return list
}

func isBackend(v string) error {
	_, err := backend.Parse(v)
	return err
}

func isBool(v string) error {
	_, err := strconv.ParseBool(v)
	return err
}

func isQuantity(v string) error {
	q, err := resource.ParseQuantity(v)
	if err == nil && q.Sign() < 0 {
		err = fmt.Errorf("%s is negative", v)
	}
	return err
}

func isText(v string) error {
	if v == "" {
		return errors.New("the text is empty")
	}
	return nil
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
