// Package output is how the command line prints: one way to print a thing, one way to
// print a list, both as text for people and as JSON for programs ([Print], [List]), and
// what text is made of: tables, colours, progress, the story of a drill, and values as
// people read them. What others have written never leaves it but through
// [demarc/sim/terminal].
package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"demarc/sim/api"
	"demarc/sim/terminal"
)

// Printer is where a command's output goes, and in which form.
type Printer struct {
	Out, Err io.Writer
	// Format is what -o names: text, json, or a form of the command's own.
	Format string
	// Ready asks when the cluster was ready of which the output tells, since when seconds
	// are counted; zero if that is not known. Nil is for no cluster.
	Ready func() time.Time
}

// JSON says whether the output is for programs.
func (p *Printer) JSON() bool { return p.Format == "json" }

// Value writes one value for programs: see [api.Marshal].
func (p *Printer) Value(v any) error {
	b, err := p.marshal(v)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.Out, out.String())
	return err
}

func (p *Printer) marshal(v any) ([]byte, error) {
	ready := p.Ready
	if ready == nil {
		ready = api.Unready
	}
	return api.Marshal(v, ready)
}

// Print prints a thing: for people as text writes it.
func Print[T any](p *Printer, thing T, text func(io.Writer, T) error) error {
	if p.JSON() {
		return p.Value(thing)
	}
	return text(p.Out, thing)
}

// List prints a list: for people as text writes it, or says that there is nothing in it.
func List[T any](p *Printer, list []T, none string, text func(io.Writer, []T) error) error {
	return Print(p, list, func(w io.Writer, list []T) error {
		if len(list) == 0 {
			fmt.Fprintln(p.Err, none)
			return nil
		}
		return text(w, list)
	})
}

// Sentence is the text of a thing in one line.
func Sentence[T any](text func(T) string) func(io.Writer, T) error {
	return func(w io.Writer, x T) error {
		_, err := terminal.Fprintf(w, "%s\n", text(x))
		return err
	}
}

// Paragraph writes one paragraph, wrapped on a terminal.
func Paragraph(w io.Writer, text string) error {
	_, err := fmt.Fprintln(w, wrap(strings.Join(strings.Fields(text), " "), TextWidth(w)))
	return err
}
