package desk

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"demarc/controlplane/provider"
	"demarc/sim/api"
	"demarc/sim/desk"
)

// What support runs on a node that it looks at.
const (
	lookAtUnits = "systemctl status kubelet containerd"
	lookAtDisk  = "df -h /"
)

// lookAt logs in to a node as support and looks at it. Without a consent there is no
// look and no error: that is on the timeline. That the node cannot be reached is what
// was seen.
func (d *Desk) lookAt(ctx context.Context, node string) (*desk.Look, error) {
	look := &desk.Look{Node: node, At: time.Now().UTC(), Disk: -1}
	for _, command := range []string{lookAtUnits, lookAtDisk} {
		r, err := d.Run(ctx, api.RoleProvider, api.RunRequest{Node: node, Command: command})
		switch {
		case api.HasCode(err, provider.NoConsent):
			return nil, nil
		case errors.Is(err, provider.ErrNoLeader) || ctx.Err() != nil:
			return nil, err
		case err != nil:
			look.Failed = err.Error()
			return look, nil
		}
		if command == lookAtUnits {
			look.Units = unitsIn(r.Stdout)
		} else {
			look.Disk = percentIn(r.Stdout)
		}
	}
	return look, nil
}

var (
	unitHead   = regexp.MustCompile(`^\S+ (\S+)\.service - `)
	unitActive = regexp.MustCompile(`^\s+Active: (.*)$`)
	percent    = regexp.MustCompile(`(\d+)% /`)
)

// unitsIn are the units that systemctl status shows.
func unitsIn(output string) (list []desk.Unit) {
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\n")
		if m := unitHead.FindStringSubmatch(line); m != nil {
			list = append(list, desk.Unit{Name: m[1]})
		}
		if m := unitActive.FindStringSubmatch(line); m != nil && len(list) > 0 {
			list[len(list)-1].Active = m[1]
		}
	}
	return list
}

// percentIn is how full df says that the disk is, or -1.
func percentIn(output string) int {
	m := percent.FindStringSubmatch(output)
	if m == nil {
		return -1
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return -1
	}
	return n
}
