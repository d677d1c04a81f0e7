package login

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"demarc/nodes/host"
	"demarc/nodes/shell"
)

const socket = "/run/containerd/containerd.sock"

// runtimeDown is what crictl and ctr say when nothing answers behind the socket.
func runtimeDown(service string, err error) string {
	return fmt.Sprintf("validate service connection: validate CRI v1 %s API for endpoint \"unix://%s\": rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix %s: connect: %s\"", service, socket, socket, unanswered(err))
}

// unanswered is why nothing answers, in the kernel's words.
func unanswered(err error) string {
	for _, known := range []error{syscall.ENOENT, syscall.EACCES} {
		if strings.Contains(err.Error(), known.Error()) {
			return known.Error()
		}
	}
	return syscall.ECONNREFUSED.Error()
}

// look asks the runtime; its error is why that did not answer.
func (c *call) look(f func(r Runtime)) (err error) {
	err = errGone
	c.do(func(_ time.Time, _ *host.Host, r Runtime) {
		if err = r.Err(); err == nil {
			f(r)
		}
	})
	return err
}

// word13 is the beginning of an ID, as lists show it.
func word13(id string) string { return id[:min(len(id), 13)] }

// crictl knows ps, pods, logs, images, inspect, stop, rm, info, version and exec's refusal.
func crictl(_ context.Context, c *call) int {
	o := c.Options("r,runtime-endpoint= tail= name= namespace= state= label= output= pod= a,all q,quiet")
	tail, words := -1, o.Operands
	if n, err := strconv.Atoi(o.Value("tail")); err == nil {
		tail = max(n, 0)
	}
	if len(words) == 0 {
		return c.Done("NAME:\n   crictl - client for CRI\n\nUSAGE:\n   crictl [global options] command [command options] [arguments...]\n")
	}
	fatal := func(text string) int {
		fmt.Fprintf(c.Err, "FATA[0000] %s \n", text)
		return 1
	}
	if !c.Root() {
		return fatal(runtimeDown("runtime", syscall.EACCES))
	}
	var containers []Container
	var images []string
	now := c.Shell.Now()
	if err := c.look(func(r Runtime) { containers, images = r.Containers(), r.Images() }); err != nil {
		service := "runtime"
		if words[0] == "images" || words[0] == "pull" || words[0] == "rmi" {
			service = "image"
		}
		return fatal(runtimeDown(service, err))
	}
	switch words[0] {
	case "ps":
		return criPS(c, containers, o, now)
	case "pods":
		return criPods(c, containers, o.Has("q"), now)
	case "images", "image":
		c.Printf("%-70s %-20s %-15s %s\n", "IMAGE", "TAG", "IMAGE ID", "SIZE")
		for _, i := range images {
			name, tag := i, "latest"
			if k := strings.LastIndex(i, ":"); k > strings.LastIndex(i, "/") {
				name, tag = i[:k], i[k+1:]
			}
			c.Printf("%-70s %-20s %-15s %s\n", name, tag, word13(shortImage(i)), "42.1MB")
		}
		return 0
	case "info":
		return c.Done("{\n  \"status\": {\n    \"conditions\": [\n      {\n        \"type\": \"RuntimeReady\",\n        \"status\": true\n      },\n      {\n        \"type\": \"NetworkReady\",\n        \"status\": true\n      }\n    ]\n  }\n}\n")
	case "version":
		return c.Done("Version:  0.1.0\nRuntimeName:  containerd\nRuntimeApiVersion:  v1\n")
	case "stats", "exec", "pull", "rmi", "rmp", "stopp", "attach", "run", "create":
		return fatal(words[0] + ": demarc's crictl only looks at containers and stops them: use kubectl for the rest")
	case "logs", "inspect", "stop", "rm":
	default:
		return c.Fail("No help topic for '%s'", words[0])
	}
	if len(words) < 2 {
		return fatal("ID cannot be empty")
	}
	code := 0
	for _, id := range words[1:] {
		if err := criOne(c, words[0], id, containers, o.Has("f") && words[0] == "rm" || o.Has("force"), tail); err != nil {
			code = fatal(err.Error())
		}
	}
	return code
}

// checksum gives images a stable ID.
func checksum(s string) (h uint32) {
	h = 2166136261
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h
}

