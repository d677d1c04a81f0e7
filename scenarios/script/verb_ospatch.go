package script

import (
	"context"
	"fmt"

	"demarc/sim/api"
)

var verbOSPatch = Verb{
	Name:    "os-patch",
	Summary: "publishes a patch of the nodes' operating system, or withdraws it",
	Doc: "Each node installs it by itself between 06:00 and 07:00 UTC, if it reaches the archives and nobody holds the package. " +
		"Without version= it is the next one. A patch that breaks something is the provider's fault. Withdrawn, it stays on the nodes " +
		"that have it. At a terminal: demarc patch.",
	Example: "os-patch publish linux-image-azure",
	Args: []Arg{
		{Name: "action", Type: ArgEnum, Positional: true, Required: true, Values: []string{"publish", "withdraw"}, Doc: "what to do"},
		{Name: "package", Type: ArgText, Positional: true, Required: true, Doc: "the package; withdraw takes its newest patch back"},
		{Name: "version", Type: ArgText, Doc: "its version"},
		{Name: "reboot", Type: ArgEnum, Values: []string{"yes", "no"}, Default: "no", Doc: "whether it has effect only after a reboot; a kernel always does"},
		{Name: "breaks", Type: ArgEnum, Values: api.PatchBreaks, Doc: "what does not work with it"},
		providerArg,
	},
	run: func(ctx context.Context, r *run, c *call) error {
		by, pkg, version := api.Role(c.text("by")), c.text("package"), c.text("version")
		var err error
		if c.text("action") == "publish" {
			_, err = r.world.As(by).PublishPatch(ctx, api.PatchRequest{Package: pkg, Version: version, Reboot: c.text("reboot") == "yes", Breaks: c.text("breaks")})
		} else {
			for _, p := range r.world.Patches() {
				if p.Package == pkg && !p.Withdrawn && c.text("version") == "" {
					version = p.Version
				}
			}
			err = r.world.As(by).WithdrawPatch(ctx, pkg, version)
		}
		if err != nil {
			return fmt.Errorf("os-patch %s: %w", c.text("action"), err)
		}
		return nil
	},
}
