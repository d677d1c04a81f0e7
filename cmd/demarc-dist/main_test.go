package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// inputs are a program and a text, made at some time.
func inputs(t *testing.T, at time.Time) []string {
	t.Helper()
	dir := t.TempDir()
	program, text := filepath.Join(dir, "demarc"), filepath.Join(dir, "README.md")
	for name, mode := range map[string]os.FileMode{program: 0o700, text: 0o600} {
		if err := os.WriteFile(name, []byte("x"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	return []string{program, text}
}

// TestArchive makes archives at two times: they are the same, and have all files.
func TestArchive(t *testing.T) {
	for _, windows := range []bool{false, true} {
		var made [][]byte
		for _, at := range []time.Time{time.Unix(1, 0), time.Unix(1e9, 0)} {
			out := t.TempDir()
			if err := writeArchive(out, "demarc-1", windows, inputs(t, at)); err != nil {
				t.Fatal(err)
			}
			files, _ := filepath.Glob(filepath.Join(out, "*"))
			b, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, b)
		}
		if !bytes.Equal(made[0], made[1]) {
			t.Errorf("windows %t: the bytes depend on when it was made", windows)
		}
		list := listTar
		if windows {
			list = listZip
		}
		want := []string{"-rwxr-xr-x demarc-1/demarc x", "-rw-r--r-- demarc-1/README.md x"}
		if got := list(t, made[0]); !slices.Equal(got, want) {
			t.Errorf("windows %t: %q, want %q", windows, got, want)
		}
	}
}

func listTar(t *testing.T, b []byte) (list []string) {
	zipped, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(zipped); ; {
		h, err := r.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(r)
		list = append(list, fmt.Sprintf("%v %s %s", h.FileInfo().Mode(), h.Name, text))
	}
}

func listZip(t *testing.T, b []byte) (list []string) {
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(in)
		list = append(list, fmt.Sprintf("%v %s %s", f.Mode(), f.Name, text))
	}
	return list
}

// TestBill writes the bill of this test's own program, twice.
func TestBill(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for range 2 {
		file := filepath.Join(t.TempDir(), "bill.json")
		if err := writeBill(file, "demarc-1", []string{program}); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(b))
	}
	if texts[0] != texts[1] {
		t.Error("two bills of one program differ")
	}
	var got bill
	if err := json.Unmarshal([]byte(texts[0]), &got); err != nil {
		t.Fatal(err)
	}
	ids := []string{got.ID}
	for _, p := range got.Packages {
		if slices.Contains(ids, p.ID) {
			t.Errorf("%s is there twice", p.ID)
		}
		ids = append(ids, p.ID)
	}
	for _, r := range got.Relations {
		if !slices.Contains(ids, r.From) || !slices.Contains(ids, r.To) {
			t.Errorf("%+v is about something that is not in the bill", r)
		}
	}
	for _, module := range []string{"stdlib", "golang.org/x/sys"} {
		if !slices.ContainsFunc(got.Packages, func(p spdxPackage) bool { return p.Name == module && p.Version != "" }) {
			t.Errorf("%s is linked in, and not in the bill", module)
		}
	}
}

func TestSums(t *testing.T) {
	out := t.TempDir()
	for name, text := range map[string]string{"a.zip": "a", sums: "old"} {
		if err := os.WriteFile(filepath.Join(out, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeSums(out); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(out, sums))
	if want := "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a.zip\n"; err != nil || strings.TrimSpace(string(b))+"\n" != want {
		t.Errorf("%q %v, want %q", b, err, want)
	}
}
