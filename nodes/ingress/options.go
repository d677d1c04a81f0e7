package ingress

import (
	"io"
	"path"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// options are the flags of the command line that something here obeys (ingress-nginx,
// pkg/flags).
type options struct {
	class           string // --ingress-class: the value of the annotation
	controller      string // --controller-class: of IngressClasses
	classByName     bool
	withoutClass    bool
	watchNamespace  string
	publishService  string
	publishAddress  string
	updateStatus    bool
	internalIP      bool
	defaultBackend  string // a Service, as NAMESPACE/NAME
	defaultCert     string // a Secret, likewise
	http, https     int32
	health          int32
	healthPath      string
	shutdownSeconds int
}

// program is the name of the program.
const program = "nginx-ingress-controller"

// parse reads a command line, whose first word may be the program's.
func parse(argv []string, out io.Writer) (*options, error) {
	if len(argv) > 0 && path.Base(argv[0]) == program {
		argv = argv[1:]
	}
	o := &options{}
	f := pflag.NewFlagSet(program, pflag.ContinueOnError)
	f.SetOutput(out)
	f.ParseErrorsAllowlist.UnknownFlags = true
	f.StringVar(&o.class, "ingress-class", "nginx", "name of the Ingress class this controller satisfies")
	f.StringVar(&o.controller, "controller-class", "k8s.io/ingress-nginx", "Ingress Class Controller value this Ingress satisfies")
	f.BoolVar(&o.classByName, "ingress-class-by-name", false, "watch Ingresses by their class's name, too")
	f.BoolVar(&o.withoutClass, "watch-ingress-without-class", false, "watch Ingresses that have no class")
	f.StringVar(&o.watchNamespace, "watch-namespace", "", "namespace that is watched, all by default")
	f.StringVar(&o.publishService, "publish-service", "", "Service whose address Ingresses get")
	f.StringVar(&o.publishAddress, "publish-status-address", "", "addresses that Ingresses get")
	f.BoolVar(&o.updateStatus, "update-status", true, "write addresses into Ingresses")
	f.BoolVar(&o.internalIP, "report-node-internal-ip-address", false, "use the internal addresses of nodes")
	f.StringVar(&o.defaultBackend, "default-backend-service", "", "Service for requests that no rule fits")
	f.StringVar(&o.defaultCert, "default-ssl-certificate", "", "Secret with the certificate of hosts that have none")
	f.Int32Var(&o.http, "http-port", 80, "port of HTTP")
	f.Int32Var(&o.https, "https-port", 443, "port of HTTPS")
	f.Int32Var(&o.health, "healthz-port", 10254, "port of the health check")
	f.StringVar(&o.healthPath, "health-check-path", "/healthz", "path of the health check")
	f.IntVar(&o.shutdownSeconds, "shutdown-grace-period", 0, "seconds for which it serves on when it is stopped")
	return o, f.Parse(argv)
}

// Grace is for how long the program of a command line serves on when it is to end.
func (c *Controller) Grace(argv []string) time.Duration {
	o, err := parse(argv, io.Discard)
	if err != nil || o.shutdownSeconds <= 0 {
		return 0
	}
	return time.Duration(o.shutdownSeconds) * time.Second
}

// nameOf splits NAMESPACE/NAME.
func nameOf(s string) (namespace, name string, ok bool) {
	namespace, name, ok = strings.Cut(s, "/")
	return namespace, name, ok && namespace != "" && name != ""
}
