package drill

import (
	"fmt"
	"io"
	"time"

	"demarc/cmd/demarc/command"
	"demarc/cmd/demarc/output"
	"demarc/scenarios"
	"demarc/sim/api"
	"demarc/sim/engine"
	"demarc/sim/policy"
	"demarc/sim/report"
	"demarc/sim/terminal"
)

// summary is the report of what was played, by the support contract.
func (p *play) summary() report.Report {
	r := p.report
	in := report.Input{
		Title: p.title, Cluster: p.Name, Edition: r.Edition, Events: p.events, Incidents: r.Judgements, Repairs: r.Repairs,
		Restores: r.Restores, Backups: r.Backups, Traffic: r.Traffic, Availability: r.Availability, Support: r.Support,
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

// writePage writes the page of a play that has come to a verdict: by the edition that it was
// judged by, or by both.
func writePage(f *output.File, p *play, edition string) error {
	if f == nil || p.report.Error != "" {
		return nil
	}
	if edition != command.BothEditions {
		return f.Publish(p.summary().HTML)
	}
	var reports []report.Report
	for _, e := range policy.Editions() {
		r, err := p.by(e)
		if err != nil {
			return err
		}
		reports = append(reports, r)
	}
	return f.Publish(func(w io.Writer) error { return report.HTML(w, reports) })
}

// by is the report of what was played, judged once more by an edition.
func (p *play) by(e *policy.Edition) (report.Report, error) {
	judge := e.Judge(policy.World{Events: p.events, Incidents: p.report.Incidents, Repairs: p.report.Repairs})
	again := *p
	r := *p.report
	again.report, r.Edition, r.Judgements = &r, e.ID, nil
	for _, i := range r.Incidents {
		v, err := judge.Incident(i.ID)
		if err != nil {
			return report.Report{}, fmt.Errorf("judge incident %s by edition %s: %w", i.ID, e.ID, err)
		}
		r.Judgements = append(r.Judgements, api.JudgedIncident{Incident: i, Judgement: v})
	}
	var err error
	r.Support, err = judge.Support()
	return again.summary(), err
}
