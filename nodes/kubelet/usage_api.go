package kubelet

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"demarc/nodes/network"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// eachRunning calls f for each running container, pod by pod, in order.
func (k *Kubelet) eachRunning(f func(*container)) {
	for _, p := range sortedPods(k.pods) {
		for _, c := range p.containers {
			if c.state == running {
				f(c)
			}
		}
	}
}

// podSum is what a pod's running containers use.
type podSum struct {
	*pod
	usage
}

// sums calls f for each running container with what it uses, and adds that up by pod, in
// order, and with the node's own programs for all.
func (k *Kubelet) sums(now time.Time, f func(*container, usage)) (pods []podSum, node usage) {
	node = k.system(now)
	k.eachRunning(func(c *container) {
		u := c.usage(now)
		f(c, u)
		if n := len(pods); n == 0 || pods[n-1].pod != c.p {
			pods = append(pods, podSum{pod: c.p})
		}
		pods[len(pods)-1].add(u)
		node.add(u)
	})
	return pods, node
}

// writeFamily writes a family of metrics in the text format of Prometheus.
func writeFamily(w io.Writer, name, help, kind, samples string) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s", name, help, name, kind, samples)
}

// resourceMetrics answers as a kubelet does for the metrics server.
func (s *server) resourceMetrics(w http.ResponseWriter, r *http.Request) {
	k, now := dialled(r), time.Now()
	var cpu, memory, start, podCPU, podMemory string
	s.ks.Lock.Lock()
	pods, node := k.sums(now, func(c *container, u usage) {
		labels := fmt.Sprintf("{container=%q,namespace=%q,pod=%q}", c.name, c.p.namespace, c.p.name)
		cpu += fmt.Sprintf("container_cpu_usage_seconds_total%s %g %d\n", labels, u.core, now.UnixMilli())
		memory += fmt.Sprintf("container_memory_working_set_bytes%s %d %d\n", labels, u.memory, now.UnixMilli())
		start += fmt.Sprintf("container_start_time_seconds%s %g\n", labels, float64(c.startedAt.UnixMilli())/1000)
	})
	s.ks.Lock.Unlock()
	for _, p := range pods {
		labels := fmt.Sprintf("{namespace=%q,pod=%q}", p.namespace, p.name)
		podCPU += fmt.Sprintf("pod_cpu_usage_seconds_total%s %g %d\n", labels, p.core, now.UnixMilli())
		podMemory += fmt.Sprintf("pod_memory_working_set_bytes%s %d %d\n", labels, p.memory, now.UnixMilli())
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	family := func(name, help, kind, samples string) { writeFamily(w, name, "[STABLE] "+help, kind, samples) }
	family("container_cpu_usage_seconds_total", "Cumulative cpu time consumed by the container in core-seconds", "counter", cpu)
	family("container_memory_working_set_bytes", "Current working set of the container in bytes", "gauge", memory)
	family("container_start_time_seconds", "Start time of the container since unix epoch in seconds", "gauge", start)
	family("node_cpu_usage_seconds_total", "Cumulative cpu time consumed by the node in core-seconds", "counter", fmt.Sprintf("node_cpu_usage_seconds_total %g %d\n", node.core, now.UnixMilli()))
	family("node_memory_working_set_bytes", "Current working set of the node in bytes", "gauge", fmt.Sprintf("node_memory_working_set_bytes %d %d\n", node.memory, now.UnixMilli()))
	family("pod_cpu_usage_seconds_total", "Cumulative cpu time consumed by the pod in core-seconds", "counter", podCPU)
	family("pod_memory_working_set_bytes", "Current working set of the pod in bytes", "gauge", podMemory)
	family("resource_scrape_error", "1 if there was an error while getting container metrics, 0 otherwise", "gauge", "resource_scrape_error 0\n")
}

// stats is a usage as /stats/summary has it.
func (u usage) stats(now time.Time) map[string]any {
	at := metav1.NewTime(now)
	return map[string]any{
		"cpu":    map[string]any{"time": at, "usageNanoCores": u.milli * 1e6, "usageCoreNanoSeconds": int64(u.core * 1e9)},
		"memory": map[string]any{"time": at, "usageBytes": u.memory, "workingSetBytes": u.memory, "rssBytes": u.memory},
	}
}

// summary tells of the node and its pods what they use.
func (s *server) summary(w http.ResponseWriter, r *http.Request) {
	k, now := dialled(r), time.Now()
	pods := []map[string]any{}
	s.ks.Lock.Lock()
	node := k.system(now)
	for _, p := range sortedPods(k.pods) {
		if !p.sandbox {
			continue
		}
		var all usage
		containers := []map[string]any{}
		for _, c := range p.containers {
			if c.state != running {
				continue
			}
			u := c.usage(now)
			all.add(u)
			stats := u.stats(now)
			stats["name"], stats["startTime"] = c.name, metav1.NewTime(c.startedAt)
			containers = append(containers, stats)
		}
		node.add(all)
		stats := all.stats(now)
		stats["podRef"] = map[string]string{"name": p.name, "namespace": p.namespace, "uid": string(p.uid)}
		stats["startTime"], stats["containers"] = p.startTime, containers
		pods = append(pods, stats)
	}
	used, size := k.m.OS.Disk()
	s.ks.Lock.Unlock()
	stats := node.stats(now)
	stats["nodeName"] = k.m.Name
	stats["fs"] = map[string]any{"time": metav1.NewTime(now), "availableBytes": size - used, "capacityBytes": size, "usedBytes": used}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"node": stats, "pods": pods}) // the client's connection may be gone
}

// configz answers with what the kubelet is configured with, as far as it matters here.
func (s *server) configz(w http.ResponseWriter, r *http.Request) {
	s.ks.Lock.Lock()
	most := allocatable(dialled(r).m)
	s.ks.Lock.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"kubeletconfig": map[string]any{ // the client's connection may be gone
		"syncFrequency": resyncPeriod.String(), "nodeStatusReportFrequency": statusInterval.String(), "nodeLeaseDurationSeconds": int(leaseDuration.Seconds()),
		"streamingConnectionIdleTimeout": streamIdle.String(), "configMapAndSecretChangeDetectionStrategy": "Watch",
		"evictionHard":                     map[string]string{"memory.available": "100Mi", "nodefs.available": fmt.Sprint(leastDiskPercent, "%")},
		"evictionPressureTransitionPeriod": transitionPeriod.String(), "maxPods": most.Pods().Value(), "port": Port,
		"registerNode": true, "enableControllerAttachDetach": true, "clusterDomain": network.ClusterDomain, "clusterDNS": []string{network.DNSServiceIP.String()},
		"containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock", "cgroupDriver": "systemd", "serializeImagePulls": false,
		"kubeReserved": map[string]string{string(corev1.ResourceCPU): "140m"},
	}})
}
