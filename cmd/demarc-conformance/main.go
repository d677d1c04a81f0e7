// Demarc-conformance runs upstream's conformance tests, of the version that is linked in,
// against the cluster of KUBECONFIG and prints a table by SIG.
//
// Usage:
//
//	demarc exec -- go run ./cmd/demarc-conformance          every conformance test
//	demarc exec -- go run ./cmd/demarc-conformance -smoke   those of smoke.yaml
//	demarc exec -- go run ./cmd/demarc-conformance -focus 'sig-node.*Probing'
//
// Known.yaml holds the tests that are known to fail, each with the reason. It exits with
// 0 if no other failed, 1 if one did or if one of those passed, 2 for bad input, and 3 if
// the tests could not be run. It builds the tests, kubectl and ginkgo in bin/conformance,
// where their reports are afterwards; the first time that takes minutes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// built is where the programs are built and the reports written, from the module's root.
const built = "bin/conformance"

// Exit codes, as those of demarc.
const (
	exitFailed   = 1
	exitBadInput = 2
	exitBroken   = 3
)

// options are what the command line says.
type options struct {
	smoke bool
	focus string
	procs int
}

func main() {
	var o options
	flag.BoolVar(&o.smoke, "smoke", false, "run the tests of smoke.yaml alone")
	flag.StringVar(&o.focus, "focus", "", "run the conformance tests alone whose names match this regular expression")
	flag.IntVar(&o.procs, "procs", 8, "tests that run at once")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code, err := run(ctx, o, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demarc-conformance:", err)
	}
	os.Exit(code)
}

// run builds, runs and judges the tests. It returns an exit code.
func run(ctx context.Context, o options, rest []string) (int, error) {
	kubeconfig := os.Getenv("KUBECONFIG")
	_, bad := regexp.Compile(o.focus)
	switch {
	case len(rest) > 0:
		return exitBadInput, fmt.Errorf("unknown argument %s", rest[0])
	case kubeconfig == "":
		return exitBadInput, errors.New("KUBECONFIG is not set: which cluster? Say demarc exec -- go run ./cmd/demarc-conformance")
	case o.smoke && o.focus != "":
		return exitBadInput, errors.New("-smoke and -focus exclude each other")
	case bad != nil:
		return exitBadInput, fmt.Errorf("-focus: %w", bad)
	}
	if err := build(ctx); err != nil {
		return exitBroken, err
	}
	if err := runTests(ctx, o, kubeconfig); err != nil {
		return exitBroken, err
	}
	results, err := readResults(filepath.Join(built, reportFile))
	if err != nil {
		return exitBroken, err
	}
	if len(results) == 0 {
		return exitBadInput, fmt.Errorf("no conformance test matches -focus %s", o.focus)
	}
	if missing := absent(results, o); len(missing) > 0 {
		return exitBroken, fmt.Errorf("upstream has no test of the name %s any more: mend known.yaml and smoke.yaml", strings.Join(missing, ", nor "))
	}
	t := judge(results, known)
	if err := t.print(os.Stdout); err != nil {
		return exitBroken, err
	}
	if !t.holds() {
		return exitFailed, nil
	}
	return 0, nil
}

// build makes the tests and the programs they need. What is made already costs a second.
func build(ctx context.Context) error {
	version, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes").Output()
	if err != nil {
		return fmt.Errorf("go list -m k8s.io/kubernetes: %w", err)
	}
	flags, err := stamp(strings.TrimSpace(string(version)))
	if err != nil {
		return err
	}
	for _, program := range [][]string{
		{"build", "-ldflags", flags, "-o", built + "/", "github.com/onsi/ginkgo/v2/ginkgo", "k8s.io/kubernetes/cmd/kubectl"},
		{"test", "-c", "-vet=off", "-tags", "conformance", "-ldflags", flags, "-o", filepath.Join(built, "e2e.test"), "k8s.io/kubernetes/test/e2e"},
	} {
		c := exec.CommandContext(ctx, "go", program...)
		c.Stderr = os.Stderr
		if err := c.Run(); err != nil {
			return fmt.Errorf("go %s: %w", strings.Join(program, " "), err)
		}
	}
	return nil
}

// stamp has the linker write a version into the tests and kubectl, as upstream's build does:
// tests choose by it what they try.
func stamp(version string) (string, error) {
	parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
	if len(parts) < 3 {
		return "", fmt.Errorf("k8s.io/kubernetes has the version %q, which is none of a release", version)
	}
	const at = "k8s.io/component-base/version."
	return fmt.Sprintf("-X %[1]sgitVersion=%[2]s -X %[1]sgitMajor=%[3]s -X %[1]sgitMinor=%[4]s", at, version, parts[0], parts[1]), nil
}

// runTests runs them and leaves ginkgo's report behind. That some fail is no error.
func runTests(ctx context.Context, o options, kubeconfig string) error {
	dir, err := filepath.Abs(built)
	if err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, reportFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	c := exec.CommandContext(ctx, filepath.Join(dir, "ginkgo"),
		"--procs="+strconv.Itoa(o.procs), "--timeout=3h", "--no-color", "--succinct", "--silence-skips",
		"--label-filter=Conformance", "--focus="+focus(o), "--output-dir="+dir, "--json-report="+reportFile, "--keep-going",
		filepath.Join(dir, "e2e.test"), "--",
		"--kubeconfig="+kubeconfig, "--kubectl-path="+filepath.Join(dir, "kubectl"), "--provider=skeleton",
		"--dump-logs-on-failure=false", "--disable-log-dump=true", "--report-dir="+dir)
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) } // ginkgo still tidies up
	var failed *exec.ExitError
	if err := c.Run(); err != nil && !errors.As(err, &failed) {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, reportFile)); err != nil {
		return errors.New("ginkgo wrote no report; what it said stands above")
	}
	return nil
}

// absent lists the tests of this program's lists that should have run and did not.
func absent(results []result, o options) []string {
	var names []string
	switch {
	case o.smoke:
		names = smoke
	case o.focus == "":
		for _, k := range known {
			names = append(names, k.Test)
		}
	}
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		return slices.ContainsFunc(results, func(r result) bool { return r.name == n })
	})
}

// focus is the regular expression of the names of the tests to run.
func focus(o options) string {
	if !o.smoke {
		return o.focus
	}
	names := make([]string, len(smoke))
	for i, n := range smoke {
		names[i] = regexp.QuoteMeta(n)
	}
	return strings.Join(names, "|")
}
