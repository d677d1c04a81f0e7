package nodes

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// A program is told of its namespace's Services, and of the names that its pod gives addresses.
func TestAProgramIsToldOfServicesAndHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil, &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: "my-db", Namespace: "default"},
			Spec:       corev1.ServiceSpec{ClusterIP: "10.0.5.6", Ports: []corev1.ServicePort{{Name: "sql", Port: 5432, Protocol: corev1.ProtocolTCP}}},
		})
		defer w.stop()
		w.pass(time.Second)
		w.create(testPod(w.f, "linked", script("echo $MY_DB_SERVICE_HOST $MY_DB_SERVICE_PORT_SQL $MY_DB_PORT_5432_TCP_ADDR $KUBERNETES_PORT; tail -n 1 /etc/hosts; sleep 1000"), func(p *corev1.Pod) {
			p.Spec.HostAliases = []corev1.HostAlias{{IP: "10.1.2.3", Hostnames: []string{"foo.local", "bar.local"}}}
		}))
		w.create(testPod(w.f, "alone", script("echo $KUBERNETES_SERVICE_HOST:$MY_DB_SERVICE_HOST"), func(p *corev1.Pod) { p.Spec.EnableServiceLinks = ptr.To(false) }))
		w.pass(10 * time.Second)
		if got, want := w.logged("linked"), "10.0.5.6 5432 10.0.5.6 tcp://10.0.0.1:443\n10.1.2.3\tfoo.local\tbar.local"; got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
		if got := w.logged("alone"); !strings.HasPrefix(got, "10.0.0.1:") || strings.Contains(got, "10.0.5.6") {
			t.Errorf("without links it says %q", got)
		}
	})
}

// A resize restarts a container whose policy wants that, and no other.
func TestAResizeRestartsWhatWantsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "grows", func(p *corev1.Pod) {
			c := &p.Spec.Containers[0]
			c.Resources.Requests = corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("200Mi")}
			c.ResizePolicy = []corev1.ContainerResizePolicy{{ResourceName: corev1.ResourceMemory, RestartPolicy: corev1.RestartContainer}}
		}))
		w.pass(10 * time.Second)
		for _, step := range []struct {
			name     corev1.ResourceName
			to       string
			restarts int32
		}{{"cpu", "200m", 0}, {"memory", "300Mi", 1}} {
			p := w.pod("grows").DeepCopy()
			p.Spec.Containers[0].Resources.Requests[step.name] = resource.MustParse(step.to)
			if _, err := w.api.CoreV1().Pods("default").Update(context.Background(), p, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			w.pass(time.Minute)
			if s := w.pod("grows").Status; s.ContainerStatuses[0].RestartCount != step.restarts || s.Phase != corev1.PodRunning || s.ContainerStatuses[0].State.Running == nil {
				t.Errorf("after %s is %s it is %s with %d restarts, want %d", step.name, step.to, s.Phase, s.ContainerStatuses[0].RestartCount, step.restarts)
			}
		}
		if want := "Killing: Container c resize requires restart"; !strings.Contains(w.events("grows"), want) {
			t.Errorf("it is said:\n%s", w.events("grows"))
		}
	})
}

// A gRPC probe asks its port.
func TestAGRPCProbeAsksItsPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		probe := func(port int32) func(*corev1.Pod) {
			return func(p *corev1.Pod) {
				p.Spec.Containers[0].ReadinessProbe = &corev1.Probe{
					ProbeHandler: corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: port}}, PeriodSeconds: 5, FailureThreshold: 1, SuccessThreshold: 1, TimeoutSeconds: 1,
				}
			}
		}
		w.create(testPod(w.f, "serves", probe(80)))
		w.create(testPod(w.f, "does-not", script("sleep 1000"), probe(9000)))
		w.pass(20 * time.Second)
		if condition(w.pod("serves"), corev1.PodReady) != corev1.ConditionTrue || condition(w.pod("does-not"), corev1.PodReady) != corev1.ConditionFalse {
			t.Errorf("the one is ready %s, the other %s", condition(w.pod("serves"), corev1.PodReady), condition(w.pod("does-not"), corev1.PodReady))
		}
		if want := `Unhealthy: Readiness probe failed: timeout: failed to connect service "` + w.pod("does-not").Status.PodIP + `:9000" within 1s: context deadline exceeded`; !strings.Contains(w.events("does-not"), want) {
			t.Errorf("it is said:\n%s", w.events("does-not"))
		}
	})
}

// The kubelet tells what its pods use, and how it is configured.
func TestAKubeletTellsWhatIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "uses", func(p *corev1.Pod) {
			p.Spec.Containers[0].Image = "example.com/own"
			p.Spec.Containers[0].Resources.Requests = corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("200Mi")}
		}))
		w.pass(10 * time.Second)
		client := http.Client{Transport: &http.Transport{
			DialContext:     func(ctx context.Context, _, address string) (net.Conn, error) { return w.f.DialKubelet(ctx, address) },
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{clientCertificate(t)}},
		}}
		defer client.CloseIdleConnections()
		for path, want := range map[string]string{
			"/metrics/resource": `container_memory_working_set_bytes{container="c",namespace="default",pod="uses"} 104857600`,
			"/stats/summary":    `"workingSetBytes":104857600`,
			"/configz":          `"syncFrequency":"1m0s"`,
			"/logs/":            `<a href="syslog">syslog</a>`,
			"/metrics/cadvisor": `,image="example.com/own",`,
		} {
			resp, err := client.Get("https://10.224.0.4:10250" + path)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || !strings.Contains(string(b), want) {
				t.Errorf("%s: %v, %s, want %s in it", path, err, b, want)
			}
		}
	})
}
