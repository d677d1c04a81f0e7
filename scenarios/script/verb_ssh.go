package script

import (
	"strconv"
	"strings"

	"demarc/sim/api"
)

// roleArg is in whose name something is done that both sides can do.
func roleArg(standard api.Role, doc string) Arg {
	return Arg{Name: "by", Type: ArgEnum, Values: []string{string(api.RoleCustomer), string(api.RoleProvider)}, Default: string(standard), Doc: doc}
}

// What can be said of the output of each verb that Prints.
var (
	printsArg = Arg{Name: "prints", Type: ArgText, Doc: "a text that the output must contain"}
	asArg     = Arg{Name: "as", Type: ArgWord, Doc: "keeps the output and the exit code for checks, as outputs.NAME"}
)

var verbSSH = Verb{
	Name:    "ssh",
	Summary: "runs a command in a shell on a node",
	Doc: "It is the shell that demarc ssh opens. The command must end with exit code 0, or with that of exit=, unless as= keeps it for " +
		"checks; a reboot ends the connection, which is no failure. The provider's support needs the customer's consent: see consent.",
	Example: "ssh node/0 'sudo systemctl stop kubelet'",
	Args: []Arg{
		nodeArg,
		{Name: "command", Type: ArgText, Positional: true, Required: true, Doc: "what to run, in quotes"},
		{Name: "exit", Type: ArgText, Doc: "the exit code that is wanted; any for any [0]"},
		printsArg,
		asArg,
		roleArg(api.RoleCustomer, "on whose behalf"),
	},
	Prints: true,
	Check: func(k Checker, c *Call) {
		k.Keep(c)
		if code, given := c.Text("exit"), c.Cols["exit"] > 0; given && code != "any" {
			if n, err := strconv.Atoi(code); err != nil || n < 0 || n > 255 {
				k.Problem(c.Cols["exit"], "", "exit=%s: want 0 to 255, or any", code)
			}
		}
		if strings.TrimSpace(c.Text("command")) == "" {
			k.Problem(c.Cols["command"], "", "the command is empty")
		}
	},
}
