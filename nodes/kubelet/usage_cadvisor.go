package kubelet

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// containerMetrics answers with the metrics of cAdvisor that dashboards and alerts read:
// for each running container, and with an empty container and image for each pod.
func (s *server) containerMetrics(w http.ResponseWriter, r *http.Request) {
	k, now := dialled(r), time.Now()
	var cpu, memory, used, limit, start strings.Builder
	sample := func(b *strings.Builder, name, labels string, value float64) {
		fmt.Fprintf(b, "%s{%s} %g %d\n", name, labels, value, now.UnixMilli())
	}
	whole := func(labels string, u usage) {
		sample(&cpu, "container_cpu_usage_seconds_total", `cpu="total",`+labels, u.core)
		sample(&memory, "container_memory_working_set_bytes", labels, float64(u.memory))
		sample(&used, "container_memory_usage_bytes", labels, float64(u.memory))
	}
	s.ks.Lock.Lock()
	pods, node := k.sums(now, func(c *container, u usage) {
		labels := fmt.Sprintf("container=%q,id=%q,image=%q,name=%q,namespace=%q,pod=%q", c.name, cgroup(c.p)+"/cri-containerd-"+c.id+".scope", c.program.Image, c.id, c.p.namespace, c.p.name)
		whole(labels, u)
		sample(&limit, "container_spec_memory_limit_bytes", labels, float64(c.program.MemoryLimit))
		sample(&start, "container_start_time_seconds", labels, float64(c.startedAt.UnixMilli())/1000)
	})
	for _, p := range pods {
		whole(fmt.Sprintf(`container="",id=%q,image="",name="",namespace=%q,pod=%q`, cgroup(p.pod), p.namespace, p.name), p.usage)
	}
	size := capacity(k.m)
	s.ks.Lock.Unlock()
	whole(`container="",id="/",image="",name="",namespace="",pod=""`, node)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	writeFamily(w, "container_cpu_usage_seconds_total", "Cumulative cpu time consumed in seconds.", "counter", cpu.String())
	writeFamily(w, "container_memory_usage_bytes", "Current memory usage in bytes, including all memory regardless of when it was accessed", "gauge", used.String())
	writeFamily(w, "container_memory_working_set_bytes", "Current working set in bytes.", "gauge", memory.String())
	writeFamily(w, "container_spec_memory_limit_bytes", "Memory limit for the container.", "gauge", limit.String())
	writeFamily(w, "container_start_time_seconds", "Start time of the container since unix epoch in seconds.", "gauge", start.String())
	writeFamily(w, "machine_cpu_cores", "Number of logical CPU cores.", "gauge", fmt.Sprintf("machine_cpu_cores %d\n", size.Cpu().Value()))
	writeFamily(w, "machine_memory_bytes", "Amount of memory installed on the machine.", "gauge", fmt.Sprintf("machine_memory_bytes %d\n", size.Memory().Value()))
}

// cgroup is a pod's control group, with the driver of systemd.
func cgroup(p *pod) string {
	class, uid := strings.ToLower(string(p.spec.Status.QOSClass)), strings.ReplaceAll(string(p.uid), "-", "_")
	if class == "" || class == "guaranteed" {
		return "/kubepods.slice/kubepods-pod" + uid + ".slice"
	}
	return fmt.Sprintf("/kubepods.slice/kubepods-%s.slice/kubepods-%[1]s-pod%s.slice", class, uid)
}
