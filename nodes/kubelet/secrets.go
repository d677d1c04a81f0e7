package kubelet

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"demarc/nodes/certgen"
	"demarc/nodes/image"
	"demarc/sim/clock"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// secretRetry is how long a program waits that could not make its Secret.
const secretRetry = 5 * time.Second

// makeSecrets has a program make its Secrets, each as soon as it can, while it runs. Other
// containers may mount them, and wait.
func (c *container) makeSecrets(list []image.Secret) {
	if len(list) == 0 {
		return
	}
	ks, id, log, namespace := c.p.k.ks, c.id, c.log, c.p.namespace
	ctx := WithServiceAccount(ks.ctx, namespace, cmp.Or(c.p.spec.Spec.ServiceAccountName, "default"))
	ks.scripts.Go(func() {
		for _, s := range list {
			for err := ks.makeSecret(ctx, namespace, s); err != nil; err = ks.makeSecret(ctx, namespace, s) {
				fmt.Fprintf(log, "cannot make the secret %s: %v\n", s.Name, err)
				if !clock.Sleep(ctx, secretRetry) || !c.runs(id) {
					return
				}
			}
		}
	})
}

// runs says whether an instance of the container still runs. The lock is not held.
func (c *container) runs(id string) bool {
	ks := c.p.k.ks
	ks.Lock.Lock()
	defer ks.Lock.Unlock()
	return c.state == running && c.id == id
}

func (ks *Kubelets) makeSecret(ctx context.Context, namespace string, s image.Secret) error {
	secrets := ks.Client.CoreV1().Secrets(namespace)
	if _, err := secrets.Get(ctx, s.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		return err
	}
	data, err := contents(s.Keys, namespace, time.Now())
	if err != nil {
		return err
	}
	_, err = secrets.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: s.Name, Namespace: namespace}, Data: data}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// contents are what a program puts into a Secret's keys: parts of a certificate, which is for
// any Service of the namespace, or passwords.
func contents(keys []string, namespace string, now time.Time) (map[string][]byte, error) {
	ca, cert, key, err := certgen.Certificates([]string{"*." + namespace, "*." + namespace + ".svc"}, now)
	if err != nil {
		return nil, err
	}
	data := map[string][]byte{}
	for _, k := range keys {
		switch {
		case k == "ca.crt":
			data[k] = ca
		case strings.HasSuffix(k, "crt"):
			data[k] = cert
		case strings.HasSuffix(k, "key"):
			data[k] = key
		default:
			data[k] = []byte(rand.Text())
		}
	}
	return data, nil
}
