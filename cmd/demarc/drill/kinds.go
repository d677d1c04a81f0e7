package drill

import (
	"slices"
	"strings"

	"demarc/cmd/demarc/output"
	"demarc/sim/api"
	"demarc/sim/fault"
	"demarc/sim/terminal"
)

// faultKind is a kind of fault with who may inject it, by what it strikes.
type faultKind struct {
	fault.Kind
	Injectors map[fault.TargetKind][]api.Role `json:"injectors"`
}

func kindsOf(kinds []fault.Kind) (list []faultKind) {
	for _, k := range kinds {
		x := faultKind{k, map[fault.TargetKind][]api.Role{}}
		for _, t := range k.Targets {
			x.Injectors[t] = api.Injectors(t)
		}
		list = append(list, x)
	}
	return list
}

// Reference explains every kind of fault, from their registry, in lines that fit.
func Reference() string {
	var sb strings.Builder
	for _, k := range fault.Kinds() {
		terminal.Fprintf(&sb, "%s: %s\n", k.Verb, k.Summary)
		if k.Doc != "" {
			terminal.Fprintf(&sb, "    %s\n", k.Doc)
		}
		terminal.Fprintf(&sb, "    Strikes: %s\n", strings.Join(k.TargetForms(), ", "))
		for _, x := range k.Args {
			terminal.Fprintf(&sb, "    %s=  %s%s\n", x.Name, x.Doc, argNotes(x))
		}
		terminal.Fprintf(&sb, "    Example: demarc --as %s fault inject %s\n\n", api.RoleDirector, k.Example)
	}
	by := fault.By()
	terminal.Fprintf(&sb, "Each takes %s=  %s%s\n\n", by.Name, by.Doc, argNotes(by))
	for _, r := range api.Roles {
		terminal.Fprintf(&sb, "--as %s may strike: %s\n", r, injects(r))
	}
	return output.Fold(sb.String())
}

// injects lists the targets into which a role may inject faults.
func injects(r api.Role) string {
	var targets []string
	for _, k := range fault.Kinds() {
		for _, t := range k.Targets {
			if slices.Contains(api.Injectors(t), r) && !slices.Contains(targets, string(t)) {
				targets = append(targets, string(t))
			}
		}
	}
	return strings.Join(targets, ", ")
}

func argNotes(x fault.Arg) string {
	notes := ""
	if len(x.Values) > 0 {
		notes += " (" + strings.Join(x.Values, ", ") + ")"
	}
	if x.Default != "" {
		notes += " [" + x.Default + "]"
	}
	return notes
}
