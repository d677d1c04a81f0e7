package script

import (
	"demarc/sim/api"
	"demarc/sim/timeline"
)

// providerArg is who does what is the provider's.
var providerArg = Arg{
	Name: "by", Type: ArgEnum, Values: []string{string(timeline.Provider), string(timeline.Customer)},
	Default: string(timeline.Provider), Doc: "who does it; the customer is refused",
}

var verbCVE = Verb{
	Name:    "cve",
	Summary: "publishes a vulnerability, to which the provider sees",
	Doc: "Half an hour later the provider patches what it can: a managed component is restarted with a patched build, an add-on is " +
		"rolled to a patched image, a package on the nodes is installed at once. What needs a reboot or a newer image is the " +
		"customer's, who is told; until then the nodes are vulnerable, by what they really run.",
	Example: "cve publish CVE-2026-1234 component=openssl",
	Args: []Arg{
		actionArg("publish"),
		{Name: "id", Type: ArgText, Positional: true, Required: true, Doc: "its ID"},
		{Name: "component", Type: ArgText, Required: true, Doc: "what has it: kube-apiserver, etcd, coredns, kube-proxy, kernel, libc, containerd, openssl, …"},
		{Name: "severity", Type: ArgEnum, Values: api.CVESeverities, Default: "high", Doc: "how bad it is"},
		{Name: "fix", Type: ArgEnum, Values: api.CVEFixes, Doc: "how it is mended [by the component]"},
		{Name: "version", Type: ArgText, Doc: "the version that does not have it [the next]"},
		{Name: "guidance", Type: ArgText, Doc: "what the customer is told"},
		{Name: "vendor-fix-age", Type: ArgDuration, Default: "720h", Doc: "for how long the vendor has had a fix"},
		providerArg,
	},
}
