package cluster

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/engine"

	"github.com/spf13/cobra"
)

func statusCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show a cluster: its components, machines, traffic and faults",
		Example: `  demarc status
  demarc status -o json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, dir, err := env.ClientOrData()
			if err != nil {
				return err
			}
			if client == nil {
				return printStopped(env, dir)
			}
			s, err := client.Status(c.Context())
			if err != nil {
				return err
			}
			return output.Print(env.Printer, s, printStatus)
		},
	}
}

// printStopped describes a cluster of which there is only data.
func printStopped(env *command.Env, dir string) error {
	what, state := "cluster", "stopped"
	if engine.Find(dir).Drill() {
		what, state = "drill", "over"
	}
	about := map[string]string{"name": env.Name, "state": state, "dataDir": dir}
	return output.Print(env.Printer, about, output.Sentence(func(about map[string]string) string {
		return fmt.Sprintf("The %s %s is %s; its data is in %s.", what, env.Name, state, dir)
	}))
}

func printStatus(w io.Writer, s api.Status) error {
	var t output.Table
	t.Row("cluster "+s.Name+":", s.State+phaseOf(s))
	if s.PowerState.Code == api.PowerStopped {
		t.Row("power state:", s.PowerState.Code+" by the customer; demarc aks start starts it")
	}
	t.Row("Kubernetes:", s.KubernetesVersion+", "+s.Server)
	t.Row("kubeconfig:", s.Kubeconfig)
	t.Row("support policy:", s.Cluster.Edition)
	t.Row("virtual clock:", clockText(s.Clock))
	for _, warning := range s.Warnings {
		t.Row("warning:", warning)
	}
	err := errors.Join(t.Write(w, output.LineWidth), part(w, s.Components, componentColumns), part(w, s.Machines, machineColumns))
	if len(s.LoadBalancers) > 0 {
		err = errors.Join(err, part(w, s.LoadBalancers, balancerColumns))
	}
	if len(s.Traffic) > 0 {
		err = errors.Join(err, part(w, s.Traffic, trafficColumns))
	}
	if len(s.Faults) > 0 {
		err = errors.Join(err, part(w, s.Faults, output.Faults))
	}
	return err
}

// part writes a list behind an empty line.
func part[T any](w io.Writer, list []T, text func(io.Writer, []T) error) error {
	fmt.Fprintln(w)
	return text(w, list)
}

var (
	componentColumns = output.Columns("COMPONENT\tSTATE\tHEALTHY\tSINCE\tSTARTS\tMESSAGE", func(c api.Component) []any {
		return []any{c.Name, c.State, output.YesNo(c.Healthy), output.DateTime(c.Since), c.Starts, c.Message}
	})
	machineColumns = output.Columns("NODE\tPOWER\tKUBELET\tRUNTIME\tNETWORK\tCONTAINERS\tPROBLEM", func(m api.Machine) []any {
		return []any{m.Name, m.Power, m.Kubelet, m.Runtime, m.Network, m.Containers, problemOf(m)}
	})
	balancerColumns = output.Columns("LOAD BALANCER\tADDRESS\tON THIS MACHINE", func(b api.LoadBalancer) []any {
		here := "-" // an internal one
		if b.Address != "" {
			here = b.URL()
		}
		return []any{b.Namespace + "/" + b.Service, fmt.Sprintf("%s:%d", b.IP, b.Port), here}
	})
	trafficColumns = output.Columns("TRAFFIC\tFROM\tTO\tSENT\tFAILED", func(f api.Traffic) []any {
		return []any{f.Name, f.From, f.To, f.Sent, f.Failed}
	})
)

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
