package kinds

import (
	"reflect"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// enums are the values of Kubernetes' types that have few and that everybody knows. Of
// most other types of text anybody may add values.
var enums = func() map[reflect.Type][]string {
	m := map[reflect.Type][]string{}
	add(m, corev1.PodPending, corev1.PodRunning, corev1.PodSucceeded, corev1.PodFailed, corev1.PodUnknown)
	add(m, corev1.ConditionTrue, corev1.ConditionFalse, corev1.ConditionUnknown)
	add(m, metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown)
	add(m, corev1.NamespaceActive, corev1.NamespaceTerminating)
	add(m, corev1.ClaimPending, corev1.ClaimBound, corev1.ClaimLost)
	add(m, corev1.VolumePending, corev1.VolumeAvailable, corev1.VolumeBound, corev1.VolumeReleased, corev1.VolumeFailed)
	add(m, corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeExternalName)
	add(m, corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute)
	add(m, corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever)
	add(m, corev1.PullAlways, corev1.PullNever, corev1.PullIfNotPresent)
	add(m, corev1.PodQOSGuaranteed, corev1.PodQOSBurstable, corev1.PodQOSBestEffort)
	add(m, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP)
	add(m, corev1.ServiceExternalTrafficPolicyCluster, corev1.ServiceExternalTrafficPolicyLocal)
	add(m, appsv1.RecreateDeploymentStrategyType, appsv1.RollingUpdateDeploymentStrategyType)
	add(m, appsv1.RollingUpdateDaemonSetStrategyType, appsv1.OnDeleteDaemonSetStrategyType)
	add(m, appsv1.RollingUpdateStatefulSetStrategyType, appsv1.OnDeleteStatefulSetStrategyType)
	add(m, appsv1.OrderedReadyPodManagement, appsv1.ParallelPodManagement)
	add(m, discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6, discoveryv1.AddressTypeFQDN)
	return m
}()

// add adds the values of a type.
func add[T ~string](m map[reflect.Type][]string, values ...T) {
	for _, v := range values {
		m[reflect.TypeFor[T]()] = append(m[reflect.TypeFor[T]()], string(v))
	}
}

// Enum is what a value of one of Kubernetes' Go types can be; nil if it can be
// anything.
func Enum(t reflect.Type) []string { return enums[t] }

// GoType is the struct of a kind; nil if client-go has none.
func GoType(gvk schema.GroupVersionKind) reflect.Type {
	obj, err := scheme.Scheme.New(gvk)
	if err != nil {
		return nil
	}
	return reflect.TypeOf(obj).Elem()
}
