// Package image has the commands of the catalogue of images, which says how containers
// behave. They need no cluster.
package image

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/nodes/image"

	"github.com/spf13/cobra"
)

// Commands are the commands of this group.
func Commands(env *command.Env) []*cobra.Command {
	return []*cobra.Command{command.Group(&cobra.Command{
		Use:   "image",
		Short: "Read the catalogue of images, which says how containers behave",
		Example: `  demarc image list
  demarc image explain postgres:16
  demarc image lint images.yaml`,
	}, listCmd(env), explainCmd(env), lintCmd(env))}
}

// imagesFlag names a catalogue of the user's own.
func imagesFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "images", "", "file with a catalogue of your own, whose entries win")
}

func listCmd(env *command.Env) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "list",
		Short: "List the images whose behaviour is known",
		Example: `  demarc image list
  demarc image list --images images.yaml -o json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			all, err := command.Images(file)
			if err != nil {
				return err
			}
			return output.Print(env.Printer, all.Images, output.Columns("IMAGE\tABOUT\tPORTS\tFROM", func(e image.Entry) []any {
				return []any{strings.Join(e.Match, " "), cmp.Or(e.About, "-"), ports(e), e.From}
			}))
		},
	}
	imagesFlag(c, &file)
	return c
}

func ports(e image.Entry) string {
	var list []string
	for _, p := range e.Serves {
		list = append(list, strconv.Itoa(int(p.Port)))
	}
	return cmp.Or(strings.Join(list, ","), "-")
}

// explanation is what holds for an image.
type explanation struct {
	Image string `json:"image"`
	Name  string `json:"name"` // whole
	Known bool   `json:"known"`
	// Exists says whether a registry has it, and Private that it wants to know who asks.
	Exists  bool                   `json:"exists"`
	Private bool                   `json:"private"`
	Entry   *image.Entry           `json:"entry"`   // null if it is not known
	Assumed map[image.Place]string `json:"assumed"` // what it does in each place, if it is not known
}

func explainCmd(env *command.Env) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "explain IMAGE",
		Short: "Say how containers of an image behave, and why",
		Example: `  demarc image explain postgres:16
  demarc image explain ghcr.io/acme/shop:2.3 --images images.yaml -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			all, err := command.Images(file)
			if err != nil {
				return err
			}
			if err := image.CheckName(args[0]); err != nil {
				return command.BadInput(err)
			}
			n := image.Split(args[0])
			x := explanation{Image: args[0], Name: n.String(), Exists: true, Private: all.Private(args[0]), Entry: all.Lookup(args[0]), Assumed: map[image.Place]string{}}
			if x.Known = x.Entry != nil; x.Known {
				x.Exists = x.Entry.Exists(n)
			} else {
				for _, p := range image.Places {
					x.Assumed[p] = image.Assumed(p)
				}
			}
			return output.Print(env.Printer, x, printExplanation)
		},
	}
	imagesFlag(c, &file)
	return c
}

func printExplanation(w io.Writer, x explanation) error {
	var t output.Table
	t.Row("image", x.Name)
	switch e := x.Entry; {
	case !x.Known:
		t.Row("entry", "none: it is not known, and goes the healthy way")
		t.Row("in a pod", "it "+x.Assumed[image.Main])
		t.Row("as an init container", "it "+x.Assumed[image.Init])
		t.Row("in a Job", "it "+x.Assumed[image.Job])
		t.Row("kubectl exec, exec probes", "it "+x.Assumed[image.Exec])
		t.Row("to overrule it", "an entry of your own (demarc help images), or annotations (demarc help annotations)")
	default:
		t.Row("entry", e.From+", "+strings.Join(e.Match, " "))
		if e.About != "" {
			t.Row("about", e.About)
		}
		if !x.Exists {
			t.Row("pull", "fails: there is no such tag; there are "+e.Tags)
		}
		if who := e.UserOf(image.Split(x.Image)); who != "" {
			t.Row("runs as", "user "+who+map[string]string{"0": ", which is root"}[who])
		}
		printEntry(&t, e)
	}
	if x.Private {
		t.Row("registry", "private: the pod needs imagePullSecrets")
	}
	return t.Write(w, output.TextWidth(w))
}

func printEntry(t *output.Table, e *image.Entry) {
	if len(e.Backend) > 0 {
		t.Row("backend", e.Backend.String()+": a real program on this machine")
	}
	switch {
	case e.Ends != nil:
		t.Row("ends", fmt.Sprintf("with %d after %s", e.Ends.Code, time.Duration(e.Ends.After)))
	case len(e.Serves) > 0:
		t.Row("serves", ports(*e))
		for _, p := range e.Serves {
			for _, r := range p.Routes {
				t.Row("", fmt.Sprintf("%d%s: %d", p.Port, r.Path, cmp.Or(r.Status, 200)))
			}
		}
		if e.Listens != "" {
			t.Row("", "and where its mounted files say: "+e.Listens)
		}
		t.Row("ready after", time.Duration(e.Start).String())
	case e.System == "":
		t.Row("serves", "what the pod names; an init container and a Job's end")
	}
	for _, s := range e.Makes {
		t.Row("makes", "Secret "+s.Name+", with "+strings.Join(s.Keys, ", "))
	}
	t.Row("programs", strings.Join(append(slices.Sorted(maps.Keys(e.Programs)), map[string]string{
		"": "and any other", image.Busybox: "and BusyBox's", image.Debian: "and those of a minimal Debian", image.None: "and no other, no shell either",
	}[e.System]), ", "))
	for _, u := range []struct {
		name string
		image.Usage
	}{{"memory", e.Memory}, {"cpu", e.CPU}} {
		if !u.Rest.IsZero() || !u.Request.IsZero() || !u.Hour.IsZero() {
			t.Row(u.name, fmt.Sprintf("%s at rest, %s for each request a second, %s more each hour", u.Rest.String(), u.Request.String(), u.Hour.String()))
		}
	}
}

func lintCmd(env *command.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "lint FILE…",
		Short: "Find every mistake in catalogues of images, without starting anything",
		Long: `Lint checks files with catalogues of images, and prints each mistake with file and line. The
exit code is 2 if there are any.`,
		Example: "  demarc image lint images.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			problems := []image.Problem{}
			for _, name := range args {
				b, err := os.ReadFile(name)
				if err != nil {
					return command.BadInput(err)
				}
				_, found := image.Parse(name, b)
				problems = append(problems, found...)
			}
			return command.Problems(env, problems, len(args), "catalogue")
		},
	}
}
