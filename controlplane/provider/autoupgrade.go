package provider

import (
	"context"
	"fmt"
	"slices"
	"time"

	"demarc/sim/api"
	"demarc/sim/timeline"
)

// anytime is the window of upgrades for which there is no maintenance configuration. AKS
// chooses the time then; that it is the night is ours.
var anytime = api.MaintenanceConfiguration{ScheduleType: api.ScheduleDaily, IntervalDays: 1, StartTime: "00:00", DurationHours: 4, StartDate: "2000-01-01"}

// channel is what upgrades a cluster by itself.
type channel struct {
	flag, value string // of az aks update
	schedule    string // the name of its maintenance configuration
	request     api.UpgradeRequest
}

// String names it as the record of an operation does.
func (c channel) String() string { return c.flag + " " + c.value }

// channels are those that have something to upgrade now, the cluster's before its images'.
func (o *Operator) channels(s State) (list []channel) {
	c := s.Cluster
	version := api.ChannelRelease(s.Settings.UpgradeChannel, c.KubernetesVersion)
	older := slices.ContainsFunc(c.Pools, func(p Pool) bool { return api.CompareKubernetes(c.version(p), version) < 0 })
	upgrades := !slices.Contains([]string{"", api.ChannelNone, api.ChannelNodeImage}, s.Settings.UpgradeChannel)
	if upgrades && (older || version != c.KubernetesVersion) {
		list = append(list, channel{"auto-upgrade-channel", s.Settings.UpgradeChannel, api.MaintenanceAutoUpgrade, api.UpgradeRequest{KubernetesVersion: version}})
	}
	if !slices.ContainsFunc(c.Pools, func(p Pool) bool { return p.NodeImage != o.cfg.Cloud.LatestImage(c.version(p)) }) {
		return list
	}
	images := api.UpgradeRequest{NodeImageOnly: true}
	if s.Settings.UpgradeChannel == api.ChannelNodeImage {
		list = append(list, channel{"auto-upgrade-channel", api.ChannelNodeImage, api.MaintenanceAutoUpgrade, images})
	}
	if s.Settings.NodeOSChannel == api.NodeOSImage {
		list = append(list, channel{"node-os-upgrade-channel", api.NodeOSImage, api.MaintenanceNodeOSUpgrade, images})
	}
	return list
}

// schedules are the maintenance configurations by which something may be upgraded some day.
func schedules(s api.ClusterSettings) (names []string) {
	if !slices.Contains([]string{"", api.ChannelNone}, s.UpgradeChannel) {
		names = append(names, api.MaintenanceAutoUpgrade)
	}
	if s.NodeOSChannel == api.NodeOSImage {
		names = append(names, api.MaintenanceNodeOSUpgrade)
	}
	return names
}

// scheduled is a maintenance configuration, or what is in force without it.
func scheduled(s api.ClusterSettings, name string) api.MaintenanceConfiguration {
	if m, ok := s.Maintenance[name]; ok {
		return m
	}
	return anytime
}

// maintain does by itself what is due of a cluster's nodes: it upgrades them in the windows of
// maintenance, and says when their images have become too old. It sleeps until something is.
func (o *Operator) maintain(ctx context.Context, l *Leadership) {
	defer wake(o.maintained) // what this leadership has been told is for the next
	for ctx.Err() == nil {
		next := earliest(o.upgradeDue(ctx, l), o.expireImages(ctx, l))
		var due <-chan time.Time // never
		if !next.IsZero() {
			due = time.After(time.Until(next))
		}
		select {
		case <-due:
		case <-o.maintained:
		case <-ctx.Done():
		}
	}
}

// Maintain has the plane look again what is due of the nodes: settings have changed.
func (o *Operator) Maintain() { wake(o.maintained) }

