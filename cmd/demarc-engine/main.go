// Demarc-engine runs one managed cluster in virtual time. It is started by the
// demarc command, which tells it what to run in a JSON file and talks to it by
// the management API; it is not meant to be started by hand.
//
// Usage:
//
//	demarc-engine --config DIR/config.json
//
// It is built with Go's faketime tag and without cgo. The cluster's data is in
// the folder of the config file. As soon as its management API answers it
// writes its api.Handle to engine.json there.
//
// Handshakes are on loopback, and many: the key exchanges that withstand quantum
// computers would be half their cost, so they are left out.
//
//go:debug tlsmlkem=0
//go:debug tlssecpmlkem=0
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"demarc/backup"
	"demarc/cmd/demarc-engine/cluster"
	"demarc/controlplane"
	"demarc/scenarios/script"
	"demarc/scenarios/script/parse"
	"demarc/sim/api"
	"demarc/sim/clock"
	"demarc/sim/engine"
)

// stopTimeout bounds a graceful stop, in virtual time.
const stopTimeout = 2 * time.Minute

func main() {
	config := flag.String("config", "", "the api.EngineConfig to run, a JSON file in the cluster's data directory")
	flag.Parse()
	if *config == "" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: demarc-engine --config DIR/config.json (it is started by the demarc command)")
		os.Exit(2)
	}
	privateFiles()
	if err := run(*config); err != nil {
		fmt.Fprintln(os.Stderr, "demarc-engine:", err)
		var gate *controlplane.GateError
		var key *backup.KeyError
		var input *engine.InputError
		if errors.As(err, &gate) || errors.As(err, &key) || errors.As(err, &input) {
			os.Exit(4) // what the user can put right; see package sim/engine
		}
		os.Exit(3)
	}
}

func run(path string) error {
	cfg, err := readConfig(path)
	if err != nil {
		return err
	}
	var scenario *script.Script
	if cfg.Scenario != "" {
		var problems []script.Problem
		if scenario, problems = parse.Parse(cfg.ScenarioFile, []byte(cfg.Scenario)); len(problems) > 0 {
			return errors.New(problems[0].String())
		}
		// The scenario's report names the edition by which it is judged.
		if cfg.Cluster.Edition != "" {
			scenario.Cluster.Edition = cfg.Cluster.Edition
		}
		cfg.Cluster = scenario.Cluster
	}
	dir := filepath.Dir(path)
	hold, err := engine.Hold(dir)
	if err != nil {
		return err
	}
	defer hold.Close()
	engine.BoundLog(dir)
	loaded, start, err := cluster.Load(dir, cfg)
	if err != nil {
		return err
	}
	dial := clock.Start(start)
	heap := tuneMemory(dial)
	tuneThreads()
	c, err := cluster.Open(dir, cfg, dial, loaded)
	if err != nil {
		return err
	}
	server, err := c.Serve()
	if err != nil {
		return errors.Join(err, c.Close(context.Background()))
	}
	defer server.Close()
	ended := c.StopRequested()
	if cfg.Attached {
		ended = either(ended, inputClosed())
	}
	return operate(c, cfg, scenario, dial, heap, ended)
}

// operate brings the cluster up, runs its scenario if it has one, and stops it
// when asked to.
func operate(c *cluster.Cluster, cfg api.EngineConfig, scenario *script.Script, dial *clock.Dial, heap *collector, ended <-chan struct{}) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		err := c.Start(ctx)
		if err == nil {
			err = dial.Set(cfg.Rate, time.Time{})
		}
		heap.settle()
		if scenario != nil {
			c.Finish(c.Drill(ctx, scenario, err))
			err = dial.Set(0, time.Time{}) // nothing more is to happen while the report is fetched
		}
		done <- err
	}()
	var failure error
	select {
	case failure = <-done:
		// A failed start stays reachable until it has been seen.
		<-ended
	case <-ended:
	}
	if clock.Virtual {
		_ = dial.Set(api.FreeRun, time.Time{}) // grace periods cost no real time
	}
	stop, cancelStop := context.WithTimeout(context.Background(), stopTimeout)
	defer cancelStop()
	if cfg.Ephemeral {
		return failure // its data is thrown away
	}
	return errors.Join(failure, c.Stop(stop))
}

func readConfig(path string) (cfg api.EngineConfig, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return cfg, err
	}
	if err := json.Unmarshal(b, &cfg); err != nil {
		return cfg, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}

// either receives when one of two channels does.
func either(a, b <-chan struct{}) <-chan struct{} {
	c := make(chan struct{}, 1)
	go func() {
		select {
		case <-a:
		case <-b:
		}
		c <- struct{}{}
	}()
	return c
}
