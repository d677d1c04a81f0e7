package cluster

import (
	"fmt"
	"strings"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/terminal"
)

// printUp says where things are.
func printUp(env *command.Env, s api.Status, background bool) error {
	if env.JSON() {
		return env.Value(s)
	}
	p, flag := output.PaletteFor(env.Out), env.NameFlag()
	var sb strings.Builder
	terminal.Fprintf(&sb, "%s\n\n", p.Bold(fmt.Sprintf("The cluster %s is %s: Kubernetes %s, %d nodes, support policy %s.", s.Name, s.State, s.KubernetesVersion, len(s.Machines), s.Cluster.Edition)))
	if s.PowerState.Code == api.PowerStopped {
		terminal.Fprintf(&sb, "  it is stopped  demarc aks start%s starts it; until then there is no API server and no node\n", flag)
	}
	terminal.Fprintf(&sb, "  API server     %s\n", s.Server)
	terminal.Fprintf(&sb, "  kubectl        export KUBECONFIG=%s\n", shellQuote(s.Kubeconfig))
	if len(s.Machines) > 0 && s.SSHConfig != "" {
		terminal.Fprintf(&sb, "  a node         ssh -F %s %s, or demarc ssh 0%s\n", shellQuote(s.SSHConfig), s.Machines[0].Name, flag)
	}
	for _, lb := range s.LoadBalancers {
		if lb.Address == "" {
			continue // an internal one
		}
		terminal.Fprintf(&sb, "  %-13s  curl %s\n", lb.Namespace+"/"+lb.Service, lb.URL())
	}
	terminal.Fprintf(&sb, "  virtual clock  %s at %s; change it: demarc clock set 60x%s\n", output.DateTime(s.Now), s.Clock.Rate, flag)
	terminal.Fprintf(&sb, "  break it       demarc --as director fault inject crash control-plane%s\n", flag)
	terminal.Fprintf(&sb, "  who mends it   demarc incidents%s; demarc explain i1%[1]s\n", flag)
	stop := "Ctrl-C; what was acknowledged is kept for the next demarc up"
	if background {
		stop = "demarc down" + flag
	}
	terminal.Fprintf(&sb, "  stop it        %s\n\n", stop)
	_, err := fmt.Fprint(env.Out, sb.String())
	return err
}

// shellQuote quotes a path if a shell needs it.
func shellQuote(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune("/._-+:@", r) && !alphanumeric(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
