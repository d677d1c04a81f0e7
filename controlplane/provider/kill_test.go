package provider

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"

	"demarc/sim/api"
)

// victimDir names the directory of the process that TestKilledProcess kills.
const victimDir = "DEMARC_TEST_PROVIDER_DIR"

// What was acknowledged is there after the whole process was killed while it
// was writing.
func TestKilledProcess(t *testing.T) {
	if dir := os.Getenv(victimDir); dir != "" {
		writeUntilKilled(t, dir)
	}
	dir := t.TempDir()
	acknowledged := 0
	for range 3 {
		acknowledged = killAfter(t, dir, acknowledged+100)
		synctest.Test(t, func(t *testing.T) {
			p := openPlane(t, dir)
			defer p.close()
			p.waitLeader(30 * time.Second)
			for i := range acknowledged + 1 {
				if _, ok := p.State().Backups[fmt.Sprint(i)]; !ok {
					t.Fatalf("%d was acknowledged, and is gone; so was %d", i, acknowledged)
				}
			}
		})
	}
}

// killAfter runs a process that writes, kills it once it has acknowledged
// number n, and returns the last that it had.
func killAfter(t *testing.T, dir string, n int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledProcess$")
	cmd.Env = append(os.Environ(), victimDir+"="+dir)
	cmd.Stderr = testLog{t}
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	last := -1
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "acknowledged %d", &last); err != nil {
			t.Log(lines.Text())
		}
		if last == n {
			must(t, cmd.Process.Kill()) // it goes on meanwhile; the rest is read too
		}
	}
	_ = cmd.Wait() // it was killed
	if last < n {
		t.Fatalf("the process ended after %d, want %d", last, n)
	}
	return last
}

// writeUntilKilled acknowledges on standard output what Apply has acknowledged.
func writeUntilKilled(t *testing.T, dir string) {
	r, err := Open(Config{Dir: dir, Sync: true})
	must(t, err)
	for _, ok := r.Leader(); !ok; _, ok = r.Leader() {
		time.Sleep(time.Millisecond)
	}
	for i := len(r.State().Backups); ; i++ {
		must(t, r.Apply(t.Context(), Backups.Put(api.Backup{ID: fmt.Sprint(i)})))
		fmt.Printf("acknowledged %d\n", i)
	}
}
