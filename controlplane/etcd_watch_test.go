//go:build faketime

package controlplane

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// TestWatchesFromLongAgo has etcd bring watchers up to date that differ in how
// far they lag: one needs more than one round, and the others are done after the
// first.
func TestWatchesFromLongAgo(t *testing.T) {
	const updates = 1100 // one round brings 1,000
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, client := startPlane(t, 1, 1)
	core := client.CoreV1()
	cm, err := core.ConfigMaps("default").Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "busy"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	since := metav1.ListOptions{ResourceVersion: cm.ResourceVersion}
	for i := range updates {
		cm.Data = map[string]string{"n": fmt.Sprint(i)}
		if cm, err = core.ConfigMaps("default").Update(ctx, cm, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	var busy watch.Interface
	for name, open := range map[string]func(context.Context, metav1.ListOptions) (watch.Interface, error){
		"configmaps": core.ConfigMaps("default").Watch, "secrets": core.Secrets("default").Watch, "services": core.Services("default").Watch,
	} {
		w, err := open(ctx, since)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
		if name == "configmaps" {
			busy = w
		}
	}
	for i := 0; i < updates; i++ {
		select {
		case e := <-busy.ResultChan():
			got, ok := e.Object.(*corev1.ConfigMap)
			if ok && got.Name != "busy" { // controllers make one in each namespace
				i--
				continue
			}
			if !ok || got.Data["n"] != fmt.Sprint(i) {
				t.Fatalf("event %d: got %s %v", i, e.Type, e.Object)
			}
		case <-ctx.Done():
			t.Fatalf("%d events of %d within a minute", i, updates)
		}
	}
}
