package demarc

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// below says which of the module's folders each top-level folder may import,
// besides itself.
var below = map[string][]string{
	"cmd":          {"scenarios", "controlplane", "nodes", "backup", "sim"},
	"scenarios":    {"nodes/cloud", "nodes/image", "sim"}, // sizes of machines, security rules and images are checked before a drill
	"controlplane": {"backup", "sim"},
	"nodes":        {"sim"},
	"backup":       {"sim"},
	"sim":          nil,
}

// rooms says which of its folder's packages each package of a folder may import,
// where the folder is more than one layer. One that is not named may import none.
var rooms = map[string]map[string][]string{
	language: {
		"": {"kinds"}, "kinds": nil, "celtype": nil,
		"check":     {"", "kinds", "celtype"},
		"parse":     {"", "kinds", "celtype", "check"},
		"run":       {"", "kinds", "check"},
		"reference": {"", "celtype", "check", "parse"},
	},
}

// language is the folder of the scenarios' language.
const language = "scenarios/script"

// engineOnly are the folders that only cmd/demarc-engine may import: the command
// line is to start at once, and to be built without Kubernetes. It reads scenarios,
// and does not run them.
var engineOnly = []string{"controlplane", "cmd/demarc-engine/cluster", language + "/run"}

// commands is the folder of the command line's groups of commands. They know nothing of
// each other, but of what they share.
const commands = "cmd/demarc/"

var shared = []string{commands + "command", commands + "output"}

// kubernetes is imported by controlplane alone: it takes minutes to compile.
const kubernetes = "k8s.io/kubernetes/"

func TestImportsRunDown(t *testing.T) {
	for pkg, imports := range moduleImports(t) {
		for _, to := range imports {
			if problem := checkImport(pkg, to); problem != "" {
				t.Errorf("%s imports %s: %s", pkg, to, problem)
			}
		}
	}
}

// checkImport says what is wrong with an import between two packages, whose
// paths are relative to the module if they are of it; nothing is "".
func checkImport(from, to string) string {
	inModule := func(path string) (string, bool) { return strings.CutPrefix(path, "demarc/") }
	from, _ = inModule(from)
	folder, _, _ := strings.Cut(from, "/")
	if strings.HasPrefix(to, kubernetes) && folder != "controlplane" {
		return "Kubernetes itself is imported by controlplane alone"
	}
	to, ours := inModule(to)
	if !ours || from == "" {
		return ""
	}
	allowed, known := below[folder]
	switch {
	case !known:
		return "the folder " + folder + " is not in the table of layers_test.go"
	case within(to, engineOnly) && !within(from, []string{"cmd/demarc-engine", "controlplane"}):
		return "only the engine is linked with it"
	case wrongRoom(from, to):
		return "that package is above it, or beside it"
	case strings.HasPrefix(from, commands) && strings.HasPrefix(to, commands) && !within(to, shared):
		return "groups of commands know nothing of each other"
	case within(to, []string{folder}) || within(to, allowed):
		return ""
	}
	return "that runs upward"
}

// wrongRoom says whether two packages are of one folder in whose table the import is
// not.
func wrongRoom(from, to string) bool {
	for folder, table := range rooms {
		if within(from, []string{folder}) && within(to, []string{folder}) {
			room := func(pkg string) string { return strings.TrimPrefix(strings.TrimPrefix(pkg, folder), "/") }
			return !slices.Contains(table[room(from)], room(to))
		}
	}
	return false
}

// within says whether a package is one of the folders or below one.
func within(pkg string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return pkg == f || strings.HasPrefix(pkg, f+"/") })
}

// moduleImports lists what each package imports, as it is built for the engine.
func moduleImports(t *testing.T) map[string][]string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-tags", "faketime", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	list.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	imports := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		imports[f[0]] = f[1:]
	}
	return imports
}

func TestCheckImport(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"demarc/cmd/demarc", "demarc/scenarios", ""},
		{"demarc/cmd/demarc", "demarc/cmd/demarc/drill", ""},
		{"demarc/cmd/demarc/drill", "demarc/cmd/demarc/output", ""},
		{"demarc/cmd/demarc/drill", "demarc/cmd/demarc/node", "nothing of each other"},
		{"demarc/sim/engine", "demarc/sim/api", ""},
		{"demarc/sim/engine", "demarc/scenarios/script", "runs upward"},
		{"demarc/nodes", "demarc/controlplane/provider", "only the engine"},
		{"demarc/controlplane", "demarc/nodes", "runs upward"},
		{"demarc/cmd/demarc", "demarc/controlplane", "only the engine"},
		{"demarc/cmd/demarc-engine/cluster", "demarc/controlplane", ""},
		{"demarc/nodes/kubelet", "k8s.io/kubernetes/pkg/kubelet", "controlplane alone"},
		{"demarc/scenarios", "demarc/scenarios/script/parse", ""},
		{"demarc/scenarios/script/parse", "demarc/scenarios/script/check", ""},
		{"demarc/scenarios/script/run", "demarc/scenarios/script", ""},
		{"demarc/scenarios/script", "demarc/scenarios/script/parse", "above it"},
		{"demarc/scenarios/script/run", "demarc/scenarios/script/parse", "beside it"},
		{"demarc/scenarios", "demarc/scenarios/script/run", "only the engine"},
		{"demarc/cmd/demarc-engine/cluster", "demarc/scenarios/script/run", ""},
		{"demarc/extra", "demarc/sim/api", "not in the table"},
	} {
		if got := checkImport(c.from, c.to); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("checkImport(%s, %s) = %q, want %q", c.from, c.to, got, c.want)
		}
	}
}
