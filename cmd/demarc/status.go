package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/terminal"

	"github.com/spf13/cobra"
)

func (a *app) statusCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show a cluster: its components, machines, traffic and faults",
		Example: `  demarc status
  demarc status -o json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := a.dir()
			if err != nil {
				return err
			}
			client, err := engine.Attach(dir)
			if errors.Is(err, engine.ErrNotRunning) && engine.Exists(dir) {
				return a.printStopped(dir)
			}
			if errors.Is(err, engine.ErrNotRunning) {
				return a.notRunning(dir)
			}
			if err != nil {
				return err
			}
			s, err := client.Status(c.Context())
			if err != nil {
				return err
			}
			if a.JSON() {
				return a.Value(s)
			}
			return printStatus(a.Out, s)
		},
	}
}

// printStopped describes a cluster of which there is only data.
func (a *app) printStopped(dir string) error {
	what, state := "cluster", "stopped"
	if engine.Find(dir).Drill() {
		what, state = "drill", "over"
	}
	if a.JSON() {
		return a.Value(map[string]string{"name": a.name, "state": state, "dataDir": dir})
	}
	_, err := terminal.Fprintf(a.Out, "The %s %s is %s; its data is in %s.\n", what, a.name, state, dir)
	return err
}

func printStatus(w io.Writer, s api.Status) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	terminal.Fprintf(t, "cluster %s:\t%s%s\n", s.Name, s.State, phaseOf(s))
	terminal.Fprintf(t, "Kubernetes:\t%s, %s\n", s.KubernetesVersion, s.Server)
	terminal.Fprintf(t, "kubeconfig:\t%s\n", s.Kubeconfig)
	terminal.Fprintf(t, "support policy:\t%s\n", s.Cluster.Edition)
	terminal.Fprintf(t, "virtual clock:\t%s\n", clockText(s.Clock))
	for _, w := range s.Warnings {
		terminal.Fprintf(t, "warning:\t%s\n", w)
	}
	terminal.Fprintf(t, "\nCOMPONENT\tSTATE\tHEALTHY\tSINCE\tSTARTS\tMESSAGE\n")
	for _, c := range s.Components {
		terminal.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\n", c.Name, c.State, output.YesNo(c.Healthy), output.DateTime(c.Since), c.Starts, c.Message)
	}
	terminal.Fprintf(t, "\nNODE\tPOWER\tKUBELET\tRUNTIME\tNETWORK\tCONTAINERS\tPROBLEM\n")
	for _, m := range s.Machines {
		terminal.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", m.Name, m.Power, m.Kubelet, m.Runtime, m.Network, m.Containers, problemOf(m))
	}
	if len(s.LoadBalancers) > 0 {
		terminal.Fprintf(t, "\nLOAD BALANCER\tADDRESS\tON THIS MACHINE\n")
	}
	for _, b := range s.LoadBalancers {
		terminal.Fprintf(t, "%s/%s\t%s:%d\thttp://%s/\n", b.Namespace, b.Service, b.IP, b.Port, b.Address)
	}
	if len(s.Traffic) > 0 {
		terminal.Fprintf(t, "\nTRAFFIC\tFROM\tTO\tSENT\tFAILED\n")
	}
	for _, f := range s.Traffic {
		terminal.Fprintf(t, "%s\t%s\t%s\t%d\t%d\n", f.Name, f.From, f.To, f.Sent, f.Failed)
	}
	if err := t.Flush(); err != nil || len(s.Faults) == 0 {
		return err
	}
	fmt.Fprintln(w)
	return printFaults(w, s.Faults)
}

// problemOf says what is wrong with a machine.
func problemOf(m api.Machine) string {
	var parts []string
	if m.Problem != "" {
		parts = append(parts, m.Problem)
	}
	if m.Egress != "open" && m.Egress != "" {
		parts = append(parts, m.Egress)
	}
	if len(m.Pressure) > 0 {
		parts = append(parts, "short of "+strings.Join(m.Pressure, " and "))
	}
	if m.RebootRequired {
		parts = append(parts, "a reboot is required")
	}
	return strings.Join(parts, "; ")
}

func phaseOf(s api.Status) string {
	switch {
	case s.Error != "":
		return ": " + s.Error
	case s.Phase != "":
		return " (" + s.Phase + ")"
	}
	return ""
}
