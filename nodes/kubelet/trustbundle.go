package kubelet

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
)

// Kinds of [ref] for a projected ClusterTrustBundle: one by its name, and those of a signer
// that a selector selects.
const (
	trustBundle  = "clustertrustbundle"
	trustBundles = "clustertrustbundles"
)

// trustKey is under which a bundle's certificates are in its [config].
const trustKey = "bundle"

// trustRef is what a projection refers to. A selector that is no selector selects nothing,
// which the API server does not let in.
func trustRef(s *corev1.ClusterTrustBundleProjection) ref {
	if s.Name != nil {
		return ref{kind: trustBundle, name: *s.Name}
	}
	r := ref{kind: trustBundles, name: ptr.Deref(s.SignerName, "")}
	if selector, err := metav1.LabelSelectorAsSelector(s.LabelSelector); err == nil && s.LabelSelector != nil {
		r.selector = selector.String()
	} else {
		r.selector = nothing
	}
	return r
}

// nothing is a selector that selects nothing.
const nothing = "!,!"

// getTrust asks the API server for the certificates that a projection refers to.
func (ks *Kubelets) getTrust(ctx context.Context, r ref) (*config, error) {
	bundles := ks.Client.CertificatesV1().ClusterTrustBundles()
	var texts []string
	if r.kind == trustBundle {
		b, err := bundles.Get(ctx, r.name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		texts = append(texts, b.Spec.TrustBundle)
	} else if r.selector != nothing {
		list, err := bundles.List(ctx, metav1.ListOptions{LabelSelector: r.selector, FieldSelector: fields.OneTermEqualSelector("spec.signerName", r.name).String()})
		if err != nil {
			return nil, err
		}
		for _, b := range list.Items {
			texts = append(texts, b.Spec.TrustBundle)
		}
	}
	if len(texts) == 0 {
		return nil, apierrors.NewNotFound(schema.GroupResource{Group: "certificates.k8s.io", Resource: "clustertrustbundles"}, r.name)
	}
	return &config{data: map[string][]byte{trustKey: normalized(texts)}}, nil
}

// normalized are the certificates of bundles, each once, without what stands between them.
func normalized(texts []string) []byte {
	var blocks []string
	for _, t := range texts {
		blocks = append(blocks, certificates(t)...)
	}
	slices.Sort(blocks)
	var all bytes.Buffer
	for _, b := range slices.Compact(blocks) {
		all.WriteString(b)
	}
	return all.Bytes()
}

// certificates are those of a text, each in PEM, without what stands between them.
func certificates(text string) (blocks []string) {
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			blocks = append(blocks, string(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})))
		}
	}
	return blocks
}

// missingTrust says in the kubelet's words that there is no such bundle (kubernetes 1.37,
// pkg/kubelet/clustertrustbundle).
func missingTrust(r ref) error {
	if r.kind == trustBundle {
		return fmt.Errorf("clustertrustbundles.certificates.k8s.io %q not found", r.name)
	}
	return fmt.Errorf("combination of signerName and labelSelector matched zero ClusterTrustBundles")
}
