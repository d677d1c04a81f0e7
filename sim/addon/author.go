package addon

import (
	"encoding/json"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// author is who wrote the paths of an object last, as its managed fields tell,
// and when. Nobody owns a field that was taken away: then it is whoever wrote
// anything last since the object was accepted. Both are zero if the object does
// not tell.
func author(accepted, live *unstructured.Unstructured, paths []path) (by string, at time.Time) {
	for _, owners := range []bool{true, false} {
		for _, e := range live.GetManagedFields() {
			switch {
			case e.Manager == FieldManager, e.Time == nil, e.Time.Time.Before(at):
			case owners && !ownsAny(e, paths):
			case !owners && (e.Subresource != "" || e.Manager == "kube-controller-manager" || !since(accepted, e)):
			default:
				by, at = e.Manager, e.Time.Time
			}
		}
		if by != "" {
			return by, at
		}
	}
	return "", time.Time{}
}

// since says whether an entry was made or renewed since an object was accepted.
func since(accepted *unstructured.Unstructured, e metav1.ManagedFieldsEntry) bool {
	return accepted != nil && !slices.ContainsFunc(accepted.GetManagedFields(), func(old metav1.ManagedFieldsEntry) bool {
		return old.Manager == e.Manager && old.Operation == e.Operation && old.Time.Equal(e.Time)
	})
}

// creator is who made an object, by the eldest entry of its managed fields.
func creator(live *unstructured.Unstructured) string {
	by, at := "", time.Time{}
	for _, e := range live.GetManagedFields() {
		if e.Time != nil && (by == "" || e.Time.Time.Before(at)) {
			by, at = e.Manager, e.Time.Time
		}
	}
	return by
}

// ownsAny says whether an entry has one of the paths.
func ownsAny(e metav1.ManagedFieldsEntry, paths []path) bool {
	if e.FieldsV1 == nil {
		return false
	}
	var fields map[string]any
	if json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields) != nil {
		return false
	}
	for _, p := range paths {
		if owns(fields, p) {
			return true
		}
	}
	return false
}

// owns says whether a path is in managed fields. Whoever owns a list that is
// replaced as a whole owns its items.
func owns(fields map[string]any, p path) bool {
	for _, s := range p {
		if len(fields) == 0 {
			return true
		}
		key := "f:" + s
		if s[0] == '[' {
			// Names are written in JSON as they are: they hold no quotes.
			key = `k:{"name":"` + s[1:len(s)-1] + `"}`
		}
		next, ok := fields[key].(map[string]any)
		if !ok {
			return false
		}
		fields = next
	}
	return true
}
