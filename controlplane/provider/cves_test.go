package provider

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/timeline"

	"github.com/google/go-cmp/cmp"
)

// fakePatcher is nodes that run what the test says.
type fakePatcher struct {
	at         func() // is called, if not nil, before something is patched
	vulnerable []string
	left       map[string]string

	mu         sync.Mutex // guards vulnerable and what follows: the leader asks
	relabelErr error
	rolled     int
	labels     []string
}

// rolls is how often the nodes were patched.
func (p *fakePatcher) rolls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rolled
}

// mend lets nothing be vulnerable any more.
func (p *fakePatcher) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.vulnerable, p.relabelErr = nil, nil
}

func (p *fakePatcher) NextVersion(string) string { return "2" }
func (p *fakePatcher) NewerImage() string        { return "image-2" }
func (p *fakePatcher) Stock(api.CVE) error       { return nil }
func (p *fakePatcher) hook() {
	if p.at != nil {
		p.at()
	}
}
func (p *fakePatcher) Roll(api.CVE) map[string]string {
	p.hook()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rolled++
	return p.left
}
func (p *fakePatcher) Vulnerable(api.CVE) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.vulnerable
}
func (p *fakePatcher) Relabel(_ context.Context, addon, level string) error {
	p.hook()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.labels = append(p.labels, addon+" "+level)
	return p.relabelErr
}

func TestNewCVE(t *testing.T) {
	now := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	o := NewOperator(OperatorConfig{Patcher: &fakePatcher{}})
	known := map[string]api.CVE{"CVE-2026-1111": {ID: "CVE-2026-1111", Component: etcd, Level: "aks.1"}}
	for _, tt := range []struct {
		req  api.CVERequest
		want string // fix level version image, or a part of the error
	}{
		{api.CVERequest{ID: "CVE-2026-2222", Component: etcd}, "patch aks.2  "},
		{api.CVERequest{ID: "CVE-2026-2222", Component: "kernel"}, "reboot  2 "},
		{api.CVERequest{ID: "CVE-2026-2222", Component: "openssl", Fix: api.FixImage}, "image  2 image-2"},
		{api.CVERequest{ID: "CVE-2026-1111", Component: etcd}, "published already"},
		{api.CVERequest{ID: "cve-1", Component: etcd}, "no ID of a vulnerability"},
		{api.CVERequest{ID: "CVE-2026-2222", Component: "nginx"}, `no component "nginx"`},
		{api.CVERequest{ID: "CVE-2026-2222", Component: etcd, Fix: api.FixReboot}, "is for what is on the nodes"},
		{api.CVERequest{ID: "CVE-2026-2222", Component: "openssl", Fix: api.FixPatch}, "is for managed components"},
		{api.CVERequest{ID: "CVE-2026-2222", Component: "kernel", Fix: api.FixHotPatch}, "until the node reboots"},
		{api.CVERequest{ID: "CVE-2026-2222", Component: etcd, Severity: "awful"}, `severity "awful"`},
	} {
		c, err := o.newCVE(tt.req, known, now)
		got := strings.Join([]string{c.Fix, c.Level, c.Version, c.Image}, " ")
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%+v: %q, want %q", tt.req, got, tt.want)
		}
	}
}

func TestPatchDue(t *testing.T) {
	now := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	c := api.CVE{Published: now, VendorFix: now.Add(-10 * 24 * time.Hour)}
	if got := patchDue(c, 0); !got.Equal(now.Add(30 * time.Minute)) {
		t.Errorf("by the edition of 2019-04 it is due at %v", got)
	}
	if got := patchDue(c, 30*24*time.Hour); !got.Equal(now.Add(20 * 24 * time.Hour)) {
		t.Errorf("by the edition of 2026-08 it is due at %v", got)
	}
}

// patchWith runs an operator that patches with what a directory has, and waits for its
// leader.
func patchWith(t *testing.T, dir string, p Patcher, log *timeline.Log) (*Operator, *Replicas) {
	t.Helper()
	o := NewOperator(OperatorConfig{ControlPlane: &fakeControlPlane{}, Patcher: p, Note: log.Append})
	o.Begin()
	r, err := Open(Config{Dir: dir, Lead: o.patchAll})
	if err != nil {
		t.Fatal(err)
	}
	for _, ok := r.Leader(); !ok; _, ok = r.Leader() {
		time.Sleep(time.Second)
	}
	return o, r
}

