package demarctest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Now is the cluster's time.
func (c *Cluster) Now() time.Time {
	c.t.Helper()
	var clock struct {
		Now time.Time `json:"now"`
	}
	c.must(c.run(&clock, "clock", "get", "-o", "json"))
	return clock.Now
}

// Advance has virtual time pass, as fast as the machine goes, and then sets the clock to its
// rate again. While a client outside waits for an answer, the clock goes no faster than real
// time.
func (c *Cluster) Advance(d time.Duration) {
	c.t.Helper()
	c.must(c.run(nil, "clock", "run", "--until", d.String(), "--wait", "-o", "json"))
	c.SetRate(c.rate)
}

// SetRate changes how fast the clock goes when nothing advances it: 1x, 60x, 0.5x, pause, max.
func (c *Cluster) SetRate(rate string) {
	c.t.Helper()
	c.must(c.run(nil, "clock", "set", rate, "-o", "json"))
	c.rate = rate
}

// Fault is something that was broken.
type Fault struct {
	c  *Cluster
	ID string // empty if it does not stay in force, such as the crash of a container
}

// Fault breaks something, in the words of demarc fault inject: "crash etcd", "crash
// control-plane hold=yes", "power-off node/0", "partition node/1". What crashes without
// hold=yes the provider brings back by itself.
func (c *Cluster) Fault(words string) *Fault {
	c.t.Helper()
	f := &Fault{c: c}
	c.must(c.run(f, append([]string{"--as", "director", "fault", "inject", "-o", "json"}, strings.Fields(words)...)...))
	return f
}

// End ends the fault: what is down is started again.
func (f *Fault) End() {
	f.c.t.Helper()
	if f.ID != "" {
		f.c.must(f.c.run(nil, "--as", "director", "fault", "heal", f.ID))
	}
}

// Window is for how long a check is looked at, in virtual time.
type Window []string

// Within waits until the check holds, but not longer than d. The clock must run: with
// [Rate]("60x") a minute is a second.
func Within(d time.Duration) Window { return Window{"--within", d.String()} }

// Throughout has the check hold all the time for d.
func Throughout(d time.Duration) Window { return Window{"--throughout", d.String()} }

// Check ends the test if an expression is not true in the cluster: now, or in a window. It is
// CEL, with the variables of demarc help checks.
func (c *Cluster) Check(expression string, window ...Window) {
	c.t.Helper()
	held, seen, err := c.look(expression, window)
	c.must(err)
	if !held {
		c.t.Fatalf("the check %s does not hold: %s", expression, seen)
	}
}

// Holds says whether a check holds, and what was seen. It may be called from any goroutine.
func (c *Cluster) Holds(expression string, window ...Window) (held bool, seen string, err error) {
	return c.look(expression, window)
}

func (c *Cluster) look(expression string, window []Window) (held bool, seen string, err error) {
	args := []string{"--as", "director", "check", "-o", "json"}
	for _, w := range window {
		args = append(args, w...)
	}
	var result struct {
		Held bool   `json:"held"`
		Seen string `json:"seen"`
	}
	err = c.run(&result, append(args, "--", expression)...)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == exitHeldNot {
		err = nil
	}
	return result.Held, result.Seen, err
}

// Event is something that happened in the cluster, as demarc timeline has it.
type Event struct {
	Seq     int64     `json:"seq"`
	Time    time.Time `json:"time"`
	Actor   string    `json:"actor"`
	Verb    string    `json:"verb"`
	Subject string    `json:"subject"`
	Message string    `json:"message"`
	Cause   int64     `json:"cause"` // the Seq of another; 0 for none
}

// Timeline is everything that happened in the cluster, the oldest first.
func (c *Cluster) Timeline() []Event {
	c.t.Helper()
	events, err := c.events()
	c.must(err)
	return events
}

func (c *Cluster) events() (events []Event, err error) {
	cmd := exec.Command(c.demarc, "timeline", "-o", "json")
	cmd.Env = c.Env()
	out, err := cmd.Output()
	if err != nil {
		return nil, withOutput(err)
	}
	for lines := json.NewDecoder(bytes.NewReader(out)); lines.More(); {
		var e Event
		if err := lines.Decode(&e); err != nil {
			return events, err
		}
		events = append(events, e)
	}
	return events, nil
}

// String is the event in a line.
func (e Event) String() string {
	text := fmt.Sprintf("#%d %s %s %s %s", e.Seq, e.Time.Format(time.DateTime), e.Actor, e.Verb, e.Subject)
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// loggedEvents is how many events of the timeline are logged of a test that has failed.
const loggedEvents = 200

// logTimeline logs what happened at last.
func (c *Cluster) logTimeline() {
	c.t.Helper()
	events, err := c.events()
	if err != nil {
		c.t.Logf("what happened in the cluster is not known: %v", err)
		return
	}
	var text strings.Builder
	for _, e := range events[max(len(events)-loggedEvents, 0):] {
		fmt.Fprintf(&text, "\n%v", e)
	}
	c.t.Logf("what happened in the cluster %s:%s", c.status.Name, &text)
}

func (c *Cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}
