package script

var verbDrain = Verb{
	Name:    "drain",
	Summary: "cordons a node and evicts its pods",
	Doc: "As kubectl drain --ignore-daemonsets --delete-emptydir-data: pods of DaemonSets stay, and an eviction that a " +
		"disruption budget refuses is tried again every 5s. The next at can only come after the timeout; " +
		"drain does not wait for the pods to end.",
	Example: "drain node/0 timeout=2m",
	Args: []Arg{nodeArg, {
		Name: "timeout", Type: ArgDuration, Default: "1m", Doc: "how long refused evictions are tried again",
	}},
	Spans: "timeout",
}