func criPS(c *call, containers []Container, o *shell.Options, now time.Time) int {
	quiet, state, namespace := o.Has("q"), o.Value("state"), o.Value("namespace")
	if !quiet {
		c.Printf("%-20s%-20s%-20s%-20s%-24s%-20s%-20s%s\n", "CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD")
	}
	for _, k := range containers {
		switch {
		case k.State != "Running" && !o.Has("a") && state == "", state != "" && !strings.EqualFold(state, k.State),
			!strings.Contains(k.Name, o.Value("name")), namespace != "" && namespace != k.Namespace:
			continue
		case quiet:
			c.Printf("%s\n", k.ID)
			continue
		}
		c.Printf("%-20s%-20s%-20s%-20s%-24s%-20d%-20s%s\n", word13(k.ID), word13(shortImage(k.Image)), criAgo(now.Sub(k.Created)), k.State, k.Name, k.Attempt, word13(k.PodID), k.Pod)
	}
	return 0
}

// shortImage is an image's ID, which stands for it in lists.
func shortImage(image string) string {
	return fmt.Sprintf("%08x%08x", checksum(image), checksum(image+"x"))
}

// criAgo is an age in crictl's words.
func criAgo(d time.Duration) string {
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"days", 24 * time.Hour}, {"hours", time.Hour}, {"minutes", time.Minute}} {
		if n := d / u.size; n > 1 {
			return fmt.Sprintf("%d %s ago", n, u.name)
		}
	}
	if d >= time.Minute {
		return "About a minute ago"
	}
	return fmt.Sprintf("%d seconds ago", int(d.Seconds()))
}

func criPods(c *call, containers []Container, quiet bool, now time.Time) int {
	if !quiet {
		c.Printf("%-20s%-20s%-20s%-50s%-20s%-20s%s\n", "POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME")
	}
	seen := map[string]bool{}
	for _, k := range containers {
		if seen[k.PodID] {
			continue
		}
		seen[k.PodID] = true
		state := "NotReady"
		if slices.ContainsFunc(containers, func(o Container) bool { return o.PodID == k.PodID && o.State == "Running" }) {
			state = "Ready"
		}
		if quiet {
			c.Printf("%s\n", k.PodID)
			continue
		}
		c.Printf("%-20s%-20s%-20s%-50s%-20s%-20d%s\n", word13(k.PodID), criAgo(now.Sub(k.Created)), state, k.Pod, k.Namespace, 0, "(default)")
	}
	return 0
}

// criOne does to one container what a verb says.
func criOne(c *call, verb, id string, containers []Container, force bool, tail int) error {
	i := slices.IndexFunc(containers, func(k Container) bool { return id != "" && strings.HasPrefix(k.ID, id) })
	if i < 0 {
		return fmt.Errorf("rpc error: code = NotFound desc = an error occurred when try to find container %q: not found", id)
	}
	k := containers[i]
	switch verb {
	case "logs":
		var logs []byte
		if err := c.look(func(r Runtime) { logs = r.Logs(k.ID) }); err != nil {
			return errors.New(runtimeDown("runtime", err))
		}
		if tail >= 0 {
			logs = shell.Part(logs, tail, true, false, false, false)
		}
		_, _ = c.Out.Write(logs) // ends when the reader does
	case "inspect":
		b, err := json.MarshalIndent(map[string]any{
			"status": map[string]any{
				"id": k.ID, "metadata": map[string]any{"name": k.Name, "attempt": k.Attempt}, "state": "CONTAINER_" + strings.ToUpper(k.State),
				"createdAt": k.Created.UTC().Format(time.RFC3339Nano), "exitCode": k.ExitCode, "image": map[string]any{"image": k.Image},
				"labels": map[string]any{"io.kubernetes.container.name": k.Name, "io.kubernetes.pod.name": k.Pod, "io.kubernetes.pod.namespace": k.Namespace},
			},
			"info": map[string]any{"pid": k.PID, "sandboxID": k.PodID},
		}, "", "  ")
		if err != nil {
			return err
		}
		c.Printf("%s\n", b)
	case "stop", "rm":
		if verb == "rm" && k.State == "Running" && !force {
			return fmt.Errorf("removing the container %q: rpc error: code = Unknown desc = container %q is running, please stop first", id, id)
		}
		signal := 15
		if verb == "rm" {
			signal = 9
		}
		if k.State == "Running" {
			if err := c.look(func(r Runtime) { r.Kill(k.ID, signal) }); err != nil {
				return errors.New(runtimeDown("runtime", err))
			}
		}
		c.Printf("%s\n", id)
	}
	return nil
}