func verbsOf(log *timeline.Log) (verbs []string) {
	events, _ := log.Since(0)
	for _, e := range events {
		verbs = append(verbs, string(e.Verb))
	}
	return verbs
}

// A patch that the leader was at when it crashed, or when all of the plane was killed, is
// brought by the next, and said once.
func TestPatchOutlivesItsLeader(t *testing.T) {
	for component, verb := range map[string]string{"coredns": "patched", "openssl": "hot-patched"} {
		for _, killed := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				dir, log, p := t.TempDir(), timeline.New(), &fakePatcher{}
				o, r := patchWith(t, dir, p, log)
				tried := 0
				p.at = func() {
					if tried++; tried == 1 {
						crashAll(t, r, killed)
					}
				}
				time.Sleep(clock.UntilTick(time.Now(), lookPeriod))
				_, err := o.PublishCVE(t.Context(), r, api.CVERequest{ID: "CVE-2026-1111", Component: component})
				must(t, err)
				time.Sleep(patchDelay + time.Second)
				if c := o.CVEs(r)[0]; c.State != api.CVEPatching {
					t.Errorf("%s: %s after the crash", component, c.State)
				}
				if killed {
					must(t, r.Close())
					o, r = patchWith(t, dir, p, log)
				}
				defer func() { must(t, r.Close()) }()
				time.Sleep(2 * time.Minute)
				if c := o.CVEs(r)[0]; c.State != api.CVEFixed || tried != 2 {
					t.Errorf("%s: %s, tried %d times, want %s and 2", component, c.State, tried, api.CVEFixed)
				}
				if diff := cmp.Diff([]string{"published", verb}, verbsOf(log)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", component, diff)
				}
			})
		}
	}
}

// crashAll crashes the leader, and the others too if it is to be all of them.
func crashAll(t *testing.T, r *Replicas, all bool) {
	leader, _ := r.Leader()
	for i := range Count {
		if all || i == leader {
			must(t, r.Crash(i))
		}
	}
}

// TestCVEsAreSeenTo checks the states that vulnerabilities go through, and what is said.
func TestCVEsAreSeenTo(t *testing.T) {
	for _, tt := range []struct {
		name      string
		component string
		fix       string
		patcher   *fakePatcher
		want      string
		verbs     []string
	}{
		{"a library is patched", "openssl", "", &fakePatcher{}, api.CVEFixed, []string{"published", "hot-patched"}},
		{"a node is left", "openssl", "", &fakePatcher{vulnerable: []string{"a"}, left: map[string]string{"a": "held"}}, api.CVENotified, []string{"published", "notified"}},
		{"a kernel waits", "kernel", "", &fakePatcher{vulnerable: []string{"a", "b"}}, api.CVEAwaitsReboot, []string{"published", "awaits reboot"}},
		{"an image is told of", "openssl", api.FixImage, &fakePatcher{vulnerable: []string{"a"}}, api.CVENotified, []string{"published", "notified"}},
		{"an add-on is rolled", "coredns", "", &fakePatcher{}, api.CVEFixed, []string{"published", "patched"}},
		{"an add-on cannot be rolled", "coredns", "", &fakePatcher{relabelErr: errors.New("no answer")}, api.CVEPatching, []string{"published"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			log := timeline.New()
			o, r := patchWith(t, t.TempDir(), tt.patcher, log)
			defer r.Close()
			if _, err := o.PublishCVE(t.Context(), r, api.CVERequest{ID: "CVE-2026-1111", Component: tt.component, Fix: tt.fix}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(patchDelay - time.Minute)
			if c := o.CVEs(r)[0]; tt.fix == "" && c.State != api.CVEPublished {
				t.Errorf("%s: %s before its time", tt.name, c.State)
			}
			time.Sleep(3 * time.Minute)
			if c := o.CVEs(r)[0]; c.State != tt.want {
				t.Errorf("%s: %s, want %s", tt.name, c.State, tt.want)
			}
			if diff := cmp.Diff(tt.verbs, verbsOf(log)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
			if n := tt.patcher.rolls(); n > 1 {
				t.Errorf("%s: the nodes were patched %d times", tt.name, n)
			}
			// What the customer does ends it.
			tt.patcher.mend()
			time.Sleep(2 * time.Minute)
			if c := o.CVEs(r)[0]; c.State != api.CVEFixed || c.Fixed.IsZero() {
				t.Errorf("%s: %s when nothing has it any more", tt.name, c.State)
			}
		})
	}
}
