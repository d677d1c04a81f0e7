//go:build faketime

package controlplane

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Whoever asks a member that gives up, or that holds its locks for good, goes on.
func TestAsk(t *testing.T) {
	for name, tt := range map[string]struct {
		question func(context.Context) int
		want     string // of the error
	}{
		"answers":   {func(context.Context) int { return 42 }, ""},
		"gives up":  {func(context.Context) int { runtime.Goexit(); return 1 }, "it has given up"},
		"is locked": {func(context.Context) int { select {} }, context.DeadlineExceeded.Error()},
	} {
		answer, err := ask(t.Context(), tt.question)
		switch {
		case tt.want == "" && (err != nil || answer != 42), tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("one that %s: got %d, %v, want %q", name, answer, err, tt.want)
		}
	}
}

// etcd holds its locks for good after it could not write. Its health check says so in
// time, and the next start says what to do.
func TestEtcdThatHoldsItsLocks(t *testing.T) {
	p, _ := startPlaneWith(t, Config{EtcdMembers: 1, APIServers: 1})
	c := p.seats.list[0].component
	m, err := p.seats.list[0].running()
	if err != nil {
		t.Fatal(err)
	}
	locks := m.etcd.Server.Backend().ReadTx().(sync.Locker)
	locks.Lock()
	if err := c.Healthy(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("health check: got %v, want that it does not answer", err)
	}
	if got := c.Restart(t.Context(), c.Life()); got == nil || !strings.Contains(got.Error(), "demarc down") {
		t.Errorf("restart: got %v, want what to do", got)
	}
	if got := c.Status().Message; !strings.Contains(got, "demarc down") {
		t.Errorf("status: got %q, want what to do", got)
	}
	locks.Unlock()
}