// ctr knows containers ls, tasks ls, tasks kill and images ls.
func ctr(_ context.Context, c *call) int {
	o := c.Options("n,namespace= a,address= s,signal=")
	if !c.Root() {
		return c.Fail("ctr: failed to dial %q: connection error: desc = \"transport: error while dialing: dial unix %s: connect: permission denied\"", socket, socket)
	}
	var containers []Container
	var images []string
	if err := c.look(func(r Runtime) { containers, images = r.Containers(), r.Images() }); err != nil {
		return c.Fail("ctr: failed to dial %q: connection error: desc = \"transport: error while dialing: dial unix %s: connect: %s\"", socket, socket, unanswered(err))
	}
	if o.Value("n") != "k8s.io" {
		containers, images = nil, nil
	}
	words := append(o.Operands, "", "", "")
	switch words[0] {
	case "c", "container", "containers":
		c.Printf("%-67s%-60s%s\n", "CONTAINER", "IMAGE", "RUNTIME")
		for _, k := range containers {
			c.Printf("%-67s%-60s%s\n", k.ID, k.Image, "io.containerd.runc.v2")
		}
	case "t", "task", "tasks":
		if words[1] == "kill" {
			for _, k := range containers {
				if words[2] != "" && k.ID == words[2] {
					_ = c.look(func(r Runtime) { r.Kill(k.ID, 9) }) // it answered a moment ago
					return 0
				}
			}
			return c.Fail("ctr: no running task found: task %s not found: not found", words[2])
		}
		c.Printf("%-67s%-8s%s\n", "TASK", "PID", "STATUS")
		for _, k := range containers {
			if k.State == "Running" {
				c.Printf("%-67s%-8d%s\n", k.ID, k.PID, "RUNNING")
			}
		}
	case "i", "image", "images":
		c.Printf("REF\n")
		c.Print(images)
	default:
		return c.Fail("No help topic for '%s'", words[0])
	}
	return 0
}

// docker is there once docker.io is installed, and has none of the cluster's containers.
func docker(_ context.Context, c *call) int {
	u, ok := c.unit("docker.service")
	running := ok && u.Active == "active"
	switch words := append(c.Operands(), "", ""); {
	case !c.Root():
		return c.Fail("permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock")
	case !running:
		return c.Fail("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?")
	case words[0] == "ps":
		c.Printf("CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n")
	case words[0] == "images":
		c.Printf("REPOSITORY   TAG       IMAGE ID   CREATED   SIZE\n")
	case words[0] == "version" || words[0] == "info":
		c.Printf("Client:\n Version:           24.0.7\n\nServer:\n Engine:\n  Version:          24.0.7\n")
	default:
		return c.Fail("docker: demarc's docker has no containers: the cluster's are containerd's (crictl ps)")
	}
	return 0
}

// kubectl is on the nodes, with the kubelet's identity, which may do little.
func kubectl(_ context.Context, c *call) int {
	o := c.Options("n,namespace= l= o,output= f= kubeconfig=")
	given, words := o.Value("kubeconfig"), append(o.Operands, "", "")
	switch {
	case words[0] == "version":
		return c.Done("Client Version: v1.37.0\n")
	case given == "":
		return c.Fail("The connection to the server localhost:8080 was refused - did you specify the right host or port?")
	}
	if _, err := c.Read(given); err != nil {
		return c.Fail("error: error loading config file %q: open %s: %s", given, given, strings.ToLower(shell.Reason(err)))
	}
	verb := cmp.Or(map[string]string{"get": "list", "describe": "get", "delete": "delete", "drain": "patch", "cordon": "patch", "apply": "create"}[words[0]], "get")
	resource := strings.TrimSuffix(strings.Split(words[1], "/")[0], "s") + "s"
	if words[0] == "drain" || words[0] == "cordon" || words[1] == "" || words[1] == "no" {
		resource = "nodes"
	}
	return c.Fail("Error from server (Forbidden): %s is forbidden: User \"system:node:%s\" cannot %s resource \"%s\" in API group \"\" at the cluster scope", resource, c.s.name, verb, resource)
}
