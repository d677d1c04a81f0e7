package program

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/annotation"
)

func sh(script string) []string { return []string{"sh", "-c", script} }

func TestPlan(t *testing.T) {
	const forEver = -1
	tests := []struct {
		name   string
		spec   Spec
		after  time.Duration // forEver if it does not end by itself
		code   int
		ports  []int32
		script bool
	}{
		{"nginx", Spec{Image: "nginx"}, forEver, 0, []int32{80}, false},
		{"a registry, a tag and a digest", Spec{Image: "docker.io:5000/library/nginx:1.27@sha256:abc"}, forEver, 0, []int32{80}, false},
		{"our own image", Spec{Image: "shop.azurecr.io/api:7", Ports: []int32{8443}}, forEver, 0, []int32{8443}, false},
		{"our own image without ports", Spec{Image: "shop.azurecr.io/worker"}, forEver, 0, nil, false},
		{"our own image with arguments", Spec{Image: "shop.azurecr.io/api", Args: []string{"--port=9000", "--fast"}}, forEver, 0, []int32{9000}, false},
		{"our own image with a command", Spec{Image: "shop.azurecr.io/api", Command: []string{"/app/run"}}, forEver, 0, nil, false},
		{"agnhost", Spec{Image: "registry.k8s.io/e2e-test-images/agnhost:2.40", Args: []string{"netexec", "--http-port=9376"}}, forEver, 0, []int32{9376}, false},
		{"nginx with arguments of a command", Spec{Image: "nginx", Args: []string{"sleep", "9"}}, 9 * time.Second, 0, nil, false},
		{"busybox alone", Spec{Image: "busybox:1.36"}, 0, 0, nil, false},
		{"ubuntu with a shell", Spec{Image: "ubuntu", Command: []string{"bash"}}, 0, 0, nil, false},
		{"busybox with arguments", Spec{Image: "busybox", Args: []string{"sleep", "3600"}}, time.Hour, 0, nil, false},
		{"sleep", Spec{Image: "busybox", Command: []string{"sleep"}, Args: []string{"1.5m"}}, 90 * time.Second, 0, nil, false},
		{"sleep infinity", Spec{Image: "busybox", Command: []string{"/bin/sleep", "infinity"}}, forEver, 0, nil, false},
		{"tail", Spec{Image: "busybox", Command: []string{"tail", "-f", "/dev/null"}}, forEver, 0, nil, false},
		{"pause", Spec{Image: "registry.k8s.io/pause:3.9"}, forEver, 0, nil, false},
		{"true", Spec{Image: "busybox", Command: []string{"true"}}, 0, 0, nil, false},
		{"false", Spec{Image: "busybox", Command: []string{"/bin/false"}}, 0, 1, nil, false},
		{"sleep and exit", Spec{Image: "busybox", Command: sh("sleep 30; exit 3")}, 30 * time.Second, 3, nil, false},
		{"lines", Spec{Image: "busybox", Command: sh("sleep 2\nsleep 3 && exit 256\n")}, 5 * time.Second, 0, nil, false},
		{"exit ends it", Spec{Image: "busybox", Command: sh("exit 7; sleep 99")}, 0, 7, nil, false},
		{"failure is not skipped", Spec{Image: "busybox", Command: sh("false && sleep 99")}, forEver, 0, nil, true},
		{"a server beside a sleep", Spec{Image: "busybox", Command: sh("sleep 60"), Ports: []int32{80}}, time.Minute, 0, []int32{80}, false},
		{"idle loop", Spec{Image: "busybox", Command: sh("while true; do sleep 10; done")}, forEver, 0, nil, false},
		{"idle with a trap", Spec{Image: "busybox", Command: sh("trap : TERM INT; sleep infinity & wait")}, forEver, 0, nil, false},
		{"a real script", Spec{Image: "busybox", Command: sh("echo $HOME; date")}, forEver, 0, nil, true},
		{"quotes", Spec{Image: "busybox", Command: sh("echo 'a b'; exit 2")}, forEver, 0, nil, true},
		{"pi", Spec{Image: "perl:5.34", Command: []string{"perl", "-Mbignum=bpi", "-wle", "print bpi(2000)"}}, 5 * time.Second, 0, nil, false},
		{"no such program", Spec{Image: "busybox", Command: []string{"foo"}}, 0, 128, nil, false},
		{"mounted script", Spec{Image: "busybox", Command: []string{"/s/run.sh"}, Files: map[string][]byte{"/s/run.sh": []byte("#!/bin/sh\nexit 1")}}, forEver, 0, nil, true},
		{"curl image", Spec{Image: "curlimages/curl", Args: []string{"http://shop"}}, forEver, 0, nil, true},
		{"not a number", Spec{Image: "busybox", Command: sh("exit x")}, forEver, 0, nil, true},
	}
	for _, tt := range tests {
		b := Plan(tt.spec)
		after := time.Duration(forEver)
		if b.Exits {
			after = b.ExitAfter
		}
		if after != tt.after || b.ExitCode != tt.code || !slices.Equal(b.Ports, tt.ports) || (b.Script != nil) != tt.script {
			t.Errorf("%s: got end after %v with %d, ports %v, script %v; want %v with %d, ports %v, script %v",
				tt.name, after, b.ExitCode, b.Ports, b.Script != nil, tt.after, tt.code, tt.ports, tt.script)
		}
		if len(b.Ports) > 0 && b.Handler == nil {
			t.Errorf("%s: has ports and nothing that answers", tt.name)
		}
	}
}

