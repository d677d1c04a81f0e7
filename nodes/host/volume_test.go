package host

import (
	"errors"
	"syscall"
	"testing"
	"time"
)

func TestVolume(t *testing.T) {
	now := time.Unix(0, 0)
	v := NewVolume("disk", 1<<20)
	if list, err := v.List("/"); err != nil || len(list) != 1 || list[0].Path != "/lost+found" {
		t.Errorf("a new one has %v, %v; want lost+found", list, err)
	}
	if err := v.Write(now, "/ledger", []byte("one"), false); err != nil {
		t.Fatal(err)
	}
	if err := v.Allocate(now, "/big", 2<<20); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a file that is larger than the disk: got %v, want ENOSPC", err)
	}
	if err := v.Delete(now, "/big", false); err != nil {
		t.Fatal(err)
	}
	v.Grow(4 << 20)
	if err := v.Allocate(now, "/big", 2<<20); err != nil {
		t.Errorf("after it has grown: %v", err)
	}
	c := v.Clone("copy", 0)
	if err := v.Write(now, "/ledger", []byte(" two"), true); err != nil {
		t.Fatal(err)
	}
	saved, err := v.Save()
	if err != nil {
		t.Fatal(err)
	}
	again := NewVolume("disk", 4<<20)
	if err := again.Load(saved); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name string
		v    *Volume
		want string
	}{{"itself", v, "one two"}, {"its clone of before", c, "one"}, {"loaded", again, "one two"}} {
		if b, err := x.v.Read("/ledger"); err != nil || string(b) != x.want {
			t.Errorf("%s: got %q, %v; want %q", x.name, b, err, x.want)
		}
		if x.v.Used() != 2<<20+blockSize {
			t.Errorf("%s: %d bytes are used, want %d", x.name, x.v.Used(), 2<<20+blockSize)
		}
	}
	if err := again.Load([]byte("{")); err == nil {
		t.Error("damaged files: got no error")
	}
}
