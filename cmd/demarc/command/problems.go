package command

import (
	"fmt"
	"io"

	"demarc/cmd/demarc/output"
	"demarc/sim/terminal"
)

// Problems prints what is wrong with some files, a line each, and is an error if something
// is. What is the noun for one of the files.
func Problems[T fmt.Stringer](env *Env, problems []T, files int, what string) error {
	err := output.Print(env.Printer, problems, func(w io.Writer, problems []T) error {
		for _, p := range problems {
			if _, err := terminal.Fprintf(w, "%s\n", p.String()); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case len(problems) > 0:
		return Exit(BadRequest)
	case !env.JSON():
		terminal.Fprintf(env.Err, "no mistakes in %s\n", output.Count(files, what))
	}
	return nil
}
