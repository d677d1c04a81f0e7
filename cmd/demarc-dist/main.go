// Demarc-dist makes what a release has: for each platform an archive of demarc and its
// engine and a bill of materials in SPDX's JSON, and the checksums of all. Whoever has
// an archive needs no Go. From the same sources and the same Go the same bytes are made.
//
// Usage:
//
//	demarc-dist [-o DIR] [PLATFORM…]
//
// A platform is written as linux/amd64; without any it is all that releases have. The
// first build for a platform compiles Kubernetes, a quarter of an hour of CPU.
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"demarc/sim/api"
	"demarc/sim/engine"
)

// all are the platforms of a release.
var all = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}

func main() {
	out := flag.String("o", "bin/dist", "the directory for what is made")
	flag.Parse()
	platforms := flag.Args()
	if len(platforms) == 0 {
		platforms = all
	}
	for _, p := range platforms {
		if !slices.Contains(all, p) {
			fmt.Fprintf(os.Stderr, "demarc-dist: no release is made for %q; there are %s\n", p, strings.Join(all, ", "))
			os.Exit(2)
		}
	}
	if err := makeAll(*out, platforms); err != nil {
		fmt.Fprintln(os.Stderr, "demarc-dist:", err)
		os.Exit(1)
	}
}

// makeAll makes the archives of platforms and the checksums of everything in out.
func makeAll(out string, platforms []string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, p := range platforms {
		if err := makeOne(out, p); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	return writeSums(out)
}

// makeOne makes the archive of a platform and its bill of materials.
func makeOne(out, platform string) error {
	system, architecture, _ := strings.Cut(platform, "/")
	name := fmt.Sprintf("demarc-%s-%s-%s", api.Version, system, architecture)
	dir, err := os.MkdirTemp("", name+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var programs []string
	for _, program := range []string{"demarc", "demarc-engine"} {
		path := filepath.Join(dir, program)
		if system == "windows" {
			path += ".exe"
		}
		fmt.Printf("%s: building %s\n", platform, program)
		if err := build(path, program, system, architecture); err != nil {
			return err
		}
		programs = append(programs, path)
	}
	if err := writeBill(filepath.Join(out, name+".spdx.json"), name, programs); err != nil {
		return err
	}
	return writeArchive(out, name, system == "windows", append(programs, "README.md"))
}

// build builds a program as a release has it: without symbols, and without paths of the
// machine that it is built on, but with the commit, if the sources are of one.
func build(path, program, system, architecture string) error {
	args := []string{"build", "-trimpath", "-buildvcs=auto", "-ldflags", "-s -w", "-o", path}
	if program == "demarc-engine" {
		args = append(args, engine.BuildTags(system)...)
	}
	cmd := exec.Command("go", append(args, "./cmd/"+program)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+architecture, "GOFLAGS=")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", program, err, said)
	}
	return nil
}

// sums is the name of the file of checksums, in the form of sha256sum.
const sums = "SHA256SUMS"

func writeSums(out string) error {
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, e := range entries {
		if e.Name() == sums {
			continue
		}
		sum, err := sha256Of(filepath.Join(out, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%s  %s\n", sum, e.Name())
	}
	return os.WriteFile(filepath.Join(out, sums), []byte(text.String()), 0o644)
}

func sha256Of(file string) (string, error) {
	b, err := os.ReadFile(file)
	return fmt.Sprintf("%x", sha256.Sum256(b)), err
}
