package upstream

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// declared is how the modules that are linked in declare what demarc's linknames
// stand for. A line that differs says that upstream has changed: look at what the
// hook does there now, and at the type of ours, before this is made to agree.
var declared = map[string]string{
	"go.etcd.io/etcd/server/v3/storage/mvcc.watchResyncPeriod":             "watchResyncPeriod = 100 * time.Millisecond",
	"go.etcd.io/etcd/server/v3/storage/mvcc.slowWatcherGauge":              "slowWatcherGauge = prometheus.NewGauge(",
	"k8s.io/apiserver/pkg/storage/storagebackend/factory.newETCD3Client":   "newETCD3Client = func(c storagebackend.TransportConfig) (*kubernetes.Client, error) {",
	"k8s.io/client-go/tools/cache.defaultMinWatchTimeout":                  "defaultMinWatchTimeout = 5 * time.Minute",
	"k8s.io/client-go/tools/cache.defaultMaxWatchTimeout":                  "defaultMaxWatchTimeout = 2 * defaultMinWatchTimeout",
	"k8s.io/client-go/util/workqueue.globalMetricsProvider":                "globalMetricsProvider MetricsProvider = noopMetricsProvider{}",
	"k8s.io/component-base/version.gitVersion":                             `gitVersion = "v0.0.0-master+$Format:%H$"`,
	"k8s.io/component-base/version.gitMajor":                               "gitMajor string",
	"k8s.io/component-base/version.gitMinor":                               "gitMinor string",
	"k8s.io/kubernetes/cmd/kube-apiserver/app.apiVersionPriorities":        "apiVersionPriorities = merge(",
	"k8s.io/kubernetes/pkg/scheduler/backend/cache/debugger.compareSignal": "compareSignal = syscall.SIGUSR2",
	"runtime/pprof.runtime_getProfLabel":                                   "func runtime_getProfLabel() unsafe.Pointer",
	"runtime/pprof.runtime_setProfLabel":                                   "func runtime_setProfLabel(labels unsafe.Pointer)",
}

// copied are functions of which we have a copy that does more, in full.
var copied = map[string]string{
	"k8s.io/kubernetes/cmd/kube-apiserver/app.CreateServerChain": `
func CreateServerChain(config CompletedConfig) (*aggregatorapiserver.APIAggregator, error) {
	notFoundHandler := notfoundhandler.New(config.KubeAPIs.ControlPlane.Generic.Serializer, genericapifilters.NoMuxAndDiscoveryIncompleteKey)
	apiExtensionsServer, err := config.ApiExtensions.New(genericapiserver.NewEmptyDelegateWithCustomHandler(notFoundHandler))
	if err != nil {
		return nil, err
	}
	crdAPIEnabled := config.ApiExtensions.GenericConfig.MergedResourceConfig.ResourceEnabled(apiextensionsv1.SchemeGroupVersion.WithResource("customresourcedefinitions"))
	kubeAPIServer, err := config.KubeAPIs.New(apiExtensionsServer.GenericAPIServer)
	if err != nil {
		return nil, err
	}
	aggregatorServer, err := controlplaneapiserver.CreateAggregatorServer(config.Aggregator, kubeAPIServer.ControlPlane.GenericAPIServer, apiExtensionsServer.Informers.Apiextensions().V1().CustomResourceDefinitions(), crdAPIEnabled, apiVersionPriorities)
	if err != nil {
		return nil, err
	}
	return aggregatorServer, nil
}`,
}

func TestCopiesAreOfWhatIsThere(t *testing.T) {
	for symbol, want := range copied {
		if got := declaration(t, symbol); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
			t.Errorf("upstream declares %s as\n%s\nwant\n%s", symbol, got, want)
		}
	}
}

func TestLinknamesNameWhatIsThere(t *testing.T) {
	ours := linknames(t)
	for symbol, file := range ours {
		want, known := declared[symbol]
		if !known {
			t.Errorf("%s: the linkname to %s is not in this test's table", file, symbol)
			continue
		}
		first, _, _ := strings.Cut(declaration(t, symbol), "\n")
		if got := strings.Join(strings.Fields(first), " "); !strings.HasPrefix(got, want) {
			t.Errorf("%s: upstream declares %s as %q, want %q", file, symbol, got, want)
		}
	}
	for symbol := range maps.Keys(declared) {
		if ours[symbol] == "" {
			t.Errorf("nothing has a linkname to %s any more", symbol)
		}
	}
}

// linknames are the targets of all linknames of the module, with their files.
func linknames(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	line := regexp.MustCompile(`(?m)^//go:linkname \S+ (\S+)$`)
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := os.ReadFile(file)
		for _, m := range line.FindAllSubmatch(text, -1) {
			if in, _ := filepath.Rel(root, file); !strings.HasPrefix(filepath.ToSlash(in), "controlplane/upstream/") {
				t.Errorf("%s has a linkname: those live in controlplane/upstream", in)
			}
			found[string(m[1])] = file
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// declaration is how a package declares a name; "" if it does not.
func declaration(t *testing.T, symbol string) string {
	t.Helper()
	base := path.Base(symbol)
	dot := strings.LastIndex(base, ".")
	pkg, name := strings.TrimSuffix(symbol, base[dot:]), base[dot+1:]
	list := exec.CommandContext(t.Context(), "go", "list", "-tags", "faketime", "-f", `{{range .GoFiles}}{{$.Dir}}/{{.}}{{"\n"}}{{end}}`, pkg)
	list.Env = append(os.Environ(), "CGO_ENABLED=0")
	files, err := list.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", pkg, err)
	}
	fset := token.NewFileSet()
	for _, file := range strings.Fields(string(files)) {
		parsed, err := parser.ParseFile(fset, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if found := lookup(parsed, name); found != nil {
			var b bytes.Buffer
			if err := printer.Fprint(&b, fset, found); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
	}
	return ""
}

// lookup finds the declaration of a variable or function of a file.
func lookup(f *ast.File, name string) ast.Node {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.Name == name && d.Recv == nil {
				return d
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if v, ok := s.(*ast.ValueSpec); ok && d.Tok == token.VAR && v.Names[0].Name == name {
					return v
				}
			}
		}
	}
	return nil
}
