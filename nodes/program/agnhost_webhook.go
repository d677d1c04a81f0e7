package program

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"time"

	"demarc/sim/clock"
)

// Marks by which the webhook of agnhost knows what to refuse and what to change.
const (
	webhookMark     = "webhook-e2e-test"
	webhookDisallow = "webhook-disallow"
	webhookHang     = "wait-forever"
)

// agnhostReviews are the paths of agnhost's webhook and what it says there.
var agnhostReviews = map[string]func(q *reviewRequest) verdict{
	"/always-deny":              func(*reviewRequest) verdict { return verdict{refusal: "this webhook denies all requests"} },
	"/always-allow-delay-5s":    func(*reviewRequest) verdict { return verdict{delay: 5 * time.Second} },
	"/add-label":                addLabel,
	"/pods":                     refusePods,
	"/pods/attach":              refuseAttach,
	"/mutating-pods":            addInitContainer,
	"/configmaps":               refuseData("the configmap contains unwanted key and value"),
	"/mutating-configmaps":      stageData,
	"/custom-resource":          refuseCustom,
	"/mutating-custom-resource": stageData,
	"/crd":                      refuseCRD,
}

// verdict is what a webhook answers: a refusal, or what is to be changed; after a delay.
type verdict struct {
	refusal string
	patch   []patch
	delay   time.Duration
}

// patch is an operation of JSON Patch (RFC 6902).
type patch struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// agnhostWebhook answers reviews as agnhost's webhook does, by their paths.
func agnhostWebhook(r *http.Request, q *reviewRequest) (map[string]any, bool) {
	judge, ok := agnhostReviews[r.URL.Path]
	if !ok {
		return nil, false
	}
	v := judge(q)
	if v.delay > 0 && !clock.Sleep(r.Context(), v.delay) {
		return nil, false
	}
	answer := map[string]any{"uid": q.UID, "allowed": v.refusal == ""}
	if v.refusal != "" {
		answer["status"] = map[string]any{"message": v.refusal}
	}
	if len(v.patch) > 0 {
		b, err := json.Marshal(v.patch)
		if err != nil {
			return nil, false
		}
		answer["patchType"], answer["patch"] = "JSONPatch", b // which is written in base64
	}
	return answer, true
}

// at is what stands in an object below names; nil if nothing does.
func at(object map[string]any, names ...string) any {
	var v any = object
	for _, n := range names {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[n]
	}
	return v
}

func addLabel(q *reviewRequest) verdict {
	labels, _ := at(q.Object, "metadata", "labels").(map[string]any)
	switch {
	case labels["added-label"] != nil:
		return verdict{}
	case len(labels) == 0:
		return verdict{patch: []patch{{"add", "/metadata/labels", map[string]string{"added-label": "yes"}}}}
	}
	return verdict{patch: []patch{{"add", "/metadata/labels/added-label", "yes"}}}
}

func refusePods(q *reviewRequest) verdict {
	var reasons []string
	containers, _ := at(q.Object, "spec", "containers").([]any)
	for _, c := range containers {
		if m, ok := c.(map[string]any); ok && strings.Contains(text(m["name"]), webhookDisallow) {
			reasons = append(reasons, "the pod contains unwanted container name")
		}
	}
	mark := at(q.Object, "metadata", "labels", webhookMark)
	if mark == webhookDisallow {
		reasons = append(reasons, "the pod contains unwanted label")
	}
	v := verdict{refusal: strings.Join(reasons, "; ")}
	if mark == webhookHang {
		v.delay = time.Hour // nobody waits so long
	}
	return v
}

func text(v any) string { s, _ := v.(string); return s }

func refuseAttach(q *reviewRequest) verdict {
	if q.Name == "to-be-attached-pod" {
		return verdict{refusal: "attaching to pod 'to-be-attached-pod' is not allowed"}
	}
	return verdict{}
}

func addInitContainer(q *reviewRequest) verdict {
	if at(q.Object, "metadata", "name") != "webhook-to-be-mutated" {
		return verdict{}
	}
	return verdict{patch: []patch{{"add", "/spec/initContainers", []map[string]any{{
		"name": "webhook-added-init-container", "image": "webhook-added-image", "resources": map[string]any{},
	}}}}}
}

// refuseData refuses objects whose data have the mark.
func refuseData(reason string) func(*reviewRequest) verdict {
	return func(q *reviewRequest) verdict {
		if at(q.Object, "data", webhookMark) == webhookDisallow {
			return verdict{refusal: reason}
		}
		return verdict{}
	}
}

// refuseCustom refuses custom resources with the mark, and the deletion of those that are
// marked for that.
func refuseCustom(q *reviewRequest) verdict {
	if q.Operation == "DELETE" {
		if at(q.OldObject, "data", webhookMark) == "webhook-nondeletable" {
			return verdict{refusal: "the custom resource cannot be deleted because it contains unwanted key and value"}
		}
		return verdict{}
	}
	return refuseData("the custom resource contains unwanted data")(q)
}

// stageData adds the next stage to data that have one.
func stageData(q *reviewRequest) verdict {
	var v verdict
	for _, s := range [][2]string{{"mutation-start", "mutation-stage-1"}, {"mutation-stage-1", "mutation-stage-2"}} {
		if at(q.Object, "data", s[0]) == "yes" {
			v.patch = append(v.patch, patch{"add", "/data/" + s[1], "yes"})
		}
	}
	return v
}

func refuseCRD(q *reviewRequest) verdict {
	if at(q.Object, "metadata", "labels", webhookMark) == webhookDisallow {
		return verdict{refusal: "the crd contains unwanted label"}
	}
	return verdict{}
}

// agnhostConverter converts as agnhost's crd-conversion-webhook does: hostPort of one
// version is host and port of the other.
func agnhostConverter(r *http.Request, q *reviewRequest) (map[string]any, bool) {
	if r.URL.Path != "/crdconvert" {
		return nil, false
	}
	converted := make([]map[string]any, len(q.Objects))
	for i, o := range q.Objects {
		c := maps.Clone(o)
		whole, joined := o["hostPort"].(string)
		host, split := o["host"].(string)
		switch wants := strings.TrimPrefix(q.DesiredAPIVersion, "stable.example.com/"); {
		case joined && wants == "v2":
			delete(c, "hostPort")
			c["host"], c["port"], _ = strings.Cut(whole, ":")
		case split && wants == "v1":
			delete(c, "host")
			delete(c, "port")
			c["hostPort"] = host + ":" + text(o["port"])
		}
		c["apiVersion"] = q.DesiredAPIVersion
		converted[i] = c
	}
	return map[string]any{"uid": q.UID, "convertedObjects": converted, "result": map[string]any{"status": "Success"}}, true
}
