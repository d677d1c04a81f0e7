package drill

import (
	"fmt"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/scenarios"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/report"
	"demarc/sim/terminal"
)

// summary is the report of what was played, by the support contract.
func (p *play) summary() report.Report {
	r := p.report
	in := report.Input{
		Title: p.title, Cluster: p.Name, Edition: r.Edition, Events: p.events, Incidents: r.Judgements, Repairs: r.Repairs,
		Restores: r.Restores, Backups: r.Backups, Traffic: r.Traffic, Support: r.Support,
	}
	if !p.ready.IsZero() {
		in.From, in.To = p.ready, p.ready.Add(time.Duration(r.VirtualSeconds*float64(time.Second)))
	}
	return report.Make(in)
}

// writeTexts writes what held of each play and what that means by the contract.
func writeTexts(env *command.Env, plays []*play) error {
	for i, p := range plays {
		if i > 0 {
			fmt.Fprintln(env.Out)
		}
		if err := scenarios.WriteText(env.Out, []*api.Report{p.report}); err != nil {
			return err
		}
		if p.report.Error != "" {
			continue
		}
		r := p.summary()
		terminal.Fprintf(env.Out, "\n%s\n", output.PaletteFor(env.Out).Bold("By the support policy "+r.Edition+":"))
		for _, sentence := range r.Verdict {
			if err := output.Paragraph(env.Out, sentence); err != nil {
				return err
			}
		}
	}
	return nil
}

// pageFile prepares the HTML page before anything is played, so that a wrong path
// is not found out at the end. Without a path there is none.
func pageFile(path string, plays int) (*output.File, error) {
	if path == "" {
		return nil, nil
	}
	if plays > 1 {
		return nil, &engine.InputError{Message: "--html: one page is of one scenario", Hint: "play them one by one"}
	}
	f, err := output.CreateFile(path)
	if err != nil {
		return nil, command.BadInput(fmt.Errorf("--html: %w", err))
	}
	return f, nil
}

// writePage writes the page of a play that has come to a verdict.
func writePage(f *output.File, p *play) error {
	if f == nil || p.report.Error != "" {
		return nil
	}
	return f.Publish(p.summary().HTML)
}
