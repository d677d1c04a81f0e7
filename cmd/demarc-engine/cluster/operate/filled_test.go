package operate

import (
	"testing"
	"testing/synctest"
	"time"

	"demarc/controlplane"
	"demarc/sim/timeline"
)

// What fills etcd counts until a moment after etcd was last seen to be full.
func TestFilledUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := filled{event: 5}
		if got := f.now(); got != 0 {
			t.Errorf("never full: got %d", got)
		}
		f.seen()
		time.Sleep(stillBlocks - time.Second)
		if got := f.now(); got != 5 {
			t.Errorf("a moment ago: got %d, want 5", got)
		}
		time.Sleep(time.Second)
		if got := f.now(); got != 0 {
			t.Errorf("long ago: got %d", got)
		}
	})
}

// Whose doing it is that etcd is full: of whom has written it, or of whose namespace it is in.
func TestWhoFills(t *testing.T) {
	plane, err := controlplane.New(controlplane.Config{Name: "test", Dir: t.TempDir(), Logs: t.TempDir(), Ephemeral: true, Note: func(string, timeline.Verb, string) {}})
	if err != nil {
		t.Fatal(err)
	}
	m := &Management{Config: Config{Plane: plane, Log: timeline.New()}}
	for namespace, want := range map[string]bool{"load": true, "kube-system": false, "kube-node-lease": false, "": false} {
		if got := m.customersOwn(timeline.Use{Resource: "events", Namespace: namespace}); got != want {
			t.Errorf("events in %q are the customer's: got %t", namespace, got)
		}
	}

	add := func(actor timeline.Actor, verb timeline.Verb, subject string) int64 {
		return m.Log.Append(timeline.Event{Actor: actor, Verb: verb, Subject: subject}).Seq
	}
	own := timeline.Use{Resource: "networkpolicies", Namespace: "load"}
	if got := m.wrote(own); got != 0 {
		t.Errorf("nobody has written any: got %d", got)
	}
	add(timeline.Customer, "created", "networkpolicy/load/a")
	newest := add(timeline.Customer, "patched", "networkpolicy/load/b")
	add(timeline.Customer, "deleted", "networkpolicy/load/b")
	add(timeline.Customer, "created", "networkpolicy/other/c")
	add(timeline.Provider, "created", "networkpolicy/load/d")
	if got := m.wrote(own); got != newest {
		t.Errorf("got event %d, want %d", got, newest)
	}
	if want := add(timeline.Customer, "filled", "namespace/load"); m.wrote(own) != want {
		t.Errorf("a fault fills the namespace: got event %d, want %d", m.wrote(own), want)
	}
}

func TestUsesInWords(t *testing.T) {
	for want, u := range map[string]timeline.Use{
		"configmaps in load: 20 objects of 10.0 MiB, and 2.5 MiB of older revisions; written by masterclient with kubectl": {
			Resource: "configmaps", Namespace: "load", Objects: 20, Live: 10 << 20, History: 5 << 19, User: "masterclient", Program: "kubectl"},
		"nodes: 3 objects of 0.0 MiB, and 1.0 MiB of older revisions": {Resource: "nodes", Objects: 3, Live: 9, History: 1 << 20},
	} {
		if got := inWords(u); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for many, want := range map[string]string{"configmaps": "configmap", "networkpolicies": "networkpolicy", "ingresses": "ingress", "endpointslices": "endpointslice", "widgets": "widget"} {
		if got := Singular(many); got != want {
			t.Errorf("%s: got %q, want %q", many, got, want)
		}
	}
}
