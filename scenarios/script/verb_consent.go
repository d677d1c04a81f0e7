package script

var verbConsent = Verb{
	Name:    "consent",
	Summary: "lets the provider's support log in to a node, for a while",
	Doc: "The customer's explicit consent, without which support cannot log in to a node, run a command there or read its logs. " +
		"It ends by itself, or when it is revoked.",
	Example: "consent node/0 for=1h",
	Args: []Arg{
		nodeArg,
		{Name: "for", Type: ArgDuration, Default: "1h", Doc: "how long it is good"},
		{Name: "case", Type: ArgText, Doc: "the support case that it is for"},
	},
}

var verbRevokeConsent = Verb{
	Name:    "revoke-consent",
	Summary: "takes back every consent for a node",
	Example: "revoke-consent node/0",
	Args:    []Arg{nodeArg},
}

var verbEscalate = Verb{
	Name:    "escalate",
	Summary: "asks the provider to restart a node",
	Doc: "The customer's escalation. The provider cordons the node, drains it with respect for PodDisruptionBudgets and for at most " +
		"30 minutes, restarts it, and makes it schedulable again.",
	Example: "escalate node/0",
	Args:    []Arg{nodeArg, {Name: "reason", Type: ArgText, Doc: "why, for the record"}},
}
