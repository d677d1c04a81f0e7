package kubelet

import (
	"fmt"
	"sync"
	"syscall"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// tokenSource is a service account's token in a volume. A kubelet asks for it before the
// pod starts, and again from time to time; here it is asked for when somebody reads the
// file, and so an idle cluster asks for none.
type tokenSource struct {
	p       *pod
	spec    authenticationv1.TokenRequestSpec
	account string

	mu    sync.Mutex
	token string
	renew time.Time // when another one is due
}

// typicalToken is the size of a token that nobody has read yet, in bytes.
const typicalToken = 1100

func (p *pod) newToken(s *corev1.ServiceAccountTokenProjection) *tokenSource {
	t := &tokenSource{p: p, account: p.spec.Spec.ServiceAccountName, spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: ptr.To(ptr.Deref(s.ExpirationSeconds, 3600)),
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: p.name, UID: p.uid},
	}}
	if t.account == "" {
		t.account = "default"
	}
	if s.Audience != "" {
		t.spec.Audiences = []string{s.Audience}
	}
	return t
}

func (t *tokenSource) size() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == "" {
		return typicalToken
	}
	return int64(len(t.token))
}

// read returns the token. It is renewed when four fifths of its time are over (kubernetes
// 1.37, pkg/kubelet/token: requiresRefresh); until that succeeds the old one stays.
func (t *tokenSource) read() ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); t.token == "" || !now.Before(t.renew) {
		if err := t.request(now); err != nil && t.token == "" {
			return nil, fmt.Errorf("%w: %w", syscall.EIO, err)
		}
	}
	return []byte(t.token), nil
}

func (t *tokenSource) request(now time.Time) error {
	ks := t.p.k.ks
	ks.Lock.Lock()
	connected, parent := t.p.k.Connected(), ks.ctx
	ks.Lock.Unlock()
	if !connected || parent == nil {
		return errNotConnected
	}
	ctx, cancel := request(WithIdentity(parent, t.p.k.m.Name))
	defer cancel()
	r, err := ks.Client.CoreV1().ServiceAccounts(t.p.namespace).CreateToken(ctx, t.account, &authenticationv1.TokenRequest{Spec: t.spec}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	t.token = r.Status.Token
	life := time.Duration(*t.spec.ExpirationSeconds) * time.Second
	t.renew = now.Add(life * 4 / 5)
	return nil
}
