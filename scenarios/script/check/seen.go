package check

import (
	"cmp"
	"time"

	"demarc/scenarios/script"
	"demarc/sim/api"
	"demarc/sim/report"
)

// The types that checks see otherwise than the management API has them: with what
// lies deeper there, and with names in place of structs. A field hides the one of
// its Go name in what is embedded.
type (
	incidentSeen struct {
		incident // the judgement's owner comes before its own
		api.Judgement
		Open bool `json:"open"`
	}
	incident    struct{ api.Incident }
	accountSeen struct {
		Outages  []outageSeen      `json:"outages"`
		FailedBy report.Requests   `json:"failedBy"`
		Attempts []report.Attempt  `json:"attempts"`
		Healers  map[string]string `json:"healers"`
	}
	outageSeen struct {
		Subject string         `json:"subject"`
		Minutes report.Minutes `json:"minutes"`
		Why     []string       `json:"why"`
	}
	supportSeen struct {
		api.Supportability
		History []api.Period `json:"past"`
	}
	repairSeen struct {
		api.Repair
		Actions []string `json:"actions" enum:"repair-action"`
		Errors  []string `json:"errors"`
	}
	restoreSeen struct {
		api.Restore
		api.Reconciled
		Skipped []string `json:"skipped"`
	}
	featureSeen struct {
		api.Feature
		Registered time.Time `json:"registered"`
	}
	caseSeen struct {
		api.Case
		api.Verdict
		Findings     []string `json:"findings"`
		Conversation []string `json:"said"`
		Node         string   `json:"node"`
		Issue        string   `json:"issue"`
	}
	operationSeen struct {
		api.Operation
		// From and To are the control plane's versions in an upgrade, and
		// ControlPlane when it was upgraded.
		From         string     `json:"from"`
		To           string     `json:"to"`
		ControlPlane time.Time  `json:"controlPlane"`
		Nodes        []nodeSeen `json:"nodes"`
		Surge        []string   `json:"surge"`
	}
	nodeSeen struct {
		api.NodeUpgrade
		Pool string `json:"pool"`
	}
)

func repairsSeen(w World) []repairSeen {
	return script.Convert(w.Repairs(), func(r api.Repair) repairSeen {
		seen := repairSeen{Repair: r}
		for _, a := range r.Actions {
			seen.Actions = append(seen.Actions, a.Action)
			if a.Error != "" {
				seen.Errors = append(seen.Errors, a.Error)
			}
		}
		return seen
	})
}

func restoresSeen(w World) []restoreSeen {
	return script.Convert(w.Restores(), func(r api.Restore) restoreSeen {
		return restoreSeen{r, r.Reconciled, script.Convert(r.Skipped, func(s api.SkippedBackup) string { return s.ID })}
	})
}

func featuresSeen(w World) []featureSeen {
	return script.Convert(w.Features(), func(f api.Feature) featureSeen {
		seen := featureSeen{Feature: f}
		if f.State == api.FeatureRegistered {
			seen.Registered = f.Since
		}
		return seen
	})
}

func casesSeen(w World) []caseSeen {
	return script.Convert(w.Cases(), func(c api.Case) caseSeen {
		seen := caseSeen{
			Case: c, Verdict: c.Verdict, Node: cmp.Or(c.Restarts, c.WaitsFor, c.CaseAbout.Node),
			Findings:     script.Convert(c.Findings, func(f api.CaseFinding) string { return f.Source + ": " + f.Says }),
			Conversation: script.Convert(c.Conversation, func(e api.CaseEntry) string { return string(e.By) + ": " + e.Text }),
		}
		if c.Upstream != nil {
			seen.Issue = c.Upstream.Issue
		}
		return seen
	})
}

func operationsSeen(w World) []operationSeen {
	return script.Convert(w.Operations(), func(o api.Operation) operationSeen {
		seen := operationSeen{Operation: o}
		if o.Upgrade == nil {
			return seen
		}
		seen.From, seen.To, seen.ControlPlane = o.Upgrade.From, o.Upgrade.To, o.Upgrade.ControlPlaneDone
		for _, p := range o.Upgrade.Pools {
			seen.Nodes = append(seen.Nodes, script.Convert(p.Nodes, func(n api.NodeUpgrade) nodeSeen { return nodeSeen{n, p.Name} })...)
			seen.Surge = append(seen.Surge, script.Convert(p.SurgeNodes, func(n api.NodeUpgrade) string { return n.Name })...)
		}
		return seen
	})
}
