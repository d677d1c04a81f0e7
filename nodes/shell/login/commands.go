package login

import (
	"bytes"
	"context"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell"
)

// call is one run of a node's command.
type call struct {
	*shell.Call
	s *Session
}

// command is one of the node's own commands.
type command = func(context.Context, *call) int

// commands are what a node has beside [shell.Coreutils]. Programs of packages that may be
// absent stand in [packaged].
var commands map[string]command

// packaged are commands of packages, by the package that brings each.
var packaged = map[string]string{
	"docker": "docker.io", "dockerd": "docker.io", "stress": "stress", "stress-ng": "stress-ng", "htop": "htop", "ufw": "ufw",
	"nslookup": "dnsutils", "dig": "dnsutils", "nmap": "nmap", "netstat": "net-tools", "ifconfig": "net-tools", "tcpdump": "tcpdump",
}

// brought are packaged commands that Ubuntu's image has without our knowing the package.
var brought = map[string]bool{"nslookup": true, "dig": true, "netstat": true, "ifconfig": true, "tcpdump": true}

// unit is a unit of the machine, if there is one of that name.
func (c *call) unit(name string) (u host.Unit, ok bool) {
	c.do(func(_ time.Time, h *host.Host, _ Runtime) { u, ok = h.Unit(name) })
	return u, ok
}

// do looks at the machine. What f prints comes out when it is over, so that the machine
// does not wait for who reads it.
func (c *call) do(f func(now time.Time, h *host.Host, r Runtime)) bool {
	var printed bytes.Buffer
	out := c.Out
	c.Out = &printed
	ok := c.s.do(f)
	c.Out = out
	_, _ = out.Write(printed.Bytes()) // ends when the reader does
	return ok
}
