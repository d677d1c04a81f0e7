//go:build faketime

package controlplane

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A member whose data is whole waits for a leader, which there is none of without
// the others: whoever starts the plane must hear of their loss all the same.
func TestStartDoesNotWaitForALostQuorum(t *testing.T) {
	p, _ := startPlane(t, 3, 1)
	for _, c := range p.Components() {
		_ = c.Crash() // it runs
	}
	for _, member := range []string{"etcd/0", "etcd/1"} {
		if err := p.WipeEtcd(member); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	err := p.Start(ctx)
	var lost *DataLostError
	if !errors.As(err, &lost) || !errors.Is(err, errNoQuorum) {
		t.Errorf("got %v, want two losses, and that the third member waits for a quorum", err)
	}
	if err := p.seats.undisturbed(func() error { return nil }); err != nil { // it still has its directory
		t.Error(err)
	}
}

// A member that an engine has begun to replace is no member yet for the next engine.
func TestInterruptedReplacementBeginsAgain(t *testing.T) {
	for name, started := range map[string]bool{"before it was started": false, "before it was promoted": true} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			cfg := Config{Dir: t.TempDir(), EtcdMembers: 3, APIServers: 1}
			first, client := startPlaneIn(t, cfg)
			if err := writes(client, "before", time.Minute); err != nil {
				t.Fatal(err)
			}
			beginReplacement(t, first, started)
			if got := first.EtcdMembers()[0]; got.Lost == "" {
				t.Errorf("while it learns: got %+v, want that it counts for no quorum", got)
			}
			stopPlane(first)

			p, client := newPlaneIn(t, cfg)
			defer stopPlane(p)
			var lost *DataLostError
			if err := p.Start(ctx); !errors.As(err, &lost) || lost.Member != "etcd/0" {
				t.Fatalf("start: got %v, want that etcd/0 has no data", err)
			}
			short, cancel := context.WithTimeout(ctx, 5*time.Minute)
			defer cancel()
			if err := p.ReplaceEtcdMember(short, "etcd/0"); err != nil {
				t.Fatal(err)
			}
			if got := p.EtcdMembers()[0]; got.Lost != "" {
				t.Errorf("after its replacement: got %+v", got)
			}
			if err := p.Start(short); err != nil {
				t.Fatal(err)
			}
			if err := p.Group("etcd/2")[0].Crash(); err != nil {
				t.Fatal(err)
			}
			if err := writes(client, "after", 2*time.Minute); err != nil {
				t.Errorf("write with the replaced member and one other: %v", err)
			}
		})
	}
}

// beginReplacement does of the replacement of etcd/0 what comes before its promotion.
func beginReplacement(t *testing.T, p *Plane, start bool) {
	t.Helper()
	ctx := context.Background()
	if err := p.WipeEtcd("etcd/0"); err != nil {
		t.Fatal(err)
	}
	client, err := p.EtcdClient("etcd/1")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s := p.seats.list[0]
	if _, err := s.rejoin(ctx, client); err != nil {
		t.Fatal(err)
	}
	if start {
		if err := s.component.Start(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
