//go:build faketime

package controlplane

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"demarc/backup"
	"demarc/sim/disk/disktest"
)

// etcd would end the process in the goroutine that reads a damaged page.
func TestDamagedPageIsFoundBeforeUse(t *testing.T) {
	ctx := context.Background()
	p, client := startPlane(t, 1, 1)
	if err := writes(client, "before", time.Second); err != nil {
		t.Fatal(err)
	}
	etcd, s := p.Group(Etcd)[0], p.seats.list[0]
	if err := etcd.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	sums := filepath.Join(s.dir, "sums.json")
	if _, err := os.Stat(sums); err != nil {
		t.Fatalf("it was stopped in good order: %v", err)
	}
	whole := read(t, backup.Database(s.dir))
	// In all pages: some are free, and nobody reads those.
	disktest.Harm(t, backup.Database(s.dir), disktest.Changed("flipped", func(b []byte) []byte {
		return bytes.ReplaceAll(b, []byte("/registry/"), []byte("/registsy/"))
	}))
	var lost *DataLostError
	if err := etcd.Start(ctx); !errors.As(err, &lost) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("start on damaged data: got %v, want a DataLostError of one line", err)
	}
	if got := p.EtcdMembers()[0].Lost; !strings.Contains(got, "db is damaged") {
		t.Errorf("the member says %q", got)
	}
	// Put back, it is used, and what was known of it is forgotten.
	if err := os.WriteFile(backup.Database(s.dir), []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	s.lose("")
	if err := etcd.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(sums); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the sums are there while etcd runs: %v", err)
	}
	if _, err := client.CoreV1().ConfigMaps("default").Get(ctx, "before", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}
