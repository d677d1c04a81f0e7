// Package certmanager is what cert-manager's controller does, as a container of its image runs
// it: Issuers become ready, and Certificates get the Secrets that pods mount (cert-manager 1.18,
// pkg/controller). There is nobody outside to ask, so any issuer that is neither of a CA nor
// signs itself has its certificates from a CA of the program's own.
package certmanager

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	"demarc/sim/clock"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

const (
	group = "cert-manager.io"
	api   = "/apis/" + group + "/v1/"
	ready = "Ready"
	caKey = "ca.crt" // of a Secret, beside the keys of its type
	round = 10 * time.Second
)

// object is what is looked at of an Issuer, a ClusterIssuer or a Certificate.
type object struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		CA *struct {
			SecretName string `json:"secretName"`
		} `json:"ca"`
		SelfSigned *struct{} `json:"selfSigned"`

		SecretName     string            `json:"secretName"`
		SecretTemplate metav1.ObjectMeta `json:"secretTemplate"`
		CommonName     string            `json:"commonName"`
		DNSNames       []string          `json:"dnsNames"`
		IPAddresses    []string          `json:"ipAddresses"`
		IsCA           bool              `json:"isCA"`
		Duration       metav1.Duration   `json:"duration"`
		IssuerRef      struct {
			Name  string `json:"name"`
			Kind  string `json:"kind"`
			Group string `json:"group"`
		} `json:"issuerRef"`
	} `json:"spec"`
	Status struct {
		Conditions []metav1.Condition `json:"conditions"`
	} `json:"status"`
}

// manager is one run of the program.
type manager struct {
	client    kubernetes.Interface
	out       io.Writer
	namespace string // of the program's pod, where the Secrets of ClusterIssuers are
	own       *authority
}

// Run issues certificates until ctx ends, with a client that speaks for the program's pod.
func Run(ctx context.Context, client kubernetes.Interface, out io.Writer, namespace string) int {
	m := &manager{client: client, out: out, namespace: namespace}
	for ok := true; ok; ok = clock.Sleep(ctx, round) {
		if err := m.round(ctx); err != nil && ctx.Err() == nil {
			fmt.Fprintf(out, "E %s %v\n", time.Now().UTC().Format(time.RFC3339), err)
		}
	}
	return 0
}

// round looks at all once. What fails is tried in the next.
func (m *manager) round(ctx context.Context) error {
	var failed error
	issuers := map[string]object{}
	for kind, path := range map[string]string{"Issuer": "issuers", "ClusterIssuer": "clusterissuers"} {
		all, err := m.list(ctx, path)
		failed = errors.Join(failed, err)
		for _, o := range all {
			if err := m.verify(ctx, path, o); err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			issuers[kind+"/"+o.Namespace+"/"+o.Name] = o
		}
	}
	certificates, err := m.list(ctx, "certificates")
	failed = errors.Join(failed, err)
	for _, o := range certificates {
		ref := o.Spec.IssuerRef
		kind, namespace := cmp.Or(ref.Kind, "Issuer"), o.Namespace
		if kind == "ClusterIssuer" {
			namespace = ""
		}
		if issuer, ok := issuers[kind+"/"+namespace+"/"+ref.Name]; ok && cmp.Or(ref.Group, group) == group {
			failed = errors.Join(failed, m.keep(ctx, o, issuer))
		}
	}
	return failed
}

func (m *manager) list(ctx context.Context, path string) ([]object, error) {
	b, err := m.client.CoreV1().RESTClient().Get().AbsPath(api + path).Do(ctx).Raw()
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []object `json:"items"`
	}
	return list.Items, json.Unmarshal(b, &list)
}

// verify says that an issuer is ready, or why it cannot be.
func (m *manager) verify(ctx context.Context, path string, o object) error {
	_, err := m.signer(ctx, o)
	c := metav1.Condition{Status: metav1.ConditionTrue, Reason: "IsReady"}
	if err != nil {
		c = metav1.Condition{Status: metav1.ConditionFalse, Reason: "ErrGetKeyPair", Message: err.Error()}
	}
	return errors.Join(err, m.report(ctx, path, o, c, nil))
}

