package script

import "demarc/sim/api"

var verbOSPatch = Verb{
	Name:    "os-patch",
	Summary: "publishes a patch of the nodes' operating system, or withdraws it",
	Doc: "Each node installs it by itself between 06:00 and 07:00 UTC, if it reaches the archives and nobody holds the package. " +
		"Without version= it is the next one. A patch that breaks something is the provider's fault. Withdrawn, it stays on the nodes " +
		"that have it. At a terminal: demarc patch.",
	Example: "os-patch publish linux-image-azure",
	Args: []Arg{
		actionArg("publish", "withdraw"),
		{Name: "package", Type: ArgText, Positional: true, Required: true, Doc: "the package; withdraw takes its newest patch back"},
		{Name: "version", Type: ArgText, Doc: "its version"},
		{Name: "reboot", Type: ArgEnum, Values: []string{"yes", "no"}, Default: "no", Doc: "whether it has effect only after a reboot; a kernel always does"},
		{Name: "breaks", Type: ArgEnum, Values: api.PatchBreaks, Doc: "what does not work with it"},
		providerArg,
	},
}
