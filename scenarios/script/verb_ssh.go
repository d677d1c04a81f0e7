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

var verbSSH = Verb{
	Name:    "ssh",
	Summary: "runs a command in a shell on a node",
	Doc: "It is the shell that demarc ssh opens. The command must end with exit code 0, or with that of exit=; a reboot ends the " +
		"connection, which is no failure. The provider's support needs the customer's consent: see consent.",
	Example: "ssh node/0 'sudo systemctl stop kubelet'",
	Args: []Arg{
		nodeArg,
		{Name: "command", Type: ArgText, Positional: true, Required: true, Doc: "what to run, in quotes"},
		{Name: "exit", Type: ArgText, Default: "0", Doc: "the exit code that is wanted; any for any"},
		{Name: "prints", Type: ArgText, Doc: "a text that the output must contain"},
		roleArg(api.RoleCustomer, "on whose behalf"),
	},
	Check: func(k Checker, c *Call) {
		if code := c.Text("exit"); code != "any" {
			if n, err := strconv.Atoi(code); err != nil || n < 0 || n > 255 {
				k.Problem(c.Cols["exit"], "", "exit=%s: want 0 to 255, or any", code)
			}
		}
		if strings.TrimSpace(c.Text("command")) == "" {
			k.Problem(c.Cols["command"], "", "the command is empty")
		}
	},
}
