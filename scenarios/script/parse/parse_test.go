package parse

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"demarc/scenarios/script"
	"demarc/sim/api"
)

func TestStarterHasNoProblems(t *testing.T) {
	s, problems := Parse("starter.txtar", script.Starter())
	for _, p := range problems {
		t.Error(p)
	}
	if want := "The shop survives the crash of one of its pods"; s.Title != want {
		t.Errorf("title: got %q, want %q", s.Title, want)
	}
	if !strings.HasPrefix(s.Description, "A scenario is one file") {
		t.Errorf("description: got %q", s.Description)
	}
}

func TestParseSteps(t *testing.T) {
	s, problems := Parse("dir/x.txtar", []byte(`# Title
cluster nodes=5 zones=1,3 edition=2026-08 seed=7 start=2026-03-01T00:00:00+01:00 name=prod etcd-members=3 api-servers=2 backup-keep=2d backup-daily=3
clause  etcd.managed changes.wait

# One
# phase
at 0s traffic shop from=outside to=service/web/shop rate=30/m
at 1m30s slow etcd latency=1s by=customer
after 9m within 3m check 'traffic.shop.failed == 0'
throughout 1d check 'traffic["shop"].sent > 1'
at 2d crash control-plane
at 2d refuse delete pod/x containing='connection refused'
finally check 'size(incidents) == 0'
`))
	for _, p := range problems {
		t.Fatal(p)
	}
	c := s.Cluster
	if c.Nodes != 5 || !slices.Equal(c.Zones, []string{"1", "3"}) || c.Edition != "2026-08" || c.Seed != 7 || c.Name != "prod" || c.Start.Format(time.RFC3339) != "2026-02-28T23:00:00Z" {
		t.Errorf("cluster: got %+v", c)
	}
	if want := (api.BackupPolicy{KeepAll: api.Duration(48 * time.Hour), KeepDaily: 3}); c.EtcdMembers != 3 || c.APIServers != 2 || c.Backups != want {
		t.Errorf("members and backups: got %+v", c)
	}
	if s.Name != "x" || len(s.Clauses) != 2 || len(s.Steps) != 8 {
		t.Fatalf("got name %q, clauses %q, %d steps", s.Name, s.Clauses, len(s.Steps))
	}
	if got := s.Steps[0]; got.Text != "One\nphase" || got.Line != 5 {
		t.Errorf("narrative: got %q in line %d", got.Text, got.Line)
	}
	if got := s.Steps[1].Act.Traffic(); got.Rate != 0.5 || got.To != "service/web/shop" || got.Timeout != 2*time.Second || got.Path != "/" {
		t.Errorf("traffic: got %+v", got)
	}
	if got := s.Steps[2].Act.Fault; got.Verb != "slow" || got.By != "customer" || got.Duration("latency") != time.Second {
		t.Errorf("fault: got %+v", got)
	}
	if got := s.Steps[3]; got.Opens != script.Within || got.After != 9*time.Minute || got.Span != 3*time.Minute {
		t.Errorf("window: got %+v", got)
	}
	if got := s.Steps[4]; got.Span != 24*time.Hour {
		t.Errorf("days: got %v", got.Span)
	}
	if got := s.Steps[6].Refuse; got == nil || got.Containing != "connection refused" {
		t.Errorf("refuse: got %+v", got)
	}
}

// TestLint compares the problems of each file in testdata/lint with the lines
// behind its "-- want --" section. Run with LINT_UPDATE=1 to rewrite them, and
// commit only what you understand.
func TestLint(t *testing.T) {
	files, err := filepath.Glob("testdata/lint/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, _ := bytes.Cut(data, []byte("==== problems ====\n"))
			_, problems := Parse("x.txtar", input)
			var got bytes.Buffer
			for _, p := range problems {
				got.WriteString(p.String() + "\n")
			}
			if os.Getenv("LINT_UPDATE") != "" {
				out := append(append(bytes.Clone(input), "==== problems ====\n"...), got.Bytes()...)
				if err := os.WriteFile(file, out, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got.String() != string(want) {
				t.Errorf("problems differ\ngot:\n%swant:\n%s", got.String(), want)
			}
		})
	}
}

// Every example in the registry must be a line without mistakes.
func TestVerbExamples(t *testing.T) {
	for _, v := range script.Verbs() {
		before := ""
		if v.Name == "stop-traffic" {
			before = "at 0s traffic shop from=outside to=service/shop\n"
		}
		text := "# Title\n" + before + "at 0s " + v.Example + "\nfinally check 'now > 0.0'\n"
		for _, f := range strings.Fields(v.Example) {
			if strings.HasSuffix(f, ".yaml") {
				text += "-- " + f + " --\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n"
			}
		}
		if _, problems := Parse("x.txtar", []byte(text)); len(problems) > 0 {
			t.Errorf("example of %s: %v", v.Name, problems)
		}
	}
}
