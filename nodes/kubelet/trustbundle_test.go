package kubelet

import (
	"encoding/pem"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestNormalized(t *testing.T) {
	block := func(text string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(text)}))
	}
	a, b := block("a"), block("b")
	if got := string(normalized([]string{"who: me\n" + b, a + b})); got != a+b {
		t.Errorf("got\n%s\nwant each certificate once:\n%s", got, a+b)
	}
}

func TestTrustRef(t *testing.T) {
	signer := "example.com/s"
	for want, s := range map[string]*corev1.ClusterTrustBundleProjection{
		nothing: {SignerName: &signer},
		"":      {SignerName: &signer, LabelSelector: &metav1.LabelSelector{}},
		"a=b":   {SignerName: &signer, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}},
	} {
		if got := trustRef(s); got != (ref{trustBundles, signer, want}) {
			t.Errorf("got %+v, want the selector %q", got, want)
		}
	}
}

func TestSubPath(t *testing.T) {
	env := &variables{values: map[string]string{"EMPTY": "", "UP": "..", "N": "n"}}
	for expr, want := range map[string]string{
		"$(N)/x":     "",
		"$(EMPTY)/x": "error SubPath `/x` must not be an absolute path",
		"$(UP)/x":    "unable to provision SubPath `../x`: must not contain '..'",
		"$(MISSING)": `missing value for "MISSING"`,
	} {
		sub, err := subPath(&corev1.VolumeMount{SubPathExpr: expr}, env)
		switch {
		case want == "" && (err != nil || sub != "n/x"):
			t.Errorf("%s: got %q, %v", expr, sub, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v, want %s", expr, err, want)
		}
	}
}
