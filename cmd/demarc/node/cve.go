package node

import (
	"cmp"
	"context"
	"io"
	"strings"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/sim/api"

	"github.com/spf13/cobra"
)

func cveCmd(env *command.Env) *cobra.Command {
	return command.Group(&cobra.Command{
		Use:   "cve",
		Short: "See and publish vulnerabilities, and how they are mended",
		Long: `A vulnerability in a managed component is the provider's to patch; it does so half
an hour after it is published. What is on the nodes is patched without downtime
where that can be; what needs a reboot or a newer image is the customer's, who is
told. Until then the nodes are vulnerable, by what they really run.`,
		Example: `  demarc cve list
  demarc --as provider cve publish CVE-2026-1234 --component kernel
  demarc cve show CVE-2026-1234`,
	}, cveListCmd(env), cveShowCmd(env), cvePublishCmd(env))
}

func cveListCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the vulnerabilities, also those that are mended", Args: cobra.NoArgs,
		Example: "  demarc cve list -o json",
		RunE:    command.List(env, cves, "no vulnerability is known", printCVEs),
	}
}

func cves(ctx context.Context, c *api.Client) ([]api.CVE, error) { return c.CVEs(ctx) }

var printCVEs = output.Columns("CVE\tCOMPONENT\tSEVERITY\tFIX\tSTATE\tVULNERABLE NODES\tPUBLISHED", func(x api.CVE) []any {
	return []any{x.ID, x.Component, x.Severity, x.Fix, x.State, len(x.Vulnerable), output.DateTime(x.Published)}
})

func cveShowCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show one vulnerability", Args: cobra.ExactArgs(1),
		Example:           "  demarc cve show CVE-2026-1234",
		ValidArgsFunction: command.ListCompletion(env, cves, func(x api.CVE) string { return x.ID + "\t" + x.Component + ": " + x.State }),
		RunE:              command.Ask(env, func(ctx context.Context, c *api.Client, args []string) (api.CVE, error) { return c.CVE(ctx, args[0]) }, writeCVE),
	}
}

// writeCVE writes what is known of a vulnerability, a line each.
func writeCVE(w io.Writer, x api.CVE) error {
	var t output.Table
	row := func(name, value string) {
		if value != "" {
			t.Row(name, value)
		}
	}
	row("cve", x.ID)
	row("component", x.Component)
	row("severity", x.Severity)
	row("fix", x.Fix)
	row("state", x.State)
	row("fixed in", cmp.Or(x.Image, strings.TrimSpace(x.Package+" "+x.Version), x.Level))
	row("published", output.DateTimeOr(x.Published, ""))
	row("patched", output.DateTimeOr(x.Patched, ""))
	row("notified", output.DateTimeOr(x.Notified, ""))
	row("fixed", output.DateTimeOr(x.Fixed, ""))
	row("told", x.Guidance)
	row("vulnerable", strings.Join(x.Vulnerable, ", "))
	return t.Write(w, output.LineWidth)
}

func cvePublishCmd(env *command.Env) *cobra.Command {
	var req api.CVERequest
	var age time.Duration
	c := &cobra.Command{
		Use: "publish ID", Short: "Publish a vulnerability, as the provider", Args: cobra.ExactArgs(1),
		Long: `Publish makes a vulnerability known to the provider's plane, which then sees to it.
How it is mended goes by the component unless --fix says otherwise. It is the
provider's: without --as provider the engine refuses.`,
		Example: `  demarc --as provider cve publish CVE-2026-1234 --component kube-apiserver --severity critical
  demarc --as provider cve publish CVE-2026-1235 --component openssl
  demarc --as provider cve publish CVE-2026-1236 --component containerd --fix image`,
		RunE: command.Ask(env, func(ctx context.Context, c *api.Client, args []string) (api.CVE, error) {
			req.ID, req.VendorFixAge = args[0], api.Duration(age)
			return c.PublishCVE(ctx, req)
		}, writeCVE),
	}
	f := c.Flags()
	f.StringVar(&req.Component, "component", "", "what has it: "+strings.Join(cveComponents, ", "))
	f.StringVar(&req.Severity, "severity", "high", "how bad it is: "+strings.Join(api.CVESeverities, ", "))
	f.StringVar(&req.Fix, "fix", "", "how it is mended: "+strings.Join(api.CVEFixes, ", "))
	f.StringVar(&req.Version, "version", "", "the version that does not have it")
	f.StringVar(&req.Guidance, "guidance", "", "what the customer is told")
	f.DurationVar(&age, "vendor-fix-age", 30*24*time.Hour, "for how long the vendor has had a fix; edition 2026-08 wants 30 days")
	if err := c.MarkFlagRequired("component"); err != nil {
		panic(err) // only a mistake in this program makes it fail
	}
	command.CompleteFlag(c, "component", command.Words(cveComponents...))
	command.CompleteFlag(c, "severity", command.Words(api.CVESeverities...))
	command.CompleteFlag(c, "fix", command.Words(api.CVEFixes...))
	return c
}

// cveComponents are what can have a vulnerability; the engine has the last word.
var cveComponents = []string{
	"kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "coredns", "kube-proxy", "konnectivity-agent", "metrics-server",
	"kernel", "libc", "containerd", "runc", "openssl", "openssh", "curl", "systemd",
}