// signer is the CA of an issuer; nil of one whose certificates sign themselves.
func (m *manager) signer(ctx context.Context, issuer object) (*authority, error) {
	switch {
	case issuer.Spec.SelfSigned != nil:
		return nil, nil
	case issuer.Spec.CA != nil:
		s, err := m.client.CoreV1().Secrets(cmp.Or(issuer.Namespace, m.namespace)).Get(ctx, issuer.Spec.CA.SecretName, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return readAuthority(s.Data[corev1.TLSCertKey], s.Data[corev1.TLSPrivateKeyKey])
	case m.own == nil:
		a, err := newAuthority(time.Now())
		if err != nil {
			return nil, err
		}
		m.own = a
	}
	return m.own, nil
}

// keep sees that a Certificate has its Secret, and that it is not about to expire.
func (m *manager) keep(ctx context.Context, o, issuer object) error {
	secrets, now := m.client.CoreV1().Secrets(o.Namespace), time.Now()
	s, err := secrets.Get(ctx, o.Spec.SecretName, metav1.GetOptions{})
	exists := err == nil
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	v, ok := validityOf(s.Data[corev1.TLSCertKey])
	if !exists || !ok || !now.Before(v.renewal()) {
		ca, err := m.signer(ctx, issuer)
		if err != nil {
			return err
		}
		data, err := issue(o, ca, now)
		if err != nil {
			return err
		}
		if !exists {
			s = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: o.Spec.SecretName, Namespace: o.Namespace}, Type: corev1.SecretTypeTLS}
		}
		s.Data = merged(s.Data, data)
		s.Labels = merged(s.Labels, o.Spec.SecretTemplate.Labels)
		s.Annotations = merged(s.Annotations, o.Spec.SecretTemplate.Annotations)
		s.Annotations = merged(s.Annotations, map[string]string{
			group + "/certificate-name": o.Name, group + "/issuer-name": issuer.Name, group + "/issuer-kind": cmp.Or(o.Spec.IssuerRef.Kind, "Issuer"), group + "/issuer-group": group,
		})
		if exists {
			_, err = secrets.Update(ctx, s, metav1.UpdateOptions{})
		} else {
			_, err = secrets.Create(ctx, s, metav1.CreateOptions{})
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(m.out, "I %s The certificate %s/%s has been successfully issued\n", now.UTC().Format(time.RFC3339), o.Namespace, o.Name)
		v, _ = validityOf(s.Data[corev1.TLSCertKey])
	}
	c := metav1.Condition{Status: metav1.ConditionTrue, Reason: ready, Message: "Certificate is up to date and has not expired"}
	return m.report(ctx, "certificates", o, c, map[string]any{"notBefore": v.from.Format(time.RFC3339), "notAfter": v.to.Format(time.RFC3339), "renewalTime": v.renewal().Format(time.RFC3339)})
}

// report writes a condition into an object's status, with what else it says, if it is new.
func (m *manager) report(ctx context.Context, path string, o object, c metav1.Condition, status map[string]any) error {
	c.Type, c.ObservedGeneration, c.LastTransitionTime = ready, o.Generation, metav1.Now()
	if !meta.SetStatusCondition(&o.Status.Conditions, c) {
		return nil
	}
	status = merged(status, map[string]any{"conditions": o.Status.Conditions})
	b, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	at := api + path + "/" + o.Name + "/status"
	if o.Namespace != "" {
		at = api + "namespaces/" + o.Namespace + "/" + path + "/" + o.Name + "/status"
	}
	return m.client.CoreV1().RESTClient().Patch(types.MergePatchType).AbsPath(at).Body(b).Do(ctx).Error()
}

func merged[V any](into, from map[string]V) map[string]V {
	if into == nil {
		into = map[string]V{}
	}
	maps.Copy(into, from)
	return into
}
