package program

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"

	"demarc/sim/annotation"
)

// maxReview bounds what is read of a review: what an API server may send.
const maxReview = 8 << 20

// review is what an API server asks a webhook, and what it answers: of
// admission.k8s.io AdmissionReview and of apiextensions.k8s.io ConversionReview what a
// simulated webhook looks at.
type review struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Request    *reviewRequest `json:"request,omitempty"`
	Response   map[string]any `json:"response,omitempty"`
}

type reviewRequest struct {
	UID       string         `json:"uid"`
	Operation string         `json:"operation"`
	Name      string         `json:"name"`
	Object    map[string]any `json:"object"`
	OldObject map[string]any `json:"oldObject"`

	DesiredAPIVersion string           `json:"desiredAPIVersion"`
	Objects           []map[string]any `json:"objects"`
}

// reviewer answers a review itself, or leaves it: not ok.
type reviewer func(r *http.Request, q *reviewRequest) (answer map[string]any, ok bool)

// reviews answers a request that is a review, and says whether it was one. What no program
// has looked at is allowed, unless an annotation of the pod denies it; and is converted by
// its version's name alone.
func (h handler) reviews(w http.ResponseWriter, r *http.Request) bool {
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); r.Method != http.MethodPost || media != "application/json" {
		return false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReview))
	r.Body = io.NopCloser(bytes.NewReader(body)) // for whoever answers what is no review
	var x review
	if err != nil || json.Unmarshal(body, &x) != nil || x.Request == nil {
		return false
	}
	own, answered := map[string]any(nil), false
	if _, denies := h.spec.annotation(annotation.Deny); h.reviewer != nil && !denies {
		own, answered = h.reviewer(r, x.Request)
	}
	switch {
	case answered:
		x.Response = own
	case x.Kind == "AdmissionReview":
		x.Response = h.admission(x.Request.UID)
	case x.Kind == "ConversionReview":
		for _, o := range x.Request.Objects {
			o["apiVersion"] = x.Request.DesiredAPIVersion
		}
		x.Response = map[string]any{"uid": x.Request.UID, "convertedObjects": x.Request.Objects, "result": map[string]any{"status": "Success"}}
	default:
		return false
	}
	x.Request = nil
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(x) // the client has gone, or not
	return true
}

func (h handler) admission(uid string) map[string]any {
	why, denies := h.spec.annotation(annotation.Deny)
	answer := map[string]any{"uid": uid, "allowed": !denies}
	if denies {
		answer["status"] = map[string]any{"code": http.StatusForbidden, "message": why}
	}
	return answer
}
