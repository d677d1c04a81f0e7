package kubelet

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestBackoff(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var b backoff
	failed := start
	if got := b.until(failed); !got.Equal(failed) {
		t.Errorf("the first restart waits until %v", got)
	}
	b.next(failed, failed)
	for i, want := range []time.Duration{10, 20, 40, 80, 160, 300, 300} {
		want *= time.Second
		until := b.until(failed)
		if got := until.Sub(failed); got != want {
			t.Errorf("wait %d = %v, want %v", i, got, want)
		}
		b.next(failed, until)
		failed = until
	}
	if later := failed.Add(2*backoffMax + time.Second); !b.until(later).Equal(later) {
		t.Error("a run of over ten minutes did not reset the wait")
	}
}

func TestRetry(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var r retry
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		r.fail(now)
		if got := r.at.Sub(now); got != want*time.Second {
			t.Errorf("wait %d = %v, want %v", i, got, want*time.Second)
		}
	}
	if r.allows(now) || !r.allows(now.Add(retryMax)) {
		t.Error("the retry is allowed too early or too late")
	}
}

func TestProbeThresholds(t *testing.T) {
	spec := &corev1.Probe{FailureThreshold: 3, SuccessThreshold: 2}
	for _, tc := range []struct {
		name    string
		kind    int
		answers string // + and -
		want    outcome
		held    bool
	}{
		{"one success is too few", readinessProbe, "+", undecided, false},
		{"two successes", readinessProbe, "++", succeeded, false},
		{"a failure in between", readinessProbe, "+-+", undecided, false},
		{"two failures are too few", readinessProbe, "++--", succeeded, false},
		{"three failures", readinessProbe, "++---", failed, false},
		{"back again", readinessProbe, "++---++", succeeded, false},
		{"liveness stops asking", livenessProbe, "---", failed, true},
		{"startup stops asking", startupProbe, "--++", succeeded, true},
	} {
		var p probe
		for _, a := range tc.answers {
			p.record(a == '+', spec, tc.kind)
		}
		if p.outcome != tc.want || p.held != tc.held {
			t.Errorf("%s: outcome %d held %t, want %d %t", tc.name, p.outcome, p.held, tc.want, tc.held)
		}
	}
}

func TestBeatAfter(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct{ period, after, want time.Duration }{
		{10, 0, 0}, {10, 1, 10}, {10, 10, 10}, {10, 11, 20}, {3, 7, 9},
	} {
		got := beatAfter(start, tc.period*time.Second, start.Add(tc.after*time.Second)).Sub(start)
		if got != tc.want*time.Second {
			t.Errorf("period %ds after %ds: %v, want %ds", tc.period, tc.after, got, tc.want)
		}
	}
}

func TestPhase(t *testing.T) {
	run := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	wait := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}
	end := func(code int32) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}
	}
	for _, tc := range []struct {
		name   string
		policy corev1.RestartPolicy
		init   []corev1.ContainerState
		main   []corev1.ContainerState
		over   bool
		want   corev1.PodPhase
	}{
		{"not started", "Always", nil, []corev1.ContainerState{wait}, false, "Pending"},
		{"one of two", "Always", nil, []corev1.ContainerState{run, wait}, false, "Pending"},
		{"running", "Always", nil, []corev1.ContainerState{run, run}, false, "Running"},
		{"to be restarted", "Always", nil, []corev1.ContainerState{end(1)}, false, "Running"},
		{"deleted", "Always", nil, []corev1.ContainerState{end(0)}, true, "Succeeded"},
		{"deleted by force", "Always", nil, []corev1.ContainerState{end(0), end(137)}, true, "Failed"},
		{"job done", "Never", nil, []corev1.ContainerState{end(0)}, false, "Succeeded"},
		{"job failed", "Never", nil, []corev1.ContainerState{end(0), end(1)}, false, "Failed"},
		{"job half done", "Never", nil, []corev1.ContainerState{end(0), run}, false, "Running"},
		{"job tries again", "OnFailure", nil, []corev1.ContainerState{end(1)}, false, "Running"},
		{"init runs", "Always", []corev1.ContainerState{run}, []corev1.ContainerState{wait}, false, "Pending"},
		{"init tries again", "Always", []corev1.ContainerState{end(1)}, []corev1.ContainerState{wait}, false, "Pending"},
		{"init failed", "Never", []corev1.ContainerState{end(1)}, []corev1.ContainerState{wait}, false, "Failed"},
		{"init done", "Always", []corev1.ContainerState{end(0)}, []corev1.ContainerState{run}, false, "Running"},
	} {
		pod := &corev1.Pod{Spec: corev1.PodSpec{RestartPolicy: tc.policy}}
		var s corev1.PodStatus
		for i, st := range tc.init {
			name := string(rune('a' + i))
			pod.Spec.InitContainers = append(pod.Spec.InitContainers, corev1.Container{Name: name})
			s.InitContainerStatuses = append(s.InitContainerStatuses, corev1.ContainerStatus{Name: name, State: st})
		}
		for i, st := range tc.main {
			name := string(rune('m' + i))
			pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: name})
			s.ContainerStatuses = append(s.ContainerStatuses, corev1.ContainerStatus{Name: name, State: st})
		}
		if got := phase(pod, &s, tc.over); got != tc.want {
			t.Errorf("%s: phase = %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestImageNames(t *testing.T) {
	for image, want := range map[string]string{
		"nginx":                 "docker.io/library/nginx:latest",
		"nginx:1.27":            "docker.io/library/nginx:1.27",
		"bitnami/redis":         "docker.io/bitnami/redis:latest",
		"mcr.microsoft.com/a/b": "mcr.microsoft.com/a/b:latest",
		"localhost:5000/x:1":    "localhost:5000/x:1",
	} {
		if got := imageName(image); got != want {
			t.Errorf("imageName(%s) = %s, want %s", image, got, want)
		}
	}
}

func TestEventsAreCountedAndBounded(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var q eventQueue
	for range 3 {
		q.add(now, warning, "Unhealthy", "no", "f")
	}
	if got := q.take(); len(got) != 1 || got[0].count != 3 {
		t.Errorf("events = %+v, want one that counts 3", got)
	}
	if q.pending() {
		t.Error("an event that was taken is still pending")
	}
	for range 1000 {
		q.add(now, warning, "Unhealthy", "no", "f")
	}
	if got := q.take(); got[0].count != eventBurst {
		t.Errorf("count = %d, want %d", got[0].count, eventBurst)
	}
	q.add(now.Add(eventRefill), warning, "Unhealthy", "no", "f")
	if !q.pending() {
		t.Error("nothing may be said after the refill")
	}
}
