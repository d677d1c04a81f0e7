package host

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

func TestFileErrors(t *testing.T) {
	h := newHost()
	for name, c := range map[string]struct {
		err  error
		want error
	}{
		"stat nothing":         {second(h.Stat("/nope")), fs.ErrNotExist},
		"stat below a file":    {second(h.Stat("/etc/fstab/x")), syscall.ENOTDIR},
		"stat empty path":      {second(h.Stat("")), fs.ErrNotExist},
		"stat odd path":        {second(h.Stat("/a\x00b")), syscall.EINVAL},
		"stat long name":       {second(h.Stat("/" + strings.Repeat("x", 300))), syscall.ENAMETOOLONG},
		"list a file":          {second(h.List("/etc/fstab")), syscall.ENOTDIR},
		"read a directory":     {second(h.Read("/etc")), syscall.EISDIR},
		"write a directory":    {h.Write(start, "/etc", nil, false), syscall.EISDIR},
		"write without parent": {h.Write(start, "/no/file", nil, false), fs.ErrNotExist},
		"write below a file":   {h.Write(start, "/etc/fstab/x", nil, false), syscall.ENOTDIR},
		"mkdir again":          {h.Mkdir(start, "/etc"), fs.ErrExist},
		"mkdir without parent": {h.Mkdir(start, "/no/dir"), fs.ErrNotExist},
		"delete a directory":   {h.Delete(start, "/etc", false), syscall.EISDIR},
		"delete nothing":       {h.Delete(start, "/nope", true), fs.ErrNotExist},
		"allocate negative":    {h.Allocate(start, "/tmp/x", -1), syscall.EINVAL},
	} {
		var path *fs.PathError
		if !errors.Is(c.err, c.want) || !errors.As(c.err, &path) {
			t.Errorf("%s: %v, want %v", name, c.err, c.want)
		}
	}
	if h.Drifted() {
		t.Error("what failed left traces")
	}
}

func second[T any](_ T, err error) error { return err }

func TestFilesOverTheImage(t *testing.T) {
	h := newHost()
	do(t, h.Write(start, "/etc/motd", []byte("a"), false))
	do(t, h.Write(after(1), "/etc/motd", []byte("b"), true))
	if b, _ := h.Read("/etc/motd"); string(b) != "ab" {
		t.Errorf("read %q", b)
	}
	do(t, h.Write(start, "/etc/hosts", []byte("10.0.0.1 x\n"), true))
	if b, _ := h.Read("/etc/hosts"); !strings.HasPrefix(string(b), "127.0.0.1 localhost\n127.0.1.1 "+h.Name()) || !strings.HasSuffix(string(b), "10.0.0.1 x\n") {
		t.Errorf("read %q", b)
	}
	for path, want := range map[string]bool{"/lib/systemd/system/containerd.service": true, "/usr/lib/systemd/system/../system/containerd.service": true, "/etc/fstab": false} {
		if f, err := h.Stat(path); err != nil || f.Provider != want {
			t.Errorf("%s: %+v, %v", path, f, err)
		}
	}
	do(t, h.Delete(start, "/etc/kubernetes", true))
	do(t, h.Mkdir(start, "/root/k"))
	if !present(h, "/etc/containerd") || present(h, "/etc/kubernetes/azure.json") {
		t.Error("another directory than the deleted one is gone")
	}
	list, err := h.List("/root")
	if err != nil || len(list) != 2 || list[1].Path != "/root/k" || !list[1].Dir {
		t.Errorf("list: %v, %v", list, err)
	}
	do(t, h.Delete(start, "/etc", true))
	do(t, h.Mkdir(start, "/etc"))
	if list, _ := h.List("/etc"); len(list) != 0 {
		t.Errorf("a new directory has %v", list)
	}
	if b, err := h.Read("/var/run/../lib/kubelet/config.yaml"); err != nil || len(b) == 0 {
		t.Error("another tree is gone too")
	}
}

func present(h *Host, path string) bool {
	_, err := h.Stat(path)
	return err == nil
}

func TestDeletedTreesGiveTheirSpace(t *testing.T) {
	h := newHost()
	do(t, h.Delete(start, "/var/lib/containerd", true))
	if used, _ := h.Disk(); used != diskUsed-9800<<20 {
		t.Errorf("%d bytes are used", used)
	}
	do(t, h.Delete(start, "/", true))
	if used, _ := h.Disk(); used != diskUsed-testImage.listed || len(h.d.Files) != 1 || !h.Running(Kubelet) {
		t.Errorf("%d bytes are used; %d nodes", used, len(h.d.Files))
	}
}

func TestContentIsBounded(t *testing.T) {
	h := newHost()
	part := make([]byte, 700<<10)
	for range 3 {
		do(t, h.Write(start, "/tmp/big", part, true))
	}
	f, _ := h.Stat("/tmp/big")
	if b, _ := h.Read("/tmp/big"); len(b) != maxContent || f.Size != 3*700<<10 {
		t.Errorf("%d bytes are kept of %d", len(b), f.Size)
	}
	for i := range 20 {
		do(t, h.Write(start, "/tmp/"+strings.Repeat("y", i+1), part, false))
	}
	if h.d.kept != maxKept {
		t.Errorf("%d bytes are kept", h.d.kept)
	}
	do(t, h.Delete(start, "/tmp", true))
	if used, _ := h.Disk(); h.d.kept != 0 || used != diskUsed {
		t.Errorf("%d bytes are kept, %d used after the deletion", h.d.kept, used)
	}
}

func TestFullDisk(t *testing.T) {
	h := newHost()
	err := h.Allocate(start, "/var/tmp/fill", 1<<40)
	if used, size := h.Disk(); !errors.Is(err, syscall.ENOSPC) || used != size {
		t.Fatalf("%v; %d of %d", err, used, size)
	}
	if h.Running(Containerd) || !h.Running(Kubelet) {
		t.Fatal("containerd runs on a full disk, or the kubelet does not")
	}
	if err := h.Write(start, "/tmp/x", []byte("x"), false); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write: %v", err)
	}
	if f, err := h.Stat("/tmp/x"); err != nil || f.Size != 0 {
		t.Errorf("the file that had no room: %+v, %v", f, err)
	}
	if _, err := h.Install(start, "htop"); err == nil || !strings.Contains(err.Error(), "enough free space") {
		t.Errorf("install: %v", err)
	}
	if did := runUntil(t, h, after(300)); len(did) > 0 {
		t.Errorf("did %v", did)
	}
	if got, want := h.Why(Containerd), "failed (Result: start-limit-hit)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if err := h.StartUnit(after(300), Containerd); err == nil {
		t.Error("containerd started on a full disk")
	}
	do(t, h.Delete(after(301), "/var/tmp/fill", false))
	if did := describe(runUntil(t, h, after(330))); did != "restart containerd.service" && did != "start containerd.service" {
		t.Errorf("did %s when there was room again", did)
	}
}
