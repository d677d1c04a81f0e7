package run

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"demarc/scenarios/script"
	"demarc/scenarios/script/check"
)

// outputs are what commands have printed, by the names as which it is kept.
type outputs struct {
	mu     sync.Mutex
	byName map[string]check.Output
}

func (o *outputs) keep(name string, x check.Output) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.byName = maps.Clone(o.byName)
	if o.byName == nil {
		o.byName = map[string]check.Output{}
	}
	o.byName[name] = x
}

// all are the outputs of this moment.
func (o *outputs) all() map[string]check.Output {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.byName
}

// printed compares what a command has printed, and how it ended, with what its call
// wants, and keeps it for checks. Who keeps it may judge the exit code in a check.
func (a action) printed(what string, x check.Output) error {
	x.At = time.Now()
	wanted := cmp.Or(a.Text("exit"), "0")
	if name := a.Text("as"); name != "" {
		a.outputs.keep(name, x)
		wanted = cmp.Or(a.Text("exit"), "any")
	}
	text := strings.TrimSpace(x.Stdout + x.Stderr)
	if wanted != "any" && wanted != strconv.Itoa(x.Exit) {
		return fmt.Errorf("%s ended with exit code %d, not %s: %s", what, x.Exit, wanted, text)
	}
	if want := script.ReplaceNodes(a.Text("prints"), a.world.NodeName); !strings.Contains(text, want) {
		return fmt.Errorf("%s does not print %q: %s", what, want, text)
	}
	return nil
}

// commandEvery is how often a command is run whose output is expected.
const commandEvery = 5 * time.Second

// command is the expectation of a command's output in a run.
type command struct {
	run  *run
	call *script.Call
	ran  time.Time // zero before the first
	last check.Outcome
}

// Needs implements [condition]: nothing tells when an output changes.
func (*command) Needs() check.Needs { return check.Needs{} }

// Eval implements [condition]. The command is run again when it is time.
func (c *command) Eval(v *check.View) check.Outcome {
	if !c.ran.IsZero() && time.Since(c.ran) < commandEvery {
		return c.last
	}
	ctx, cancel := context.WithTimeout(v.Ctx, actionTimeout)
	defer cancel()
	c.ran = time.Now()
	if err := c.run.do(ctx, c.call); err != nil {
		c.last = check.Failed(err)
	} else {
		c.last = check.Outcome{OK: true, Explain: func() string { return "as expected" }}
	}
	return c.last
}
