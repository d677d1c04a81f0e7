package nodes

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func imageVolume(name, reference string, policy corev1.PullPolicy) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: reference, PullPolicy: policy}}}
}

// An image volume has the files of its image, which nobody can change or run.
func TestAnImageVolume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		w.create(testPod(w.f, "p", script("sleep 3600"), volumes(imageVolume("kitten", "registry.k8s.io/e2e-test-images/kitten:1.8", corev1.PullAlways), imageVolume("nginx", "nginx:1.29", "")), func(p *corev1.Pod) {
			p.Spec.Containers[0].VolumeMounts = append(p.Spec.Containers[0].VolumeMounts, corev1.VolumeMount{Name: "nginx", MountPath: "/web", SubPath: "usr/share/nginx/html"})
		}))
		w.pass(10 * time.Second)
		for command, want := range map[string]string{
			"cat /kitten/data.json":                              `{"image": "kitten.jpg"}`,
			"cat /kitten/etc/os-release":                         "NAME=\"Alpine Linux\"\nID=alpine\nPRETTY_NAME=\"Alpine Linux v3.22\"",
			"ls /web":                                            "index.html",
			"exec 2>&1; echo x > /kitten/data.json":              "sh: can't create /kitten/data.json: Read-only file system",
			"exec 2>&1; /nginx/docker-entrypoint.sh sh; echo $?": "sh: 1: /nginx/docker-entrypoint.sh: Permission denied\n126",
			"test -x /nginx/docker-entrypoint.sh || echo no":     "no",
			"sh /nginx/docker-entrypoint.sh echo read":           "read",
			"mount -t overlay":                                   "overlay on / type overlay (rw,relatime)\noverlay on /kitten type overlay (ro,noexec,relatime)\noverlay on /nginx type overlay (ro,noexec,relatime)\noverlay on /web type overlay (ro,noexec,relatime)",
		} {
			if got := strings.TrimSpace(w.exec("p", command)); got != want {
				t.Errorf("%s:\n got %s\nwant %s", command, got, want)
			}
		}
		events := w.events("p")
		for _, want := range []string{`Pulling: Pulling image "registry.k8s.io/e2e-test-images/kitten:1.8"`, `Pulled: Successfully pulled image "nginx:1.29"`} {
			if strings.Count(events, want) != 1 {
				t.Errorf("want %q once in\n%s", want, events)
			}
		}
	})
}

// A container is not made without the image volumes that it mounts; one that mounts none is.
func TestImageVolumesThatCannotBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, nil)
		defer w.stop()
		part := func(sub string) func(*corev1.Pod) {
			return func(p *corev1.Pod) { p.Spec.Containers[0].VolumeMounts[0].SubPath = sub }
		}
		for _, c := range []struct {
			name   string
			volume corev1.Volume
			change func(*corev1.Pod)
			reason string
			says   string // in an event, and of the container
		}{
			{"missing", imageVolume("v", "nginx:no-such", ""), part(""), "ImagePullBackOff", "no-such: not found"},
			{"never", imageVolume("v", "redis:8", corev1.PullNever), part(""), "ErrImageNeverPull", `Container image "redis:8" is not present with pull policy of Never`},
			{"name", imageVolume("v", "NGINX", ""), part(""), "InvalidImageName", `Failed to apply default image tag "NGINX"`},
			{"part", imageVolume("v", "nginx:1.29", ""), part("opt/none"), "CreateContainerError", `failed to mount image volume: ImageVolumeMountFailed: failed to ensure image subpath "opt/none" in "/run/containerd/`},
			{"file", imageVolume("v", "nginx:1.29", ""), part("docker-entrypoint.sh"), "CreateContainerError", `only directory subpath is supported, subpath: "docker-entrypoint.sh"`},
			{"program", imageVolume("v", "nginx:1.29", ""), func(p *corev1.Pod) { p.Spec.Containers[0].Command = []string{"/v/docker-entrypoint.sh"} }, "CrashLoopBackOff", `exec: "/v/docker-entrypoint.sh": permission denied`},
		} {
			w.create(testPod(w.f, c.name, script("sleep 3600"), volumes(c.volume), c.change, func(p *corev1.Pod) {
				p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "other", Image: "busybox:1", Command: []string{"sleep", "3600"}})
			}))
			w.pass(17 * time.Second)
			s := w.pod(c.name).Status.ContainerStatuses
			if s[0].State.Waiting == nil || s[0].State.Waiting.Reason != c.reason || s[1].State.Running == nil {
				t.Errorf("%s: got %+v", c.name, s)
				continue
			}
			said := s[0].State.Waiting.Message
			if l := s[0].LastTerminationState.Terminated; l != nil {
				said = l.Message
			}
			if events := w.events(c.name); !strings.Contains(said, c.says) || !strings.Contains(events, c.says) || !strings.Contains(events, "Failed: Error: ") {
				t.Errorf("%s says %q, and\n%s", c.name, said, events)
			}
		}
	})
}