func TestPlanLines(t *testing.T) {
	tests := map[string]struct {
		spec Spec
		want []string
	}{
		"echo":   {Spec{Image: "busybox", Command: sh("echo one; echo two three; sleep 5")}, []string{"one", "two three"}},
		"server": {Spec{Image: "nginx"}, []string{"nginx: starting", "listening on :80"}},
	}
	for name, tt := range tests {
		if got := Plan(tt.spec).Lines(time.Now()); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestWhoHandlesTerm(t *testing.T) {
	tests := map[string]struct {
		spec    Spec
		ignores bool
	}{
		"server":             {Spec{Image: "nginx"}, false},
		"sleep as process 1": {Spec{Image: "busybox", Command: []string{"sleep", "99"}}, true},
		"script":             {Spec{Image: "busybox", Command: sh("date; sleep 99")}, true},
		"script with a trap": {Spec{Image: "busybox", Command: sh("trap 'exit 0' TERM; date; sleep 99")}, false},
		"told to ignore":     {Spec{Image: "nginx", Annotations: map[string]string{annotation.IgnoreSIGTERM: "true"}}, true},
		"told not to ignore": {Spec{Image: "busybox", Command: []string{"sleep", "9"}, Annotations: map[string]string{annotation.IgnoreSIGTERM: "false"}}, false},
	}
	for name, tt := range tests {
		if got := Plan(tt.spec).IgnoresTerm; got != tt.ignores {
			t.Errorf("%s: got %v, want %v", name, got, tt.ignores)
		}
	}
}

func TestAnnotations(t *testing.T) {
	plan := func(pairs ...string) Behaviour {
		a := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			a[pairs[i]] = pairs[i+1]
		}
		return Plan(Spec{Image: "nginx", Container: "web", Annotations: a})
	}
	if b := plan(annotation.ReadyAfter, "10s"); b.ReadyAfter != 10*time.Second || b.Exits {
		t.Errorf("ready-after: got %+v", b)
	}
	if b := plan(annotation.ExitAfter, "1m", annotation.ExitCode, "3"); !b.Exits || b.ExitAfter != time.Minute || b.ExitCode != 3 {
		t.Errorf("exit-after: got %+v", b)
	}
	if b := plan(annotation.OOMAfter, "5s", annotation.ExitAfter, "1m"); b.ExitAfter != 5*time.Second || b.ExitCode != 137 || b.ExitReason != "OOMKilled" {
		t.Errorf("oom-after: got %+v", b)
	}
	if b := plan(annotation.ReadyAfter, "1s", annotation.ReadyAfter+".web", "2s", annotation.ReadyAfter+".db", "3s"); b.ReadyAfter != 2*time.Second {
		t.Errorf("for one container: got %v", b.ReadyAfter)
	}
	if b := plan(annotation.ReadyAfter, "soon", annotation.ExitAfter, "-1s"); b.ReadyAfter != 0 || b.Exits {
		t.Errorf("bad values: got %+v", b)
	}
}

// Who works through the API server is probed, too.
func TestAgentServes(t *testing.T) {
	b := Plan(Spec{Image: "ghcr.io/kubereboot/kured:1.23.0", Ports: []int32{8080}, Agent: func(context.Context, io.Writer, []string) int { return 0 }})
	if b.Script == nil || b.Handler == nil || !slices.Equal(b.Ports, []int32{8080}) {
		t.Errorf("got %+v", b)
	}
}

func TestHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		get := func(h http.Handler, path string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			return w
		}
		spec := Spec{Image: "nginx", Namespace: "default", Pod: "shop-1", PodIP: "10.244.0.7", Container: "web"}
		w := get(Plan(spec).Handler, "/any/thing")
		if w.Code != 200 || !strings.Contains(w.Body.String(), "default/shop-1") || w.Header().Get("Server") != "nginx" {
			t.Errorf("got %d %q by %q", w.Code, w.Body, w.Header().Get("Server"))
		}
		spec.Annotations = map[string]string{annotation.HTTPStatus: "503", annotation.Latency: "200ms", annotation.UnhealthyAfter: "1m"}
		h, start := Plan(spec).Handler, time.Now()
		if w := get(h, "/"); w.Code != 503 || time.Since(start) != 200*time.Millisecond {
			t.Errorf("got %d after %v, want 503 after 200ms", w.Code, time.Since(start))
		}
		if w := get(h, "/healthz"); w.Code != 200 {
			t.Errorf("healthz: got %d, want 200", w.Code)
		}
		time.Sleep(time.Minute)
		if w := get(h, "/healthz"); w.Code != 500 {
			t.Errorf("healthz after a minute: got %d, want 500", w.Code)
		}
		spec.StartedAt = start // another engine goes on with the same instance
		if w := get(Plan(spec).Handler, "/healthz"); w.Code != 500 {
			t.Errorf("resumed: got %d, want 500", w.Code)
		}
		adapter := Plan(Spec{Image: "registry.k8s.io/prometheus-adapter/prometheus-adapter:v0.12.0", Ports: []int32{6443}}).Handler
		if w := get(adapter, "/apis/custom.metrics.k8s.io/v1beta1"); w.Code != 200 || !strings.Contains(w.Body.String(), `"groupVersion":"custom.metrics.k8s.io/v1beta1"`) {
			t.Errorf("an API that is aggregated: got %d %s", w.Code, w.Body)
		}
		if w := get(adapter, "/apis/custom.metrics.k8s.io/v1beta1/nodes"); w.Code != 404 {
			t.Errorf("a resource of it: got %d, want 404", w.Code)
		}
		if w := get(Plan(Spec{Image: "acme/adapter", Ports: []int32{6443}}).Handler, "/apis/custom.metrics.k8s.io/v1beta1"); w.Code != 404 {
			t.Errorf("an API of a server that nobody knows: got %d, want 404", w.Code)
		}
		echo := Plan(Spec{Image: "hashicorp/http-echo", Args: []string{"-text=hello", "-listen=:5678"}})
		if w := get(echo.Handler, "/"); w.Body.String() != "hello\n" {
			t.Errorf("http-echo: got %q", w.Body)
		}
	})
}
