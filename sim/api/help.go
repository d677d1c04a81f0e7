package api

import _ "embed"

// What users read of what the service does.
var (
	//go:embed provider.md
	HelpProvider string
	//go:embed nodes.md
	HelpNodes string
	//go:embed upgrades.md
	HelpUpgrades string
	//go:embed patches.md
	HelpPatches string
)
