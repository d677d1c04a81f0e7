package cluster

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"demarc/backup"
	"demarc/controlplane"
	"demarc/sim/api"
	"demarc/sim/books"
	"demarc/sim/clock"
	"demarc/sim/sshd"
	"demarc/sim/state"
	"demarc/sim/timeline"
)

// syncInterval is how often, in real time, what is saved by the clock is made to
// survive a crash of the machine. In free run it is saved far more often.
const syncInterval = time.Second

// dataDirectory is what the timeline calls the place where a cluster is kept.
const dataDirectory = "data-directory"

func timelineFile(dir string) string { return filepath.Join(dir, timeline.File) }

// Load finds the cluster in dir, or makes a new one known, and says at which time
// its clock starts: not before any time that its records have. Its ports are in the
// files of its clients too, which must stay good.
func Load(dir string, cfg api.EngineConfig) (state.Loaded, time.Time, error) {
	if cfg.Ephemeral {
		return state.Loaded{State: &state.State{Cluster: cfg.Cluster, Starting: true}}, cfg.Cluster.Start, nil
	}
	l, err := state.Load(dir, cfg.Cluster)
	if err != nil {
		return l, time.Time{}, err
	}
	if l.State == nil {
		l.State, err = state.Create(dir, cfg.Cluster, true)
		return l, cfg.Cluster.Start, err
	}
	l.Port = cmp.Or(l.Port, controlplane.LastPort(dir))
	if a, err := sshd.ReadAddress(filepath.Join(dir, "ssh")); err == nil {
		l.SSHPort = cmp.Or(l.SSHPort, a.Port)
	}
	return l, l.Resume(timeline.LastTime(timelineFile(dir)), backup.LastTime(backup.StoreDir(dir))), nil
}

// keepState saves the state on every tenth second, and writes what of the timeline
// is not written yet. What fails is tried again.
func (c *Cluster) keepState() {
	var synced time.Duration
	for {
		now := clock.RealNow()
		sync := now-synced >= syncInterval
		c.noteDisk(c.keep(sync))
		if sync {
			synced = now
		}
		if !clock.Sleep(c.ctx, clock.UntilTick(time.Now(), state.Interval)) {
			return
		}
	}
}

// keep brings what is on disk up to date.
func (c *Cluster) keep(sync bool) error {
	err := c.log.Flush()
	if sync && err == nil && !c.cfg.Ephemeral {
		err = c.log.Sync()
	}
	return errors.Join(err, c.writeState(sync))
}

// noteDisk says that the cluster cannot be saved, and that it can again.
func (c *Cluster) noteDisk(err error) {
	c.mu.Lock()
	before := c.unsaved
	c.unsaved = err
	c.mu.Unlock()
	e := timeline.Event{Actor: timeline.Platform, Subject: dataDirectory}
	switch {
	case err != nil && before == nil:
		e.Verb, e.Message = "failed", "what happens now would be lost with the engine: "+err.Error()
	case err == nil && before != nil:
		e.Verb, e.Message = "recovered", "everything is written"
	default:
		return
	}
	c.log.Append(e)
}

// warnings are what is wrong with the cluster's data, or its clock, now.
func (c *Cluster) warnings(k api.Clock) (list []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unsaved != nil {
		list = append(list, "the cluster cannot be saved: "+c.unsaved.Error())
	}
	if lag := k.Lag(); lag != "" {
		list = append(list, "the clock falls behind: "+lag)
	}
	return list
}

// saveState saves the state so that a crash of the machine does not undo it.
func (c *Cluster) saveState() error { return c.writeState(true) }

func (c *Cluster) writeState(sync bool) error {
	if c.cfg.Ephemeral {
		return nil
	}
	c.saving.Lock()
	defer c.saving.Unlock()
	s, err := c.currentState()
	if err != nil {
		return err
	}
	return errors.Join(s.Save(c.dir, sync), c.writeBooks(sync))
}

// openBooks goes on with the books of the last engine. Without them the cluster is as
// good, but for its past.
func (c *Cluster) openBooks() {
	if c.cfg.Ephemeral {
		return
	}
	var err error
	if c.past, err = books.Load(c.dir); err != nil {
		c.log.Append(timeline.Event{Actor: timeline.Platform, Verb: "failed", Subject: dataDirectory, Message: "what is known of traffic and of incidents that nobody noticed begins anew: " + err.Error()})
	}
	c.incidents.Keep(c.past.Incidents)
	c.probes.Keep(c.past.Availability, c.past.Now)
}

// writeBooks writes the cluster's books, if there is something new in them.
func (c *Cluster) writeBooks(sync bool) error {
	if c.Management == nil {
		return nil
	}
	c.mu.Lock()
	ready := c.readyAt
	c.mu.Unlock()
	b := books.Books{
		Cluster: c.spec, ReadyAt: ready, Incidents: c.incidents.List(), Repairs: c.Repairs(), Consents: c.Consents(),
		Restores: c.Restores(), Backups: c.Backups(), Traffic: c.trafficTotals(),
		Availability: c.probes.List(),
	}
	text, err := json.Marshal(b)
	if err != nil || bytes.Equal(text, c.written) {
		return err
	}
	b.Now = time.Now().UTC()
	if err := b.Save(c.dir, sync); err != nil {
		return err
	}
	c.written = text
	return nil
}

func (c *Cluster) currentState() (*state.State, error) {
	s := &state.State{
		Cluster: c.spec, KubernetesVersion: c.plane.Version(), Now: time.Now().UTC(), LastEvent: c.log.Last().Seq,
		Traffic: c.traffic.Running(), Balancers: c.balancers.list(),
	}
	c.mu.Lock()
	s.Starting = c.loaded.Starting
	ready := !c.readyAt.IsZero()
	c.mu.Unlock()
	select {
	case <-c.installed:
	default:
		ready = false // it is stopped since the engine began
	}
	if !ready { // the load balancers have not all come up yet
		s.Balancers = c.loaded.Balancers
	}
	var err error
	if s.Fleet, err = c.fleet.Save(); err != nil {
		return nil, err
	}
	if s.Port, err = portOf(c.plane.URL()); err != nil {
		return nil, err
	}
	if c.ssh != nil {
		s.SSHPort = c.ssh.Port()
	}
	return s, nil
}

// founded notes that the cluster's first start has come to its end.
func (c *Cluster) founded() error {
	c.mu.Lock()
	c.loaded.Starting = false
	c.mu.Unlock()
	if c.cfg.Ephemeral {
		return nil
	}
	s, err := c.currentState()
	if err != nil {
		return err
	}
	return s.SaveOrigin(c.dir, true)
}

func portOf(address string) (int, error) {
	u, err := url.Parse(address)
	if err != nil {
		return 0, err
	}
	_, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}