// upgradeDue begins the upgrade whose window is open, and says when to look again; zero if
// nothing that is known now makes that necessary.
func (o *Operator) upgradeDue(ctx context.Context, l *Leadership) (next time.Time) {
	s, now := l.State(), time.Now()
	if s.Off() {
		return time.Time{} // a start is an operation
	}
	if s.busy() != nil {
		if unfinished(s) != nil {
			return now.Add(lookPeriod) // nobody tells of its end
		}
		return time.Time{} // the end of the operation is told
	}
	for _, c := range o.channels(s) {
		w := scheduled(s.Settings, c.schedule).Window(now)
		if !w.Open(now) || tried(s, c, w) {
			continue
		}
		if err := o.upgradeBy(ctx, l, c); err != nil {
			return now.Add(lookPeriod)
		}
		return now // it goes on, or is refused
	}
	for _, name := range schedules(s.Settings) {
		m := scheduled(s.Settings, name)
		w := m.Window(now)
		if w.Open(now) {
			w = m.Window(w.To)
		}
		next = earliest(next, w.From)
	}
	return next
}

// tried says whether a channel has begun its upgrade of a window: what has failed is not
// tried again before the next one.
func tried(s State, c channel, w api.Window) bool {
	return slices.ContainsFunc(Operations.List(s), func(op api.Operation) bool { return op.Channel == c.String() && !op.Began.Before(w.From) })
}

// upgradeBy begins the upgrade of a channel. If it is refused, as by a budget that allows no
// eviction, it has failed.
func (o *Operator) upgradeBy(ctx context.Context, l *Leadership, c channel) error {
	_, err := o.beginWith(ctx, l, func(s State) (api.Operation, *Cluster, error) {
		op, err := o.planUpgrade(s, c.request)
		op.Channel = c.String()
		if err == nil {
			err = o.checkBudgets(ctx)
		}
		if err != nil && ctx.Err() == nil {
			op = api.Operation{Kind: api.OpUpgradeCluster, Subject: "cluster/" + o.cfg.Name, Message: op.Message, Channel: op.Channel, State: api.OpFailed, Error: err.Error()}
			return op, nil, nil
		}
		return op, nil, err
	})
	return err
}

// begins puts on the timeline that an operation begins, and by whose wish.
func (o *Operator) begins(ctx context.Context, op api.Operation) int64 {
	if op.Channel == "" {
		return o.asked(ctx, 0, startedVerbs[op.Kind], op.Subject, op.Message)
	}
	e := timeline.Event{Actor: timeline.Provider, Verb: startedVerbs[op.Kind], Subject: op.Subject, Message: fmt.Sprintf("%s, by %s", op.Message, op.Channel)}
	if op.State == api.OpFailed {
		e.Verb, e.Message = endedVerbs[op.Kind][api.OpFailed], fmt.Sprintf("by %s: %s", op.Channel, op.Error)
	}
	return o.cfg.Note(e).Seq
}

// earliest is the earlier of two times, of which zero is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// expireImages says of each pool once that its node image is no longer supported, and when the
// next one will not be.
func (o *Operator) expireImages(ctx context.Context, l *Leadership) (next time.Time) {
	o.asking.Lock()
	defer o.asking.Unlock()
	s, now := l.State(), time.Now()
	if s.OperationInProgress() != nil {
		return next // its end is told
	}
	for _, p := range s.Cluster.Pools {
		built := api.NodeImageBuilt(p.NodeImage)
		ends := built.Add(api.NodeImageSupport)
		switch {
		case built.IsZero() || p.ExpiredImage == p.NodeImage:
		case ends.After(now):
			next = earliest(next, ends)
		default:
			p.ExpiredImage = p.NodeImage
			if err := l.Apply(ctx, SetCluster(l.State().Cluster.withPool(p))); err != nil {
				return now.Add(lookPeriod)
			}
			o.note("outdated", poolSubject(p.Name), fmt.Sprintf("node image %s is of %s: it has been supported for %d days", p.NodeImage, built.Format(time.DateOnly), int(api.NodeImageSupport.Hours())/24))
		}
	}
	return next
}
